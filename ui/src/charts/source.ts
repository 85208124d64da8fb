import { signal } from '@preact/signals';
import { postFor } from '../base/api';
import type { Event, SeriesQuery } from '../base/api-types';
import { type Axis, append, type Line, onAxis, type Point } from './line';
import type { Range } from './window';
import { decoded, MEDIA_TYPE } from './wire';

export interface Request {
  runIds: string[];
  axis: Axis;
  window: Range | null;
  buckets: number;
}

type Ask = (query: SeriesQuery, signal: AbortSignal) => Promise<Line[]>;

const MAX_METRICS = 200;
/** A live line that has grown this many times its buckets is asked for again, in buckets. */
const GROWTH = 3;
const REFETCH_MS = 1000;
const FRAME_MS = 16;

const askServer: Ask = async (query, abort) =>
  decoded(await postFor(MEDIA_TYPE, 'series/query', query, abort), query.axis ?? 'step');

interface Entry {
  lines: Line[] | null;
  /** When to ask for it (again); infinite while what is here is good. */
  due: number;
  watchers: number;
  version: ReturnType<typeof signal<number>>;
}

/**
 * The series that the charts of one page show. Charts near the view watch their metric; what they
 * miss is asked for together, one request a frame. Live points are added to what is here.
 */
export class SeriesSource {
  readonly error = signal<Error | null>(null);
  private readonly entries = new Map<string, Entry>();
  private readonly starts = new Map<string, number>();
  private request: Request;
  private scheduled: ReturnType<typeof setTimeout> | undefined;
  /** When `scheduled` rings. */
  private alarm = Number.POSITIVE_INFINITY;
  private flight: { abort: AbortController; late: [string, Point[], string][] } | null = null;
  private lastAsked = 0;
  private refused = 0;

  constructor(
    request: Request,
    private readonly ask: Ask = askServer,
  ) {
    this.request = request;
  }

  /** Milliseconds at which a run started: where its relative axis begins. */
  setStart(runId: string, startMs: number): void {
    this.starts.set(runId, startMs);
  }

  /** Another window, axis or set of runs: old lines stay on screen until the new ones are here. */
  configure(request: Request): void {
    if (JSON.stringify(request) === JSON.stringify(this.request)) return;
    if (request.axis !== this.request.axis) for (const entry of this.entries.values()) entry.lines = null;
    this.request = request;
    this.flight?.abort.abort();
    this.flight = null;
    this.invalidate();
  }

  /** Lines of a metric, or null while they have never been here. Reading subscribes the component. */
  lines(metric: string): Line[] | null {
    const entry = this.entry(metric);
    void entry.version.value;
    return entry.lines;
  }

  watch(metric: string): () => void {
    const entry = this.entry(metric);
    entry.watchers++;
    this.schedule();
    return () => {
      entry.watchers--;
    };
  }

  /** Ask again for `metrics`, or for all of them. */
  invalidate(metrics?: string[]): void {
    const due = metrics ? this.lastAsked + REFETCH_MS : 0;
    for (const key of metrics ?? this.entries.keys()) this.demand(this.entry(key), due);
    this.error.value = null;
    this.schedule();
  }

  receive(event: Event): void {
    if (event.kind === 'metrics-changed') this.invalidate(event.keys?.length ? event.keys : undefined);
    if (event.kind !== 'metrics' || !event.run_id) return;
    for (const [metric, points] of Object.entries(event.points ?? {})) {
      this.flight?.late.push([event.run_id, points, metric]);
      this.add(event.run_id, metric, points);
    }
  }

  close(): void {
    clearTimeout(this.scheduled);
    this.flight?.abort.abort();
    this.flight = null;
  }

  private entry(metric: string): Entry {
    let entry = this.entries.get(metric);
    if (!entry) {
      entry = { lines: null, due: 0, watchers: 0, version: signal(0) };
      this.entries.set(metric, entry);
    }
    return entry;
  }

  /** New arrays, since who draws a line looks only whether it is another one. */
  private changed(entry: Entry): void {
    entry.lines = entry.lines && [...entry.lines];
    entry.version.value = (entry.version.peek() ?? 0) + 1;
  }

  private add(runId: string, metric: string, points: Point[]): void {
    const entry = this.entries.get(metric);
    if (!entry) return;
    if (!entry.lines) {
      if (this.flight) return; // its answer has this point
      // Where asking was given up, a sign of life is worth another try.
      this.demand(entry, this.lastAsked + REFETCH_MS);
      this.schedule();
      return;
    }
    const { axis, window, buckets } = this.request;
    const startMs = this.starts.get(runId) ?? 0;
    const inside = window
      ? points.filter(([step, timeMs]) => {
          const x = onAxis(axis, step, timeMs, startMs);
          return x >= window[0] && x <= window[1];
        })
      : points;
    if (inside.length === 0) return;
    let line = entry.lines.find((one) => one.runId === runId);
    if (!line) {
      line = emptyLine(runId, metric);
      entry.lines.push(line);
    }
    const whole = append(line, inside, axis, startMs);
    if (!whole || line.x.length > buckets * GROWTH) this.invalidate([metric]);
    this.changed(entry);
  }

  private demand(entry: Entry, due: number): void {
    entry.due = Math.min(entry.due, due);
  }

  /**
   * Asks when the first of what is watched is due, a frame from now at the soonest. A call while the
   * alarm is set never puts it off: charts that come into view at every frame would wait for ever.
   */
  private schedule(): void {
    const watched = [...this.entries.values()].filter((entry) => entry.watchers > 0);
    const due = Math.max(Math.min(...watched.map((entry) => entry.due)), Date.now() + FRAME_MS);
    if (due >= this.alarm || due === Number.POSITIVE_INFINITY) return;
    clearTimeout(this.scheduled);
    this.alarm = due;
    this.scheduled = setTimeout(() => {
      this.alarm = Number.POSITIVE_INFINITY;
      void this.fetch();
    }, due - Date.now());
  }

  private async fetch(): Promise<void> {
    if (this.flight) return; // its end schedules the next
    const due = [...this.entries].filter(([, entry]) => entry.due <= Date.now() && entry.watchers > 0);
    // Timers may ring a moment early, and charts may have gone.
    if (due.length === 0) {
      this.schedule();
      return;
    }
    const metrics = due.slice(0, MAX_METRICS).map(([metric]) => metric);
    const abort = new AbortController();
    const flight = { abort, late: [] as [string, Point[], string][] };
    this.flight = flight;
    this.lastAsked = Date.now();
    const { runIds, axis, window, buckets } = this.request;
    const query: SeriesQuery = { run_ids: runIds, metrics, axis, buckets };
    if (window) Object.assign(query, { start: window[0], end: window[1] });
    for (const metric of metrics) this.entry(metric).due = Number.POSITIVE_INFINITY;
    try {
      const answer = await this.ask(query, abort.signal);
      if (this.flight !== flight) return;
      this.take(metrics, answer, flight.late);
    } catch (error) {
      if (this.flight !== flight) return;
      this.fail(metrics, error as Error);
    }
    this.flight = null;
    this.schedule();
  }

  private take(metrics: string[], answer: Line[], late: [string, Point[], string][]): void {
    this.error.value = null;
    this.refused = 0;
    for (const metric of metrics) {
      const entry = this.entry(metric);
      entry.lines = answer.filter((line) => line.metric === metric);
      this.changed(entry);
    }
    // Points that came over the stream while the server was reading: those it has not seen are added.
    for (const [runId, points, metric] of late) if (metrics.includes(metric)) this.add(runId, metric, points);
  }

  /** The panel shows the reason; what was asked for stays due, and is asked for again on Retry or an event. */
  private fail(metrics: string[], error: Error): void {
    this.refused++;
    this.error.value = error;
    if (this.refused > 3) return;
    for (const metric of metrics) this.demand(this.entry(metric), Date.now() + REFETCH_MS);
  }
}

function emptyLine(runId: string, metric: string): Line {
  return {
    runId,
    metric,
    points: 0,
    exact: true,
    x: [],
    step: [],
    time: [],
    last: [],
    min: [],
    max: [],
    marks: [],
  };
}
