import type { Number as Value } from './api-types';

const THIN = '\u2009';

/** A number of the wire as a JavaScript number: JSON has no NaN and no infinities. */
export function toNumber(value: Value): number {
  return typeof value === 'number' ? value : Number(value);
}

/** Four significant digits; whole numbers in full with thin spaces. */
export function number(value: Value | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const x = toNumber(value);
  if (Number.isNaN(x)) return 'NaN';
  if (!Number.isFinite(x)) return x > 0 ? '∞' : '−∞';
  const size = Math.abs(x);
  if (Number.isInteger(x) && size < 1e9) return integer(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return minus(x.toExponential(3).replace(/\.?0*e\+?/, 'e'));
  if (size >= 1e3) return integer(Math.round(x));
  return minus(trim(x.toPrecision(4)));
}

/** Every digit, for the tooltip and for copying. */
export function exact(value: Value | null | undefined): string {
  return value === null || value === undefined ? '' : String(toNumber(value));
}

export function integer(value: number): string {
  return grouped(String(value));
}

/** Digits as they are shown: a real minus sign, thin spaces in the whole part. */
export function grouped(digits: string): string {
  const [whole = '', ...rest] = digits.split('.');
  return minus([whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN), ...rest].join('.'));
}

function trim(digits: string): string {
  return digits.includes('.') && !digits.includes('e') ? digits.replace(/\.?0+$/, '') : digits;
}

function minus(digits: string): string {
  return digits.replace('-', '−');
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytes(size: number | null): string {
  if (size === null) return '';
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < SIZES.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${SIZES[unit]}`;
}

export function count(amount: number, singular: string, plural = `${singular}s`): string {
  return `${integer(amount)} ${amount === 1 ? singular : plural}`;
}

/** Two largest units: `2h 05m`, `3m 12s`, `4.2s`, `85ms`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  const value = Math.max(0, ms);
  if (value < 1000) return `${Math.round(value)}ms`;
  if (value < 9950) return `${(value / 1000).toFixed(1)}s`;
  const seconds = Math.round(value / 1000);
  const [d, h, m, s] = [
    Math.floor(seconds / 86400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  const two = (part: number) => String(part).padStart(2, '0');
  if (d) return `${d}d ${two(h)}h`;
  if (h) return `${h}h ${two(m)}m`;
  if (m) return `${m}m ${two(s)}s`;
  return `${s}s`;
}

const STEPS: [limit: number, size: number, unit: string][] = [
  [3600e3, 60e3, 'min'],
  [86400e3, 3600e3, 'h'],
  [30 * 86400e3, 86400e3, 'd'],
  [365 * 86400e3, 30 * 86400e3, 'mo'],
];

export function ago(ms: number | null | undefined, now = Date.now()): string {
  if (ms === null || ms === undefined) return '–';
  const past = now - ms;
  if (past < 0) return past > -60e3 ? 'just now' : dateTime(ms);
  if (past < 10e3) return 'just now';
  if (past < 60e3) return `${Math.floor(past / 1000)} s ago`;
  for (const [limit, size, unit] of STEPS) {
    if (past < limit) return `${Math.floor(past / size)} ${unit} ago`;
  }
  return `${Math.floor(past / (365 * 86400e3))} y ago`;
}

export function dateTime(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  const date = new Date(ms);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `14:05`, for "offline since". */
export function clock(ms: number): string {
  return dateTime(ms).slice(11, 16);
}
