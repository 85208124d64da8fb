import { at, post, remove } from '../base/api';
import { count } from '../base/format';
import { stale } from '../base/query';
import { attempt, toast } from '../base/toast';

const AT_ONCE = 6;

/**
 * Runs `act` for each id, a few at a time: a browser has six connections to a host. Whom it succeeded
 * for leaves the set; when it failed for some, the first reason is thrown.
 */
async function each(ids: Set<string>, act: (id: string) => Promise<unknown>): Promise<void> {
  const waiting = [...ids];
  const errors: unknown[] = [];
  const worker = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      try {
        await act(id);
        ids.delete(id);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.size) }, worker));
  stale(['runs'], ['run'], ['experiments']);
  if (errors.length) throw errors[0];
}

/** Deletes runs; they stay in the trash, so Undo brings them back whole. `then` follows a success. */
export async function deleteRuns(ids: string[], then?: () => void): Promise<void> {
  const what = count(ids.length, 'run');
  const left = new Set(ids);
  await attempt(`Deleting ${what}`, async () => {
    await each(left, (id) => remove(at`runs/${id}`));
    toast(`Deleted ${what}`, { action: { label: 'Undo', run: () => void restoreRuns(ids) } });
    then?.();
  });
}

export async function restoreRuns(ids: string[]): Promise<void> {
  const left = new Set(ids);
  await attempt(`Restoring ${count(ids.length, 'run')}`, () =>
    each(left, (id) => post(at`runs/${id}/restore`)),
  );
}
