import { ChartLine, Table2 } from 'lucide';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { IconButton } from '../base/Button';
import { dateTime, duration, exact, integer, number } from '../base/format';
import { Skeleton } from '../base/Panels';
import { isDark } from '../shell/theme';
import { ChartView, type Events, type Model } from './axes';
import css from './charts.module.css';
import type { Look } from './draw';
import { type Axis, type Line, latest, nearest } from './line';
import { DARK, type Ink, LIGHT, rgb } from './palette';
import { Swatch } from './Swatch';
import type { SeriesSource } from './source';
import { padded, type Range, titleOf, unitOf, xExtent, yExtent } from './window';

export interface ChartSettings {
  axis: Axis;
  log: boolean;
  smoothing: number;
  window: Range | null;
}

export interface ChartProps {
  metric: string;
  source: SeriesSource;
  /** Name and ink of each run, in the order of the legend. */
  runs: { id: string; name: string; ink: Ink }[];
  settings: ChartSettings;
  highlight: string | null;
  sync: string;
  onZoom: (window: Range | null) => void;
}

/** Is the element within a screen of the view? Only then does a chart exist and ask for data. */
function useNear() {
  const ref = useRef<HTMLElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setNear(entries.at(-1)?.isIntersecting ?? false), {
      rootMargin: '300px',
    });
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return [ref, near] as const;
}

export function axisValue(axis: Axis, x: number): string {
  return axis === 'step'
    ? `step ${number(Math.round(x))}`
    : axis === 'time'
      ? dateTime(x)
      : `${duration(x)} after start`;
}

/** A little room left and right, so that the first and the last point are whole. */
function withAir(x: Range | null): Range {
  if (!x) return [0, 1];
  const air = (x[1] - x[0]) * 0.015 || 0.5;
  return [x[0] - air, x[1] + air];
}

function model(props: ChartProps, lines: Line[]): Model {
  const { settings, runs, highlight } = props;
  const wide = settings.window ?? withAir(xExtent(lines));
  const palette = isDark() ? DARK : LIGHT;
  const looks = new Map<string, Look>(
    runs.map((run) => [
      run.id,
      {
        rgb: rgb(palette[run.ink.colour]!),
        dash: run.ink.dash,
        faint: highlight !== null && highlight !== run.id,
      },
    ]),
  );
  const y = padded(yExtent(lines, wide, settings.log), settings.log);
  const { axis, log, smoothing } = settings;
  // The highlighted run is drawn last, above the others.
  const order = [...lines].sort((a, b) => Number(a.runId === highlight) - Number(b.runId === highlight));
  return { lines: order, looks, x: wide, y, axis, log, smoothing };
}

function points(lines: Line[]): string {
  const shown = lines.reduce((sum, line) => sum + line.x.length, 0);
  const all = lines.reduce((sum, line) => sum + line.points, 0);
  const buckets = lines.some((line) => !line.exact);
  return buckets ? `${number(shown)} of ${number(all)} points · min/max` : '';
}

/** Rows of each line that the table of a chart shows: the newest. */
const MOST_ROWS = 200;

interface Cursor {
  x: number;
  left: number;
  mine: boolean;
}

/** The values at the cursor, for several runs. */
function Tip({
  lines,
  cursor,
  props,
  room,
}: {
  lines: Line[];
  cursor: Cursor;
  props: ChartProps;
  room: number;
}) {
  const rows = lines
    .map((line) => ({ line, at: nearest(line.x, cursor.x) }))
    .filter(({ at }) => at >= 0)
    .map(({ line, at }) => ({ run: props.runs.find((run) => run.id === line.runId), value: line.last[at]! }))
    .sort((a, b) => b.value - a.value);
  const side =
    cursor.left > room / 2 ? { right: `${room - cursor.left + 22}px` } : { left: `${cursor.left + 62}px` };
  return (
    <div class={css.tip} style={side}>
      <p>{axisValue(props.settings.axis, cursor.x)}</p>
      <ul>
        {rows.slice(0, 12).map(({ run, value }) => (
          <li key={run?.id}>
            {run && <Swatch ink={run.ink} />}
            <span class="cut">{run?.name}</span>
            <b>{number(value)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Every value of the window in rows: what the picture says, for reading and for screen readers. */
function DataTable({ lines, props }: { lines: Line[]; props: ChartProps }) {
  const single = props.runs.length === 1;
  const bucketed = lines.some((line) => !line.exact);
  const unit = unitOf(props.metric);
  const held = lines.reduce((sum, line) => sum + line.x.length, 0);
  const rows = lines.flatMap((line) => {
    const from = Math.max(0, line.x.length - MOST_ROWS);
    const run = props.runs.find((one) => one.id === line.runId)?.name;
    return line.x.slice(from).map((x, i) => {
      const value = line.last[from + i]!;
      return { x, value, run, min: line.min[from + i] ?? value, max: line.max[from + i] ?? value };
    });
  });
  const columns = bucketed ? (['value', 'min', 'max'] as const) : (['value'] as const);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
    <section class={css.table} tabIndex={0} aria-label={`${props.metric}, values`}>
      {bucketed && (
        <p class="dim">
          As the chart shows it at this zoom: each row stands for the points up to the next. Zoom in for every
          one.
        </p>
      )}
      {rows.length < held && (
        <p class="dim">
          Newest {integer(rows.length)} of {integer(held)} rows
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">{props.settings.axis}</th>
            {!single && <th scope="col">run</th>}
            {columns.map((column) => (
              <th key={column} scope="col" class="num">
                {column} {unit && <small>{unit}</small>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              <td>
                {props.settings.axis === 'step' ? number(row.x) : axisValue(props.settings.axis, row.x)}
              </td>
              {!single && <td>{row.run}</td>}
              {columns.map((column) => (
                <td key={column} class="num" title={exact(row[column])}>
                  {number(row[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function summary(metric: string, lines: Line[]): string {
  const parts = lines.map((line) => {
    const last = latest(line);
    const extent = yExtent([line], [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY], false);
    return last === undefined || !extent
      ? 'no values'
      : `last ${number(last)}, minimum ${number(extent[0])}, maximum ${number(extent[1])}`;
  });
  return `${metric}: ${parts.slice(0, 5).join('; ')}`;
}

/** Owns the uPlot instance: made when the chart comes near, gone when it is far. */
function Plot({
  props,
  lines,
  onCursor,
}: {
  props: ChartProps;
  lines: Line[];
  onCursor: (cursor: Cursor | null) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<ChartView | null>(null);
  const latest = useRef({ props, onCursor });
  latest.current = { props, onCursor };
  const picture = model(props, lines);
  useLayoutEffect(() => {
    const element = host.current!;
    const events: Events = {
      onCursor: (x, left) =>
        latest.current.onCursor(x === null ? null : { x, left, mine: element.matches(':hover') }),
      onZoom: (window) => latest.current.props.onZoom(window),
      onReset: () => latest.current.props.onZoom(null),
    };
    chart.current = new ChartView(element, picture, props.sync, events);
    const resize = new ResizeObserver(() => chart.current?.resize(element.clientWidth, element.clientHeight));
    resize.observe(element);
    return () => {
      resize.disconnect();
      chart.current?.destroy();
    };
  }, [props.settings.log, isDark()]);
  useLayoutEffect(() => chart.current?.update(picture));
  return <div ref={host} class={css.plot} role="img" aria-label={summary(props.metric, lines)} />;
}

export function Chart(props: ChartProps) {
  const { metric, source, settings, runs } = props;
  const [ref, near] = useNear();
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const [asTable, setAsTable] = useState(false);
  useEffect(() => (near ? source.watch(metric) : undefined), [near, metric, source]);
  const lines = source.lines(metric);
  const single = runs.length === 1 ? lines?.[0] : undefined;
  const at = single && cursor ? nearest(single.x, cursor.x) : -1;
  const shown = single ? (at >= 0 ? single.last[at] : latest(single)) : undefined;
  const unit = unitOf(metric);
  const when = single && at >= 0 ? axisValue(settings.axis, single.x[at]!) : lines && points(lines);
  const unseen =
    settings.log && lines?.every((line) => (line.exact ? line.last : line.max).every((value) => value <= 0));
  const isEmpty = lines?.every((line) => line.x.length === 0 && line.marks.length === 0);
  return (
    <figure ref={ref} class={css.chart} data-metric={metric}>
      <figcaption class={css.title}>
        <h3 class="cut" title={metric}>
          {titleOf(metric)}
        </h3>
        <small>{unit}</small>
        <small class="cut">{when}</small>
        {single && (
          <span class={`${css.value} ${typeof shown === 'string' ? css.odd : ''}`} title={exact(shown)}>
            {number(shown)}
          </span>
        )}
      </figcaption>
      <div class={css.tools}>
        <IconButton
          small
          label={asTable ? 'Show as chart' : 'Show as table'}
          icon={asTable ? ChartLine : Table2}
          onClick={() => setAsTable(!asTable)}
        />
      </div>
      {unseen && !isEmpty && !asTable && (
        <div class={css.wait}>No value above zero: nothing to show on a log axis</div>
      )}
      {near && lines && !isEmpty && !unseen && !asTable && (
        <Plot props={props} lines={lines} onCursor={setCursor} />
      )}
      {near && lines && asTable && <DataTable lines={lines} props={props} />}
      {near && !lines && !source.error.value && (
        <div class={css.wait}>
          <Skeleton width="60%" />
        </div>
      )}
      {isEmpty && (
        <div class={css.wait}>{settings.window ? 'No points in this window' : 'No points yet'}</div>
      )}
      {lines && cursor?.mine && runs.length > 1 && (
        <Tip lines={lines} cursor={cursor} props={props} room={ref.current?.clientWidth ?? 380} />
      )}
    </figure>
  );
}
