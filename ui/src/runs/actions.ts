import { at, post, remove } from '../base/api';
import { count } from '../base/format';
import { stale } from '../base/query';
import { attempt, toast } from '../base/toast';

const AT_ONCE = 6;

/** Runs `act` for each id, a few at a time: a browser has six connections to a host. */
async function each(ids: string[], act: (id: string) => Promise<unknown>): Promise<void> {
  const waiting = [...ids];
  const worker = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) await act(id);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, worker));
}

function refresh(): void {
  stale(['runs'], ['run'], ['experiments']);
}

/** Deletes runs; they stay in the trash, so Undo brings them back whole. */
export async function deleteRuns(ids: string[]): Promise<boolean> {
  const what = count(ids.length, 'run');
  const done = await attempt(`Deleting ${what}`, () => each(ids, (id) => remove(at`runs/${id}`)));
  refresh();
  if (done) toast(`Deleted ${what}`, { action: { label: 'Undo', run: () => void restoreRuns(ids) } });
  return done;
}

export async function restoreRuns(ids: string[]): Promise<void> {
  await attempt(`Restoring ${count(ids.length, 'run')}`, () =>
    each(ids, (id) => post(at`runs/${id}/restore`)),
  );
  refresh();
}
