import { expect, test } from 'vitest';
import type { Rgb } from './paint';
import { DARK, hash, inks, LIGHT, rgb } from './palette';

const linear = (channel: number) => {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};
const luminance = (colour: Rgb) => {
  const [r, g, b] = colour.map(linear) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a: Rgb, b: Rgb) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
};

// Viénot, Brettel and Mollon 1999, on linear RGB.
const DEUTERAN = [0.29275, 0.70725, 0, 0.29275, 0.70725, 0, -0.02234, 0.02234, 1];
const PROTAN = [0.11238, 0.88762, 0, 0.11238, 0.88762, 0, 0.00401, -0.00401, 1];

function seen(colour: Rgb, matrix: number[]): Rgb {
  const [r, g, b] = colour.map(linear) as Rgb;
  const row = (i: number) => matrix[i]! * r + matrix[i + 1]! * g + matrix[i + 2]! * b;
  return [row(0), row(3), row(6)];
}

/** Oklab distance times 100 of two linear RGB colours. */
function distance(a: Rgb, b: Rgb): number {
  const lab = ([r, g, b]: Rgb) => {
    const l = Math.cbrt(Math.max(0, 0.4122 * r + 0.5363 * g + 0.0514 * b));
    const m = Math.cbrt(Math.max(0, 0.2119 * r + 0.6807 * g + 0.1074 * b));
    const s = Math.cbrt(Math.max(0, 0.0883 * r + 0.2817 * g + 0.63 * b));
    return [
      0.2105 * l + 0.7936 * m - 0.0041 * s,
      1.978 * l - 2.4286 * m + 0.4506 * s,
      0.0259 * l + 0.7828 * m - 0.8087 * s,
    ];
  };
  const [x, y] = [lab(a), lab(b)];
  return 100 * Math.hypot(x[0]! - y[0]!, x[1]! - y[1]!, x[2]! - y[2]!);
}

test.each([
  ['light', LIGHT, '#ffffff'],
  ['dark', DARK, '#15171b'],
])('%s: contrast of 3:1 to the background', (_, palette, background) => {
  for (const colour of palette)
    expect(contrast(rgb(colour), rgb(background)), colour).toBeGreaterThanOrEqual(3);
});

test.each([
  ['light', LIGHT],
  ['dark', DARK],
])('%s: any two stay apart with deuteranopia and protanopia', (_, palette) => {
  for (const matrix of [DEUTERAN, PROTAN]) {
    for (const [i, a] of palette.entries()) {
      for (const b of palette.slice(i + 1)) {
        expect(distance(seen(rgb(a), matrix), seen(rgb(b), matrix)), `${a} ${b}`).toBeGreaterThan(6);
      }
    }
  }
});

test('a colour belongs to the id, whatever else is shown', () => {
  expect(hash('a')).toBe(0xe40c292c);
  const alone = inks(['run-b']).get('run-b');
  expect(alone?.colour).toBe(hash('run-b') % LIGHT.length);
  expect(inks(['run-b', 'run-a']).get('run-b')).toEqual(alone);
});

test('up to eight runs never share a colour, and none is dashed', () => {
  for (let first = 0; first < 50; first++) {
    const ids = Array.from({ length: 8 }, (_, i) => `run-${first}-${i}`);
    const all = [...inks(ids).values()];
    expect(new Set(all.map((ink) => ink.colour)).size).toBe(8);
    expect(all.every((ink) => ink.dash.length === 0)).toBe(true);
  }
});

test('runs that share a colour differ in their dashes', () => {
  const ids = Array.from({ length: 30 }, (_, i) => `run-${i}`);
  const looks = [...inks(ids).values()].map((ink) => `${ink.colour} ${ink.dash}`);
  expect(new Set(looks).size).toBe(30);
});
