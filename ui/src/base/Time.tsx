import { now } from './clock';
import { ago, dateTime, duration } from './format';

/** "3 min ago", the absolute time on hover. */
export function Ago({ ms }: { ms: number | null | undefined }) {
  if (ms === null || ms === undefined) return <span class="dim">–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={dateTime(ms)}>
      {ago(ms, now.value)}
    </time>
  );
}

/** How long a run took, or has been going. */
export function Lasted({ start, end, live }: { start: number | null; end: number | null; live: boolean }) {
  if (start === null) return <span class="dim">–</span>;
  return <span>{duration((end ?? (live ? Math.max(now.value, start) : start)) - start)}</span>;
}
