import type { Line } from './line';

export type Range = [low: number, high: number];

/** Buckets to ask for: two a pixel, rounded so that a small resize asks for nothing new. */
export function bucketsFor(width: number): number {
  const wanted = Math.ceil((width * 2) / 200) * 200;
  return Math.min(4000, Math.max(400, wanted));
}

/** What a line spans on x, marks included; null when it is empty. */
export function xExtent(lines: Line[]): Range | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const see = (x: number | undefined) => {
    if (x === undefined) return;
    if (x < low) low = x;
    if (x > high) high = x;
  };
  for (const line of lines) {
    see(line.x[0]);
    see(line.x.at(-1));
    for (const mark of line.marks) see(mark.x);
  }
  return low <= high ? [low, high] : null;
}

/** What the lines span on y inside `x`; only positive values count on a log scale. */
export function yExtent(lines: Line[], x: Range, log: boolean): Range | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const line of lines) {
    const bottom = line.exact ? line.last : line.min;
    const top = line.exact ? line.last : line.max;
    for (let i = 0; i < line.x.length; i++) {
      if (line.x[i]! < x[0] || line.x[i]! > x[1]) continue;
      if (bottom[i]! < low && (!log || bottom[i]! > 0)) low = bottom[i]!;
      if (top[i]! > high && (!log || top[i]! > 0)) high = top[i]!;
      if (log && top[i]! > 0 && bottom[i]! <= 0 && top[i]! < low) low = top[i]!;
    }
  }
  return low <= high ? [low, high] : null;
}

/** A range a single point or a flat line can be seen in; a little air above and below. */
export function padded(range: Range | null, log: boolean): Range {
  if (!range) return log ? [0.1, 10] : [0, 1];
  const [low, high] = range;
  if (log) return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
  if (low === high) {
    const air = Math.abs(low) * 0.1 || 1;
    return [low - air, high + air];
  }
  const air = (high - low) * 0.06;
  // A metric that never goes below zero keeps its zero line.
  const floor = low >= 0 && low - air < 0 ? 0 - air * 0.25 : low - air;
  return [floor, high + air];
}

/** A dragged selection as a window, or null when it was a mere click. */
export function selected(from: number, to: number, pixels: number): Range | null {
  if (pixels < 4) return null;
  return from < to ? [from, to] : [to, from];
}

export interface Section {
  name: string;
  keys: string[];
}

/** Groups metric keys by what stands before the last slash; keys without one come first. */
export function sections(keys: string[]): Section[] {
  const groups = new Map<string, string[]>();
  for (const key of keys) {
    const slash = key.lastIndexOf('/');
    const name = slash > 0 ? key.slice(0, slash) : '';
    groups.set(name, [...(groups.get(name) ?? []), key]);
  }
  return [...groups]
    .map(([name, members]) => ({ name, keys: members }))
    .sort((a, b) => compare(a.name, b.name));
}

const DEVICES: [RegExp, string][] = [
  [/^gpu_(\d+)_/, 'GPU'],
  [/^gpu/, 'GPU'],
  [/^cpu/, 'CPU'],
  [/^system_memory|^memory/, 'Memory'],
  [/^disk/, 'Disk'],
  [/^network/, 'Network'],
];

/** MLflow names system metrics `system/gpu_0_utilization_percentage`: groups them by device. */
export function systemSections(keys: string[]): Section[] {
  const groups = new Map<string, string[]>();
  for (const key of keys) {
    const plain = key.replace(/^system\//, '');
    const device = DEVICES.find(([pattern]) => pattern.test(plain));
    const number = plain.match(/^gpu_(\d+)_/)?.[1];
    const name = device ? (number ? `${device[1]} ${number}` : device[1]) : 'Other';
    groups.set(name, [...(groups.get(name) ?? []), key]);
  }
  const all = [...groups].map(([name, members]) => ({ name, keys: members }));
  // A few charts stand together, device after device: sections of one or two would be mostly empty.
  return keys.length > FEW ? all : [{ name: '', keys: all.flatMap((section) => section.keys) }];
}

const FEW = 16;

const UNITS: [RegExp, string][] = [
  [/_percentage$/, '%'],
  [/_megabytes$/, 'MB'],
  [/_gigabytes$/, 'GB'],
  [/_bytes$/, 'B'],
  [/_watts$/, 'W'],
  [/_celsius$/, '°C'],
  [/_(seconds|sec|s)$|^epoch_time$/, 's'],
  [/_ms$/, 'ms'],
];

/** The unit that a metric's own name gives away, or nothing. */
export function unitOf(key: string): string {
  return UNITS.find(([pattern]) => pattern.test(key))?.[1] ?? '';
}

/** The short title of a chart inside its section. What the unit beside it says is left out. */
export function titleOf(key: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1) || key;
  return name.replace(/_(percentage|megabytes|gigabytes|bytes|watts|celsius|seconds|ms)$/, '');
}

export function isSystem(key: string): boolean {
  return key.startsWith('system/');
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, undefined, { numeric: true });
}
