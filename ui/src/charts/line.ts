import type { Mark, Number as Value } from '../base/api-types';
import { toNumber } from '../base/format';

export type Axis = 'step' | 'time' | 'relative';
export type Point = [step: number, timeMs: number, value: Value];

/** One run's metric as the browser holds it: a window of it, exact or in buckets. */
export interface Line {
  runId: string;
  metric: string;
  points: number;
  exact: boolean;
  x: number[];
  step: number[];
  time: number[];
  last: number[];
  /** Empty when `exact`: every point is its own extreme. */
  min: number[];
  max: number[];
  marks: Mark[];
}

export function onAxis(axis: Axis, step: number, timeMs: number, startMs: number): number {
  return axis === 'step' ? step : axis === 'time' ? timeMs : timeMs - startMs;
}

/**
 * Adds live points in place. Answers false when the line must be asked for again: the point
 * belongs in the middle of buckets that the browser cannot rebuild.
 */
export function append(line: Line, points: Point[], axis: Axis, startMs: number): boolean {
  let whole = true;
  for (const [step, timeMs, raw] of points) {
    const value = toNumber(raw);
    const x = onAxis(axis, step, timeMs, startMs);
    if (!Number.isFinite(value)) addMark(line, x, raw);
    else if (line.exact) insert(line, x, step, timeMs, value);
    else whole = extend(line, x, step, timeMs, value) && whole;
  }
  return whole;
}

function addMark(line: Line, x: number, raw: Value): void {
  const kind = String(raw) as Mark['kind'];
  if (line.marks.some((mark) => mark.x === x && mark.kind === kind)) return;
  line.marks.push({ x, kind });
  line.points++;
}

/** Exact lines stay sorted by x; a point that is there already (resent, or twice on the stream) is dropped. */
function insert(line: Line, x: number, step: number, timeMs: number, value: number): void {
  let at = line.x.length;
  while (at > 0 && line.x[at - 1]! > x) at--;
  for (let i = at - 1; i >= 0 && line.x[i] === x; i--) {
    if (line.time[i] === timeMs && line.last[i] === value && line.step[i] === step) return;
  }
  line.x.splice(at, 0, x);
  line.step.splice(at, 0, step);
  line.time.splice(at, 0, timeMs);
  line.last.splice(at, 0, value);
  line.points++;
}

/** Buckets: a point inside the last bucket's width joins it, a later one opens a bucket of its own. */
function extend(line: Line, x: number, step: number, timeMs: number, value: number): boolean {
  const end = line.x.length - 1;
  const tail = line.x[end];
  if (tail === undefined) {
    pushBucket(line, x, step, timeMs, value);
    return true;
  }
  if (x < tail) return false;
  if (x === tail && line.time[end] === timeMs && line.last[end] === value) return true;
  const width = (tail - line.x[0]!) / Math.max(1, end);
  if (x - tail < width) {
    line.min[end] = Math.min(line.min[end]!, value);
    line.max[end] = Math.max(line.max[end]!, value);
    line.last[end] = value;
    line.step[end] = step;
    line.time[end] = timeMs;
    line.points++;
  } else pushBucket(line, x, step, timeMs, value);
  return true;
}

function pushBucket(line: Line, x: number, step: number, timeMs: number, value: number): void {
  line.x.push(x);
  line.step.push(step);
  line.time.push(timeMs);
  line.last.push(value);
  line.min.push(value);
  line.max.push(value);
  line.points++;
}

/** The newest value of a line, which may be one that no line can show. */
export function latest(line: Line): Value | undefined {
  const end = line.x.at(-1) ?? Number.NEGATIVE_INFINITY;
  const after = line.marks.reduce<Mark | null>((a, b) => (b.x > end && b.x >= (a?.x ?? end) ? b : a), null);
  return after?.kind ?? line.last.at(-1);
}

/** Index of the entry nearest to `x`, or -1 for an empty line. */
export function nearest(xs: ArrayLike<number>, x: number): number {
  let low = 0;
  let high = xs.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= x) low = middle;
    else high = middle;
  }
  return Math.abs(xs[high]! - x) < Math.abs(xs[low]! - x) ? high : low;
}
