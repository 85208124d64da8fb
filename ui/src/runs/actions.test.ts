import { beforeEach, expect, test, vi } from 'vitest';
import { toasts } from '../base/toast';

const refused = new Set<string>();
const asked: string[] = [];
vi.mock('../base/api', async (original) => ({
  ...(await original<object>()),
  remove: async (path: string) => {
    asked.push(path);
    if (refused.has(path)) throw new Error('no server');
  },
}));
const { deleteRuns } = await import('./actions');
const labels = () => toasts.value.map((toast) => toast.action?.label);

beforeEach(() => {
  toasts.value = [];
  asked.length = 0;
});

test('Retry of a delete that failed for one run asks for that one, and what follows a delete follows', async () => {
  const then = vi.fn();
  refused.add('runs/b');
  await deleteRuns(['a', 'b', 'c'], then);
  expect(asked.sort()).toEqual(['runs/a', 'runs/b', 'runs/c']);
  expect(labels()).toEqual(['Retry']);
  expect(then).not.toHaveBeenCalled();
  refused.clear();
  asked.length = 0;
  toasts.value[0]!.action!.run();
  await vi.waitFor(() => expect(labels()).toContain('Undo'));
  expect(asked).toEqual(['runs/b']);
  expect(then).toHaveBeenCalledTimes(1);
});
