import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Event, SeriesQuery } from '../base/api-types';
import type { Line } from './line';
import { type Request, SeriesSource } from './source';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const request: Request = { runIds: ['r'], axis: 'step', window: null, buckets: 400 };

function series(metric: string, steps: number[], more: Partial<Line> = {}): Line {
  const time = steps.map((step) => step * 10);
  const arrays = { x: [...steps], step: [...steps], time, last: [...steps], min: [], max: [], marks: [] };
  return { runId: 'r', metric, points: steps.length, exact: true, ...arrays, ...more };
}

const points = (metric: string, ...steps: number[]): Event => ({
  kind: 'metrics',
  topic: 'run:r',
  run_id: 'r',
  points: { [metric]: steps.map((step) => [step, step * 10, step]) },
});

/** A server whose answers the test hands out. */
function server() {
  const asked: SeriesQuery[] = [];
  const waiting: { resolve: (answer: Line[]) => void; reject: (error: Error) => void }[] = [];
  const ask = (query: SeriesQuery) => {
    asked.push(query);
    return new Promise<Line[]>((resolve, reject) => waiting.push({ resolve, reject }));
  };
  const answer = async (...list: Line[]) => {
    waiting.shift()!.resolve(list);
    await vi.advanceTimersByTimeAsync(0);
  };
  const refuse = async (message: string) => {
    waiting.shift()!.reject(new Error(message));
    await vi.advanceTimersByTimeAsync(0);
  };
  return { asked, ask, answer, refuse };
}

test('what comes into view in one frame is asked for in one request', async () => {
  const { asked, ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  source.watch('acc');
  source.lines('unseen');
  await vi.advanceTimersByTimeAsync(20);
  expect(asked.map((query) => query.metrics)).toEqual([['loss', 'acc']]);
  await answer(series('loss', [1, 2]), series('acc', [1]));
  expect(source.lines('loss')![0]!.x).toEqual([1, 2]);
  expect(source.lines('unseen')).toBeNull();
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked).toHaveLength(1);
});

test('live points are added without asking', async () => {
  const { asked, ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1]));
  source.receive(points('loss', 2, 3));
  source.receive(points('loss', 3));
  expect(source.lines('loss')![0]!.x).toEqual([1, 2, 3]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked).toHaveLength(1);
});

test('a point that comes while the server is reading is not lost, and not there twice', async () => {
  const { ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  source.receive(points('loss', 2));
  source.receive(points('loss', 3));
  await answer(series('loss', [1, 2]));
  expect(source.lines('loss')![0]!.x).toEqual([1, 2, 3]);
});

test('too many points to carry: asked again, at most once a second', async () => {
  const { asked, ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  source.watch('acc');
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1]), series('acc', [1]));
  for (let i = 0; i < 50; i++) source.receive({ kind: 'metrics-changed', topic: 'run:r', keys: ['loss'] });
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(600);
  expect(asked.slice(1).map((query) => query.metrics)).toEqual([['loss']]);
});

test('a new window keeps the old lines until the new ones are here; an old answer is dropped', async () => {
  const { asked, ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1, 2, 3]));
  source.configure({ ...request, window: [1, 2] });
  await vi.advanceTimersByTimeAsync(20);
  source.configure({ ...request, window: [2, 3] });
  await vi.advanceTimersByTimeAsync(20);
  expect(asked.slice(1).map((query) => [query.start, query.end])).toEqual([
    [1, 2],
    [2, 3],
  ]);
  expect(source.lines('loss')![0]!.x).toEqual([1, 2, 3]);
  await answer(series('loss', [1, 2]));
  expect(source.lines('loss')![0]!.x).toEqual([1, 2, 3]);
  await answer(series('loss', [2, 3]));
  expect(source.lines('loss')![0]!.x).toEqual([2, 3]);
});

test('another axis drops the lines: their x means something else', async () => {
  const { ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.setStart('r', 5);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1]));
  source.configure({ ...request, axis: 'relative' });
  expect(source.lines('loss')).toBeNull();
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1], { x: [5] }));
  source.receive(points('loss', 2));
  expect(source.lines('loss')![0]!.x).toEqual([5, 15]);
});

test('an error is told, tried again a few times, and gone after the next answer', async () => {
  const { asked, ask, answer, refuse } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  for (let i = 0; i < 4; i++) {
    await refuse('no server');
    expect(source.error.value?.message).toBe('no server');
    await vi.advanceTimersByTimeAsync(1100);
  }
  expect(asked).toHaveLength(4);
  source.invalidate();
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1]));
  expect(source.error.value).toBeNull();
  expect(source.lines('loss')![0]!.x).toEqual([1]);
});

test('while zoomed, live points outside the window stay outside', async () => {
  const { asked, ask, answer } = server();
  const source = new SeriesSource({ ...request, window: [1, 3] }, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1, 2]));
  source.receive(points('loss', 3, 50));
  expect(source.lines('loss')![0]!.x).toEqual([1, 2, 3]);
  source.receive(points('loss', 51));
  expect(source.lines('loss')![0]!.x).toEqual([1, 2, 3]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked).toHaveLength(1);
});

test('a live point makes another array: who draws it sees that something changed', async () => {
  const { ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1]));
  const before = source.lines('loss');
  source.receive(points('loss', 2));
  expect(source.lines('loss')).not.toBe(before);
});

test('what comes into view during a request is asked for right after it', async () => {
  const { asked, ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  source.receive({ kind: 'metrics-changed', topic: 'run:r', keys: ['loss'] });
  source.watch('acc');
  await vi.advanceTimersByTimeAsync(300);
  await answer(series('loss', [1]));
  await vi.advanceTimersByTimeAsync(50);
  expect(asked.map((query) => query.metrics)).toEqual([['loss'], ['acc']]);
  await answer(series('acc', [1]));
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked.at(-1)!.metrics).toEqual(['loss']);
});

test('charts that come into view at every frame do not put the request off', async () => {
  const { asked, ask } = server();
  const source = new SeriesSource(request, ask);
  for (let frame = 0; frame < 10; frame++) {
    source.watch(`metric ${frame}`);
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(asked.length).toBeGreaterThan(0);
  expect(asked[0]!.metrics[0]).toBe('metric 0');
});

test('a timer that rings before its time is set again', async () => {
  const { asked, ask, answer } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1]));
  source.receive({ kind: 'metrics-changed', topic: 'run:r', keys: ['loss'] });
  vi.setSystemTime(Date.now() - 300); // the clock was put back: it disagrees with the timers
  await vi.advanceTimersByTimeAsync(1500);
  expect(asked).toHaveLength(2);
});

test('what left the view is not asked for, however much happens there', async () => {
  const { asked, ask, answer } = server();
  const source = new SeriesSource(request, ask);
  const leave = source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  await answer(series('loss', [1]));
  leave();
  for (let step = 2; step < 2000; step++) source.receive(points('loss', step));
  source.invalidate();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(1);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  expect(asked).toHaveLength(2);
});

test('old lines stay while newer ones are asked for, and a point revives what was given up', async () => {
  const { asked, ask, answer, refuse } = server();
  const source = new SeriesSource(request, ask);
  source.watch('loss');
  await vi.advanceTimersByTimeAsync(20);
  for (let i = 0; i < 4; i++) {
    await refuse('no server');
    await vi.advanceTimersByTimeAsync(1100);
  }
  expect(asked).toHaveLength(4);
  source.receive(points('loss', 1));
  await vi.advanceTimersByTimeAsync(20);
  expect(asked).toHaveLength(5);
  await answer(series('loss', [1]));
  source.invalidate();
  source.configure({ ...request, runIds: ['r', 'other'] });
  await vi.advanceTimersByTimeAsync(20);
  expect(source.lines('loss')![0]!.x).toEqual([1]);
});
