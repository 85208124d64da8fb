import { X } from 'lucide';
import { useMemo, useRef } from 'preact/hooks';
import type { Run, Number as Value } from '../base/api-types';
import { IconButton } from '../base/Button';
import { exact, number } from '../base/format';
import { links } from '../base/location';
import { narrow } from '../base/media';
import { Status } from '../base/Status';
import { TableRows } from '../base/TableRows';
import { Lasted } from '../base/Time';
import { useVirtualRows } from '../base/virtual';
import { type Ink, inks } from '../charts/palette';
import { unitOf } from '../charts/window';
import { RunDot } from '../runs/RunDot';
import css from './compare.module.css';
import { type Line, type MetricLine, type ParamLine, sideBySide, type TitleLine } from './diff';

const ROW = 28;
const HEAD = 60;
/** Widths of the columns of keys and of values, in pixels. */
const WIDE = [220, 200] as const;
const NARROW = [130, 176] as const;

function Title({ line, span, rowIndex }: { line: TitleLine; span: number; rowIndex: number }) {
  return (
    <tr class={css.group} aria-rowindex={rowIndex}>
      <th scope="row" colSpan={span}>
        <div>
          {line.title} <span class="dim">{line.note}</span>
        </div>
      </th>
    </tr>
  );
}

function Param({ line, rowIndex }: { line: ParamLine; rowIndex: number }) {
  return (
    <tr aria-rowindex={rowIndex}>
      <th scope="row" title={line.key}>
        {line.key}
      </th>
      {line.values.map((value, index) => (
        <td key={index} class={`mono ${line.differs ? css.differs : ''}`} title={value ?? undefined}>
          {value ?? <span class="dim">–</span>}
        </td>
      ))}
    </tr>
  );
}

const WAYS = { higher: '↑', lower: '↓' };

/** A run's best value beside its latest. */
function Peak({ value, way }: { value: Value | null; way: MetricLine['direction'] }) {
  if (value === null) return null;
  const name = way === 'higher' ? 'max' : 'min';
  return (
    <small class={css.peak} title={`${name} of all points: ${exact(value)}`}>
      {name} {number(value)}
    </small>
  );
}

function Metric({ line, rowIndex }: { line: MetricLine; rowIndex: number }) {
  return (
    <tr aria-rowindex={rowIndex}>
      <th scope="row" title={line.key}>
        {line.key} <small class="dim">{unitOf(line.key)}</small>{' '}
        {line.direction && (
          <span title={`${line.direction} is better, by its name`}>{WAYS[line.direction]}</span>
        )}
      </th>
      {line.values.map((value, index) => (
        <td key={index} class={line.best.includes(index) ? css.best : ''} title={exact(value)}>
          {value === null ? <span class="dim">–</span> : number(value)}
          {line.best.includes(index) && ' ★'}
          {line.best.includes(index) && <span class="sr">best</span>}
          <Peak value={line.peaks[index] ?? null} way={line.direction} />
        </td>
      ))}
    </tr>
  );
}

function Head({ run, ink, onRemove }: { run: Run; ink: Ink | undefined; onRemove: (() => void) | null }) {
  return (
    <th scope="col">
      <div class={css.run}>
        <RunDot id={run.run_id} ink={ink} />
        <a class="cut" href={links.run(run.run_id)} title={run.name}>
          {run.name}
        </a>
        {onRemove && (
          <IconButton small label={`Take ${run.name} out of the comparison`} icon={X} onClick={onRemove} />
        )}
        <span class={css.state}>
          <Status of={run.status} />
          <span class="dim">
            <Lasted start={run.start_ms} end={run.end_ms} live={run.status === 'RUNNING'} />
          </span>
        </span>
      </div>
    </th>
  );
}

interface Props {
  runs: Run[];
  /** Leave out what is the same for all. */
  only: boolean;
  onRemove: (id: string) => void;
}

/** A column a run, a row each parameter, metric and fact. */
export function SideBySide({ runs, only, onRemove }: Props) {
  const ink = inks(runs.map((run) => run.run_id));
  const lines = useMemo(() => sideBySide(runs, only), [runs, only]);
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualRows(scroller, lines.length, ROW, HEAD);
  const [keys, values] = narrow.value ? NARROW : WIDE;
  const row = (line: Line, rowIndex: number) => {
    if (line.kind === 'title') {
      return <Title key={rowIndex} line={line} span={runs.length + 1} rowIndex={rowIndex} />;
    }
    const Row = line.kind === 'metric' ? Metric : Param;
    return <Row key={rowIndex} line={line as never} rowIndex={rowIndex} />;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
    <section ref={scroller} class={css.scroll} tabIndex={0} aria-label="Runs side by side">
      <table
        class={css.table}
        aria-rowcount={lines.length + 1}
        style={{ width: `max(100%, ${keys + runs.length * values}px)` }}
      >
        <colgroup>
          <col style={{ width: `${keys}px` }} />
          {runs.map((run) => (
            <col key={run.run_id} style={{ minWidth: `${values}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            <th scope="col">
              <span class="sr">Key</span>
            </th>
            {runs.map((run) => (
              <Head
                key={run.run_id}
                run={run}
                ink={ink.get(run.run_id)}
                onRemove={runs.length > 2 ? () => onRemove(run.run_id) : null}
              />
            ))}
          </tr>
        </thead>
        <TableRows items={lines} rows={rows} size={ROW} columns={runs.length + 1}>
          {row}
        </TableRows>
      </table>
    </section>
  );
}
