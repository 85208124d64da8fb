import { useState } from 'preact/hooks';
import { at, patch, put, remove } from '../base/api';
import type { Run } from '../base/api-types';
import { useLive } from '../base/live';
import { type Answer, cache, optimistic, stale, useQuery } from '../base/query';
import { throttle } from '../base/throttle';
import { attempt } from '../base/toast';
import { inFrames, mergePoints, readRun } from './points';

export const runKey = (id: string) => ['run', id] as const;

const add = inFrames((id, points) =>
  cache.setQueryData<Run>(runKey(id), (run) => run && mergePoints(run, points)),
);

/** A run that stays current while it is looked at. */
export function useRun(id: string): Answer<Run> {
  const [soon] = useState(() =>
    throttle(() => stale(runKey(id), ['artifacts', at`runs/${id}/artifacts`]), 500),
  );
  useLive([`run:${id}`], (event) => {
    if (event.kind === 'metrics') add(event);
    else soon();
  });
  return useQuery<Run>({ key: runKey(id), fetch: (signal) => readRun(id, signal) });
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
