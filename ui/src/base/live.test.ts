import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Event as LiveEvent } from './api-types';

class Stream {
  static all: Stream[] = [];
  onopen = () => {};
  onmessage = (_: { data: string; lastEventId: string }) => {};
  onerror = () => {};
  closed = false;
  constructor(readonly url: string) {
    Stream.all.push(this);
  }
  close() {
    this.closed = true;
  }
  say(topic: string, count: number) {
    const event: LiveEvent = { kind: 'run', topic, run_id: String(count) };
    this.onmessage({ data: JSON.stringify(event), lastEventId: `e-${count}` });
  }
}

vi.stubGlobal('window', Object.assign(globalThis, { addEventListener: () => {} }));
vi.stubGlobal('document', { hidden: false, baseURI: 'http://host/', addEventListener: () => {} });
vi.stubGlobal('EventSource', Stream);
const { isSeen, listen } = await import('./live');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an event that came before is known by its number', () => {
  expect(isSeen('ab12-9', 'ab12-10')).toBe(true);
  expect(isSeen('ab12-10', 'ab12-10')).toBe(true);
  expect(isSeen('ab12-11', 'ab12-10')).toBe(false);
});

test('a restarted server counts anew, and nothing of it has been seen', () => {
  expect(isSeen('cd34-1', 'ab12-10')).toBe(false);
  expect(isSeen('ab12-1', '')).toBe(false);
});

test('while one stream takes over from another, no event is lost and none is told twice', () => {
  const heard: string[] = [];
  const hear = (event: LiveEvent) => event.run_id && heard.push(`${event.topic} ${event.run_id}`);
  listen(['a'], hear);
  vi.advanceTimersByTime(50);
  const first = Stream.all.at(-1)!;
  first.onopen();
  first.say('a', 1);
  listen(['b'], hear);
  vi.advanceTimersByTime(50);
  const second = Stream.all.at(-1)!;
  expect(second.url).toContain('after=e-1');
  // The old one is ahead: it tells of 3 before the new one tells of 2, which only the new one hears of.
  first.say('a', 3);
  second.onopen();
  expect(first.closed).toBe(true);
  second.say('b', 2);
  second.say('a', 3);
  second.say('b', 4);
  expect(heard).toEqual(['a 1', 'a 3', 'b 2', 'b 4']);
});

test('a stream that replaces one that never opened resumes where the last one stood', () => {
  listen(['c'], () => {});
  vi.advanceTimersByTime(50);
  const slow = Stream.all.at(-1)!;
  expect(slow.url).toContain('after=e-4');
  Stream.all.at(-2)!.say('a', 9); // the old stream, still open: what it says is not the new one's place
  listen(['d'], () => {});
  vi.advanceTimersByTime(50);
  expect(Stream.all.at(-1)!.url).toContain('after=e-4');
});
