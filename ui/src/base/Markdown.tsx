import type DOMPurify from 'dompurify';
import { useEffect, useState } from 'preact/hooks';
import css from './text.module.css';

let render: ((text: string) => string) | undefined;
let loading: ReturnType<typeof load> | undefined;

/** marked and DOMPurify come with the first text that needs them. */
async function load(): Promise<(text: string) => string> {
  const [{ marked }, purify] = await Promise.all([import('marked'), import('dompurify')]);
  const clean: typeof DOMPurify = purify.default;
  clean.addHook('afterSanitizeAttributes', (node) => {
    if (node.tagName !== 'A') return;
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer');
  });
  return (text) =>
    clean.sanitize(marked.parse(text, { async: false, gfm: true, breaks: true }), {
      // Nothing that a text says may lie over the page around it.
      FORBID_TAGS: ['style', 'form', 'dialog', 'input', 'button', 'textarea', 'select'],
      FORBID_ATTR: ['style', 'id', 'class', 'name'],
    });
}

/** Markdown as safe HTML; the plain text until the renderer is there. */
export function Markdown({ text }: { text: string }) {
  const [ready, setReady] = useState(render !== undefined);
  useEffect(() => {
    if (ready) return;
    let here = true;
    loading ??= load();
    void loading.then((loaded) => {
      render = loaded;
      if (here) setReady(true);
    });
    return () => {
      here = false;
    };
  }, []);
  if (!render) return <div class={css.markdown}>{text}</div>;
  // Sanitised by DOMPurify in load().
  return <div class={css.markdown} dangerouslySetInnerHTML={{ __html: render(text) }} />;
}
