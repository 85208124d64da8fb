import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../base/api';
import type { Event, RunsPage } from '../base/api-types';
import { OPENED, useLive } from '../base/live';
import { stale } from '../base/query';
import { throttle } from '../base/throttle';
import type { TableQuery } from './pages';

const FEW = 2000;
/** That runs are new, where the server does not count how many. */
export const MANY = Number.POSITIVE_INFINITY;

/**
 * Keeps the list current. Whoever has scrolled down reads in peace: new runs are counted and shown
 * on a click, since rows that move under a reader are worse than rows of a minute ago.
 */
export function useLiveRuns(id: string, query: TableQuery, total: number | null, scrolled: boolean) {
  const [fresh, setFresh] = useState(0);
  const list = JSON.stringify({ ...query, columns: [] });
  const state = useRef({ total, scrolled, query, list });
  state.current = { total, scrolled, query, list };
  /** Set at the event itself, before the count is known: rows stay from this moment on. */
  const waiting = useRef(false);
  const news = useRef(0);
  const refresh = useRef(
    throttle(() => {
      if (waiting.current && state.current.scrolled) return;
      waiting.current = false;
      setFresh(0);
      stale(['runs']);
    }, 1000),
  );
  const summary = () => {
    stale(['experiments']);
    // A new column asks for the rows anew, which would move them.
    if (!waiting.current) stale(['columns', id]);
  };
  // Which keys exist, and how many runs, costs the server a look at every run of the experiment.
  const summarise = useRef([throttle(summary, 3000), throttle(summary, 30_000)] as const);
  const recount = useRef(
    throttle(async () => {
      const { query, total, list } = state.current;
      const at = news.current;
      const now = await post<RunsPage>('runs/query', { ...query, columns: [], limit: 1 }).catch(() => null);
      if (!waiting.current || state.current.list !== list) return;
      // Where the server stops counting or says nothing, that something is new is all that is known.
      const more = now?.total_is_exact ? Math.max(0, now.total - (total ?? now.total)) : MANY;
      if (more > 0) setFresh(more);
      else if (news.current === at) waiting.current = false;
    }, 1000),
  );
  const show = () => {
    waiting.current = false;
    setFresh(0);
    stale(['runs'], ['columns', id]);
  };
  useLive([`experiment:${id}`], (event: Event) => {
    if (event.kind === 'runs' && state.current.scrolled) {
      waiting.current = true;
      news.current++;
      recount.current();
    } else refresh.current();
    if (event.topic !== OPENED) summarise.current[(state.current.total ?? 0) > FEW ? 1 : 0]();
  });
  // Another list has no rows that could move yet.
  useEffect(() => {
    waiting.current = false;
    setFresh(0);
  }, [list]);
  useEffect(() => {
    if (!scrolled && waiting.current) show();
  }, [scrolled]);
  useEffect(
    () => () => {
      recount.current.cancel();
      // What the reader was spared is news to whoever comes next; the other timers say theirs by themselves.
      if (waiting.current) stale(['runs'], ['columns', id]);
    },
    [],
  );
  return { fresh, show };
}
