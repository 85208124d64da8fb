import type { Line } from './line';
import type { Range } from './window';

/** The plot area in device pixels and what it shows. */
export interface View {
  width: number;
  height: number;
  x: Range;
  y: Range;
  log: boolean;
}

/** For each pixel column the rows that a line covers; `top` > `bottom` where it covers none. */
export interface Columns {
  top: Int32Array;
  bottom: Int32Array;
}

export function rowOf(value: number, view: View): number {
  const [low, high] = view.y;
  const share = view.log
    ? (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))
    : (value - low) / (high - low);
  return (1 - share) * (view.height - 1);
}

export function columnOf(x: number, view: View): number {
  return ((x - view.x[0]) / (view.x[1] - view.x[0])) * (view.width - 1);
}

/** Is the line too dense for a polyline to be worth its cost? */
export function isDense(line: Line, view: View): boolean {
  return !line.exact || line.x.length > view.width;
}

/**
 * Reduces a line to one span of rows a pixel column, no extreme lost. Each column is stretched to
 * touch its neighbour, so that the picture is connected.
 */
export function columns(line: Line, view: View): Columns {
  const top = new Int32Array(view.width).fill(view.height);
  const bottom = new Int32Array(view.width).fill(-1);
  const low = line.exact ? line.last : line.min;
  const high = line.exact ? line.last : line.max;
  let before = -1;
  for (let i = 0; i < line.x.length; i++) {
    const column = Math.round(columnOf(line.x[i]!, view));
    if (column < 0 || column >= view.width || (view.log && high[i]! <= 0)) continue;
    const up = Math.round(rowOf(high[i]!, view));
    const down = Math.round(rowOf(view.log && low[i]! <= 0 ? view.y[0] : low[i]!, view));
    if (up < top[column]!) top[column] = up;
    if (down > bottom[column]!) bottom[column] = down;
    if (before >= 0 && before !== column) bridge(top, bottom, before, column);
    before = column;
  }
  return { top, bottom };
}

/** Joins two neighbouring columns; a gap between them is crossed by a straight band. */
function bridge(top: Int32Array, bottom: Int32Array, from: number, to: number): void {
  const startTop = top[from]!;
  const startBottom = bottom[from]!;
  for (let column = from + 1; column < to; column++) {
    const share = (column - from) / (to - from);
    top[column] = Math.round(startTop + (top[to]! - startTop) * share);
    bottom[column] = Math.round(startBottom + (bottom[to]! - startBottom) * share);
  }
  const last = to - 1;
  if (bottom[last]! < top[to]!) top[to] = bottom[last]! + 1;
  else if (top[last]! > bottom[to]!) bottom[to] = top[last]! - 1;
}

export type Rgb = [red: number, green: number, blue: number];

/** Blends spans into an RGBA buffer, "over" what is there. `alpha` is 0 to 1. */
export function fill(
  pixels: Uint8ClampedArray,
  view: View,
  spans: Columns,
  colour: Rgb,
  alpha: number,
): void {
  for (let column = 0; column < view.width; column++) {
    const from = Math.max(0, spans.top[column]!);
    const to = Math.min(view.height - 1, spans.bottom[column]!);
    for (let row = from; row <= to; row++) over(pixels, (row * view.width + column) * 4, colour, alpha);
  }
}

function over(pixels: Uint8ClampedArray, at: number, colour: Rgb, alpha: number): void {
  const below = (pixels[at + 3]! / 255) * (1 - alpha);
  const total = alpha + below;
  pixels[at] = (colour[0] * alpha + pixels[at]! * below) / total;
  pixels[at + 1] = (colour[1] * alpha + pixels[at + 1]! * below) / total;
  pixels[at + 2] = (colour[2] * alpha + pixels[at + 2]! * below) / total;
  pixels[at + 3] = total * 255;
}

/** What of the canvas API a polyline needs: a `Path2D` or a recorder in tests. */
export interface Pen {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
}

/** Sends a line through its points; on a log scale values that have no place break it. */
export function polyline(pen: Pen, xs: ArrayLike<number>, ys: ArrayLike<number>, view: View): void {
  let drawing = false;
  for (let i = 0; i < xs.length; i++) {
    const value = ys[i]!;
    if (view.log && value <= 0) {
      drawing = false;
      continue;
    }
    const x = columnOf(xs[i]!, view);
    const y = rowOf(value, view);
    if (drawing) pen.lineTo(x, y);
    else pen.moveTo(x, y);
    drawing = true;
  }
}
