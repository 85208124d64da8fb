import { at, get } from '../base/api';
import type { Event, Run } from '../base/api-types';
import { toNumber } from '../base/format';

export type Points = NonNullable<Event['points']>;

/** Takes new points into the metric summaries, by the server's own rules for latest, min and max. */
export function mergePoints(run: Run, points: Points): Run {
  const metrics = new Map(run.metrics.map((metric) => [metric.key, metric]));
  for (const [key, list] of Object.entries(points)) {
    for (const [step, timestamp_ms, value] of list) {
      const old = metrics.get(key);
      const newest =
        !old ||
        isLater([step, timestamp_ms, toNumber(value)], [old.step, old.timestamp_ms, toNumber(old.value)]);
      const finite = Number.isFinite(toNumber(value));
      const low = [old?.min, finite ? value : null]
        .filter((x) => x !== null && x !== undefined)
        .map(toNumber);
      const high = [old?.max, finite ? value : null]
        .filter((x) => x !== null && x !== undefined)
        .map(toNumber);
      metrics.set(key, {
        ...(newest || !old ? { key, value, step, timestamp_ms } : old),
        min: low.length ? Math.min(...low) : null,
        max: high.length ? Math.max(...high) : null,
      });
    }
  }
  const sorted = [...metrics.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return { ...run, metrics: sorted };
}

/** When the run last said something: its newest point, or its start. By the training machine's clock. */
export function heardMs(run: Run): number | null {
  if (run.start_ms === null) return null;
  return run.metrics.reduce((newest, metric) => Math.max(newest, metric.timestamp_ms), run.start_ms);
}

/** Latest is the greatest (step, time, value). */
function isLater(a: [number, number, number], b: [number, number, number]): boolean {
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return a[i]! > b[i]!;
  return true;
}

/** The requests for a run that are under way, and the points that came since each was sent. */
const reading = new Set<{ id: string; late: Points[] }>();

/** A run as the server has it, with the points that came while it was read: the answer may be older. */
export async function readRun(id: string, signal: AbortSignal): Promise<Run> {
  const reader = { id, late: [] as Points[] };
  reading.add(reader);
  try {
    const run = await get<Run>(at`runs/${id}`, signal);
    return reader.late.reduce(mergePoints, run);
  } finally {
    reading.delete(reader);
  }
}

/** Gathers the points that come within a frame, by run: one draw for many events. */
export function inFrames(apply: (id: string, points: Points) => void): (event: Event) => void {
  let waiting = new Map<string, Points>();
  return ({ run_id: id, points }) => {
    if (!id || !points) return;
    for (const reader of reading) if (reader.id === id) reader.late.push(points);
    if (waiting.size === 0) {
      requestAnimationFrame(() => {
        const taken = waiting;
        waiting = new Map();
        for (const [run, all] of taken) apply(run, all);
      });
    }
    const all = waiting.get(id) ?? {};
    for (const [key, list] of Object.entries(points)) all[key] = [...(all[key] ?? []), ...list];
    waiting.set(id, all);
  };
}
