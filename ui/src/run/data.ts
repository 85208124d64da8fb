import { at, get, patch, put, remove } from '../base/api';
import type { Event, Run } from '../base/api-types';
import { toNumber } from '../base/format';
import { OPENED, useLive } from '../base/live';
import { type Answer, cache, optimistic, stale, useQuery } from '../base/query';
import { throttle } from '../base/throttle';
import { attempt } from '../base/toast';

export const runKey = (id: string) => ['run', id] as const;

/** Takes new points into the metric summaries, by the server's own rules for latest, min and max. */
export function mergePoints(run: Run, points: NonNullable<Event['points']>): Run {
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

/** Latest is the greatest (step, time, value). */
function isLater(a: [number, number, number], b: [number, number, number]): boolean {
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return a[i]! > b[i]!;
  return true;
}

/** Gathers what comes within a frame: one draw for many events. */
function inFrames(id: string): (points: NonNullable<Event['points']>) => void {
  let waiting: NonNullable<Event['points']> = {};
  let planned = false;
  return (points) => {
    for (const [key, list] of Object.entries(points)) waiting[key] = [...(waiting[key] ?? []), ...list];
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      const taken = waiting;
      waiting = {};
      planned = false;
      cache.setQueryData<Run>(runKey(id), (run) => run && mergePoints(run, taken));
    });
  };
}

const refreshers = new Map<string, { soon: () => void; add: ReturnType<typeof inFrames> }>();

function refresher(id: string) {
  let one = refreshers.get(id);
  if (!one) {
    one = {
      soon: throttle(() => stale(runKey(id), ['artifacts', at`runs/${id}/artifacts`]), 500),
      add: inFrames(id),
    };
    refreshers.set(id, one);
  }
  return one;
}

/** A run that stays current while it is looked at. */
export function useRun(id: string): Answer<Run> {
  const answer = useQuery<Run>({ key: runKey(id), fetch: (signal) => get(at`runs/${id}`, signal) });
  const running = answer.data?.status === 'RUNNING' || answer.data?.status === 'SCHEDULED';
  useLive([`run:${id}`], (event) => {
    const { soon, add } = refresher(id);
    if (event.kind === 'metrics' && event.points) add(event.points);
    else if (event.kind !== 'resync' || event.topic !== OPENED || running) soon();
  });
  return answer;
}

/** One edit of a run: shown at once, taken back with a reason when the server refuses. */
function edit(id: string, what: string, change: (run: Run) => Run, request: () => Promise<unknown>): void {
  void attempt(what, () => optimistic<Run>(runKey(id), change, request)).then(() => stale(['runs']));
}

export function renameRun(id: string, name: string): void {
  edit(
    id,
    'Renaming the run',
    (run) => ({ ...run, name }),
    () => patch(at`runs/${id}`, { name }),
  );
}

export function describeRun(id: string, description: string): void {
  edit(
    id,
    'Saving the description',
    (run) => ({ ...run, description }),
    () => patch(at`runs/${id}`, { description }),
  );
}

export function setRunTag(id: string, key: string, value: string): void {
  edit(
    id,
    `Setting tag ${key}`,
    (run) => ({ ...run, tags: { ...run.tags, [key]: value } }),
    () => put(at`runs/${id}/tags/${key}`, { value }),
  );
}

export function deleteRunTag(id: string, key: string): void {
  edit(
    id,
    `Removing tag ${key}`,
    (run) => ({
      ...run,
      tags: Object.fromEntries(Object.entries(run.tags).filter(([other]) => other !== key)),
    }),
    () => remove(at`runs/${id}/tags/${key}`),
  );
}
