import { at, patch, post, remove } from '../base/api';
import type { Experiment, ExperimentList } from '../base/api-types';
import { cache, stale } from '../base/query';
import { attempt, toast } from '../base/toast';

export async function createExperiment(name: string): Promise<Experiment> {
  const made = await post<Experiment>('experiments', { name });
  stale(['experiments']);
  return made;
}

export async function renameExperiment(id: string, name: string): Promise<void> {
  await patch(at`experiments/${id}`, { name });
  stale(['experiments']);
}

/** Gone from every list at once; ten seconds to think again. */
export async function deleteExperiment({ experiment_id: id, name }: Experiment): Promise<void> {
  const without = (old: ExperimentList | undefined) =>
    old?.experiments && { experiments: old.experiments.filter((other) => other.experiment_id !== id) };
  cache.setQueriesData<ExperimentList>({ queryKey: ['experiments'] }, without);
  await attempt(`Deleting ${name}`, async () => {
    await remove(at`experiments/${id}`).finally(() => stale(['experiments']));
    toast(`Deleted experiment ${name}`, {
      action: { label: 'Undo', run: () => void restoreExperiment(id, name) },
    });
  });
}

export async function restoreExperiment(id: string, name: string): Promise<void> {
  await attempt(`Restoring ${name}`, () =>
    post(at`experiments/${id}/restore`).finally(() => stale(['experiments'])),
  );
}
