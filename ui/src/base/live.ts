import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { API } from './api';
import type { Event as LiveEvent } from './api-types';

export type LiveState = { kind: 'idle' | 'live' | 'catching up' } | { kind: 'offline'; since: number };
export type Handler = (event: LiveEvent) => void;

export const liveState = signal<LiveState>({ kind: 'idle' });

const RETRY_MS = [500, 1000, 2000, 5000, 10_000];
const OFFLINE_AFTER_MS = 2500;

/** Topic of the `resync` that a newly opened stream gives: only what changes while one looks need care. */
export const OPENED = 'opened';

/** How many screens want each topic. */
const wanted = new Map<string, number>();
const streams = new Set<EventSource>();
const handlers = new Set<Handler>();
let source: EventSource | null = null;
let open = '';
/** Id of the newest event that came, from which another stream can go on. */
let lastId = '';
let failures = 0;
let brokenSince = 0;
let timer = 0;

function topicsUrl(): string {
  const topics = [...wanted.keys()].sort();
  return topics.length
    ? `${API}events?${topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&')}`
    : '';
}

function deliver(event: LiveEvent): void {
  for (const handler of [...handlers]) handler(event);
}

/** Has `id` been seen when `last` was the newest? Ids are `EPOCH-COUNT`; another epoch is another server. */
export function isSeen(id: string, last: string): boolean {
  const [epoch, count] = id.split('-');
  const [lastEpoch, lastCount] = last.split('-');
  return epoch === lastEpoch && Number(count) <= Number(lastCount);
}

/** Id of the newest event of each topic: two streams that overlap deliver in an order of their own. */
const seen = new Map<string, string>();

/** Events may come twice while one stream takes over from another. */
function receive(from: EventSource, message: MessageEvent<string>): void {
  const event = JSON.parse(message.data) as LiveEvent;
  if (event.kind === 'resync') seen.clear();
  else if (isSeen(message.lastEventId, seen.get(event.topic) ?? '')) return;
  else seen.set(event.topic, message.lastEventId);
  // The old stream may be ahead of the new one, which would then resume too late.
  if (from === source) lastId = message.lastEventId;
  deliver(event);
}

function closeAll(except: EventSource | null): void {
  for (const stream of streams) if (stream !== except) stream.close();
  streams.clear();
  if (except) streams.add(except);
}

function opened(next: EventSource, resumed: boolean): void {
  if (next !== source) return;
  closeAll(next);
  const wasBroken = brokenSince > 0;
  failures = 0;
  brokenSince = 0;
  liveState.value = { kind: 'live' };
  // The server says what a resumed stream has missed. A first one says nothing of what happened
  // between the page's own requests and this moment.
  if (!resumed) deliver({ kind: 'resync', topic: wasBroken ? '' : OPENED });
}

function failed(broken: EventSource): void {
  if (broken !== source) return;
  brokenSince ||= Date.now();
  liveState.value =
    Date.now() - brokenSince < OFFLINE_AFTER_MS
      ? { kind: 'catching up' }
      : { kind: 'offline', since: brokenSince };
  // A browser gives up for good on an HTTP error, and waits long on its own: we ask again ourselves.
  closeAll(null);
  source = null;
  open = '';
  clearTimeout(timer);
  timer = window.setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
}

/** A new set of topics opens its stream before the old one closes, so that nothing falls between. */
function connect(): void {
  const url = topicsUrl();
  for (const topic of seen.keys()) if (!wanted.has(topic)) seen.delete(topic);
  if (document.hidden || !url) {
    disconnect();
    return;
  }
  if (url === open) return;
  clearTimeout(timer);
  const after = lastId && `&after=${encodeURIComponent(lastId)}`;
  const next = new EventSource(url + after);
  streams.add(next);
  source = next;
  open = url;
  if (liveState.value.kind === 'idle') liveState.value = { kind: 'catching up' };
  next.onopen = () => opened(next, after !== '');
  next.onmessage = (message) => receive(next, message);
  next.onerror = () => failed(next);
}

function disconnect(): void {
  clearTimeout(timer);
  closeAll(null);
  source = null;
  open = '';
  if (!lastId && liveState.value.kind !== 'idle') brokenSince ||= Date.now();
  liveState.value = { kind: 'idle' };
}

let scheduled = 0;

/** Topic changes of one moment (a page leaves, another comes) make one new stream. */
function reconnectSoon(): void {
  clearTimeout(scheduled);
  scheduled = window.setTimeout(connect, 30);
}

if (typeof document !== 'undefined') {
  // Six connections a host is all HTTP/1.1 has: a hidden tab gives its own back.
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) disconnect();
    else connect();
  });
  window.addEventListener('pagehide', disconnect);
}

/** Listens to `topics` until the function it answers is called. */
export function listen(topics: string[], handler: Handler): () => void {
  const call: Handler = (event) => {
    if (event.kind === 'resync' || topics.includes(event.topic)) handler(event);
  };
  handlers.add(call);
  for (const topic of topics) wanted.set(topic, (wanted.get(topic) ?? 0) + 1);
  reconnectSoon();
  return () => {
    handlers.delete(call);
    for (const topic of topics) {
      const left = (wanted.get(topic) ?? 1) - 1;
      if (left) wanted.set(topic, left);
      else wanted.delete(topic);
    }
    reconnectSoon();
  };
}

/** Listens to `topics` while the component is on screen. The handler of the last render is called. */
export function useLive(topics: string[], handler: Handler): void {
  const latest = useRef(handler);
  latest.current = handler;
  const key = topics.join(' ');
  useEffect(() => listen(key ? key.split(' ') : [], (event) => latest.current(event)), [key]);
}
