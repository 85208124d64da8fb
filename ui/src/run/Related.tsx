import { useRef } from 'preact/hooks';
import type { Run, RunRef } from '../base/api-types';
import { links } from '../base/location';
import { Panel } from '../base/Panels';
import { Status } from '../base/Status';
import { useVirtualRows } from '../base/virtual';
import css from './run.module.css';

const ROW = 30;

function Line({ run }: { run: RunRef }) {
  return (
    <>
      <a class="grow cut" href={links.run(run.run_id)} title={run.name}>
        {run.name}
      </a>
      <Status of={run.status} />
    </>
  );
}

/** A sweep may have thousands: those in view exist. */
function Children({ runs }: { runs: RunRef[] }) {
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualRows(scroller, runs.length, ROW);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
    <section ref={scroller} class={css.children} tabIndex={0} aria-label="Child runs">
      <ul style={{ height: `${rows.total}px` }}>
        {runs.slice(rows.first, rows.last + 1).map((run, i) => (
          <li
            key={run.run_id}
            class="row"
            aria-setsize={runs.length}
            aria-posinset={rows.first + i + 1}
            style={{ top: `${(rows.first + i) * ROW}px`, height: `${ROW}px` }}
          >
            <Line run={run} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The run that this one belongs to, and those that belong to it. */
export function Related({ run }: { run: Run }) {
  if (!run.parent && run.children.length === 0) return null;
  return (
    <Panel title="Related runs" note={run.children.length || undefined}>
      {run.parent && (
        <p class="row">
          <span class="dim">Parent</span>
          <Line run={run.parent} />
        </p>
      )}
      {run.children.length > 0 && <Children runs={run.children} />}
    </Panel>
  );
}
