import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import css from './shell.module.css';

export type Crumb = [name: string, link: string];

interface HeadProps {
  crumbs?: Crumb[];
  /** The heading; `title` alone when there is nothing more to say. */
  heading?: ComponentChildren;
  tools?: ComponentChildren;
  title: string;
}

export function PageHead({ crumbs = [], heading, tools, title }: HeadProps) {
  useEffect(() => {
    document.title = `${title} · Trackside`;
  }, [title]);
  return (
    <div class={css.pageHead}>
      {crumbs.length > 0 && (
        <nav class={css.crumbs} aria-label="Breadcrumb">
          {crumbs.map(([name, link], index) => (
            <>
              {index > 0 && <span aria-hidden="true">/</span>}
              <a href={link}>{name}</a>
            </>
          ))}
        </nav>
      )}
      <div class={css.titleRow}>
        {heading === undefined ? <h1 class="cut">{title}</h1> : (heading ?? <h1 class="sr">{title}</h1>)}
        <span class="grow" />
        {tools}
      </div>
    </div>
  );
}

export function Page({ children, ...head }: HeadProps & { children: ComponentChildren }) {
  return (
    <div class={css.page}>
      <PageHead {...head} />
      {children}
    </div>
  );
}
