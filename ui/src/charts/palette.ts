import type { Rgb } from './paint';

/**
 * Eight line colours after Okabe and Ito, moved in lightness until each has a contrast of 3:1 to
 * its background; palette.test.ts checks that, and that people with a colour-vision deficiency can
 * tell them apart.
 */
export const LIGHT = ['#2563e0', '#e07000', '#008373', '#a436b0', '#2f98d4', '#866000', '#571faa', '#c4184f'];
export const DARK = ['#43a2ff', '#e5641c', '#2a9a7c', '#f268bf', '#79e1f5', '#c6d22e', '#8f5fee', '#e7ab95'];

/** FNV-1a: the same id has the same colour everywhere, for ever. */
export function hash(id: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) value = Math.imul(value ^ id.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}

export const DASHES: number[][] = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

export interface Ink {
  /** Place in the palette. */
  colour: number;
  dash: number[];
}

/**
 * Colours for runs shown together: each its own, or the next that is free, since dense lines tell
 * apart by colour alone. Where there are more runs than colours, dash patterns differ.
 */
export function inks(ids: string[]): Map<string, Ink> {
  const used = new Array<number>(LIGHT.length).fill(0);
  const result = new Map<string, Ink>();
  for (const id of ids) {
    if (result.has(id)) continue;
    const least = Math.min(...used);
    let colour = hash(id) % LIGHT.length;
    while (used[colour]! > least) colour = (colour + 1) % LIGHT.length;
    const dash = DASHES[used[colour]! % DASHES.length]!;
    used[colour]!++;
    result.set(id, { colour, dash });
  }
  return result;
}

/** The CSS value that follows the theme. */
export function css(colour: number): string {
  return `light-dark(${LIGHT[colour]}, ${DARK[colour]})`;
}

export function rgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
