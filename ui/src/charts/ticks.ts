import { dateTime, grouped, number } from '../base/format';
import type { Axis } from './line';

const DAY = 86_400_000;

/** Distances between ticks that read well, for numbers of any size. */
export const STEPS = Array.from({ length: 600 }, (_, i) =>
  [1, 2, 5].map((n) => Number(`${n}e${i - 300}`)),
).flat();
export const WHOLE_STEPS = STEPS.filter((step) => step >= 1);
export const TIME_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .concat(
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200].map(
      (s) => s * 1000,
    ),
  )
  .concat([1, 2, 5, 10, 20, 50, 100, 200, 365].map((days) => days * DAY));

const MOST_TICKS = 200;

/** Multiples of `step` within the range. `shift` is what a multiple's own place is moved by. */
function multiples(low: number, high: number, step: number, shift: (value: number) => number): number[] {
  const first = Math.floor((low - shift(low)) / step);
  const last = Math.ceil((high - shift(high)) / step);
  if (!(last - first <= MOST_TICKS)) return [];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(15)),
  );
  return ticks.map((tick) => tick + shift(tick)).filter((tick) => tick >= low && tick <= high);
}

/** Where ticks stand. Those of the clock stand on whole hours and midnights of the reader's own zone. */
export function ticks(axis: Axis | 'value', low: number, high: number, step: number): number[] {
  const zone = (time: number) => new Date(time).getTimezoneOffset() * 60_000;
  return multiples(low, high, step, axis === 'time' ? zone : () => 0);
}

/** Labels in one format, with as many digits as the step between them needs. */
export function numbers(values: number[], step: number): string[] {
  const most = Math.max(...values.map(Math.abs));
  const place = Math.floor(Math.log10(step) + 1e-9);
  if (most >= 1e9 || place < -5) {
    const digits = Math.max(0, Math.floor(Math.log10(most) + 1e-9) - place);
    return values.map((value) => (value === 0 ? '0' : exponent(value, digits)));
  }
  return values.map((value) => grouped(value.toFixed(Math.max(0, -place))));
}

function exponent(value: number, digits: number): string {
  const text = value.toExponential(Math.min(digits, 15)).replace(/(\.0+)?e\+?/, 'e');
  return text.replace(/-/g, '−');
}

const MOST_LOG_TICKS = 7;

/** Where ticks of a log axis stand: at 1, 2 and 5, or 1 and 3, or 1 of each power of ten. */
export function logTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, i) => first + i);
  for (const parts of [[1, 2, 5], [1, 3], [1]]) {
    const places = powers
      .flatMap((power) => parts.map((part) => Number(`${part}e${power}`)))
      .filter((place) => place >= low && place <= high);
    if (places.length > MOST_LOG_TICKS) continue;
    if (places.length > 2) return places;
    // Less than a power of ten is in view: as on a plain axis.
    const step = STEPS.find((one) => one >= (high - low) / (MOST_LOG_TICKS - 1)) ?? high;
    return ticks('value', low, high, step);
  }
  const apart = Math.ceil(powers.length / MOST_LOG_TICKS);
  return powers.filter((power) => power % apart === 0).map((power) => Number(`1e${power}`));
}

export function logLabels(places: number[]): string[] {
  const [a = 0, b = 0, c = 0] = places;
  const isPlain = Math.abs(c - b - (b - a)) < (b - a) * 1e-6;
  return isPlain ? numbers(places, b - a) : places.map(number);
}

/** A time of day or a date, as fine as the step between ticks. */
export function moment(value: number, step: number): string {
  const text = dateTime(value);
  if (step >= 100 * DAY) return text.slice(0, 10);
  if (step >= DAY) return text.slice(5, 10);
  if (step >= 60_000) return text.endsWith(' 00:00:00') ? text.slice(5, 10) : text.slice(11, 16);
  if (step >= 1000) return text.slice(11);
  return `${text.slice(17)}.${String(Math.floor(value) % 1000).padStart(3, '0')}`;
}

const UNITS: [size: number, name: string][] = [
  [DAY, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
  [1, 'ms'],
];

/** Time since the start: `2h 05m 30s`, down to the unit that the step needs. */
export function since(value: number): string {
  let rest = Math.round(Math.abs(value));
  if (rest === 0) return '0';
  const parts: string[] = [];
  for (const [size, name] of UNITS) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount) parts.push(`${amount}${name}`);
  }
  return (value < 0 ? '−' : '') + parts.join(' ');
}

/** What stands at the ticks of the x axis. */
export function labels(axis: Axis, values: number[], step: number): string[] {
  if (axis === 'step') return numbers(values, step);
  return values.map((value) => (axis === 'time' ? moment(value, step) : since(value)));
}
