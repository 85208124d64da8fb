import type { Line } from './line';
import {
  type Columns,
  columnOf,
  columns,
  fill,
  isDense,
  polyline,
  type Rgb,
  rowOf,
  type View,
} from './paint';
import { smooth } from './smooth';
import type { Range } from './window';

export interface Look {
  rgb: Rgb;
  dash: number[];
  /** Another run is highlighted. */
  faint: boolean;
}

interface Picture {
  lines: Line[];
  looks: Map<string, Look>;
  x: Range;
  y: Range;
  log: boolean;
  smoothing: number;
}

const ENVELOPE = 0.4;
const RAW_UNDER_SMOOTH = 0.3;
const FAINT = 0.18;
const MAX_DOTS = 60;

/** Draws all lines of a chart. Dense ones go through a pixel buffer, sparse ones are polylines. */
export function draw(canvas: HTMLCanvasElement, picture: Picture, ratio: number): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const view: View = { ...picture, width: canvas.width, height: canvas.height };
  context.clearRect(0, 0, view.width, view.height);
  drawDense(context, picture, view);
  for (const line of picture.lines) drawLine(context, picture, line, view, ratio);
  for (const line of picture.lines) {
    const { rgb, faint } = look(picture, line);
    drawMarks(context, line, view, ratio, `rgb(${rgb.join(' ')} / ${faint ? FAINT : 1})`);
  }
}

function look(picture: Picture, line: Line): Look {
  return picture.looks.get(line.runId) ?? { rgb: [128, 128, 128], dash: [], faint: false };
}

function drawDense(context: CanvasRenderingContext2D, picture: Picture, view: View): void {
  const dense = picture.lines.filter((line) => isDense(line, view));
  if (dense.length === 0) return;
  const image = context.createImageData(view.width, view.height);
  for (const line of dense) {
    const { rgb, faint } = look(picture, line);
    const spans: Columns = columns(line, view);
    const solid = line.exact && picture.smoothing === 0 ? 1 : ENVELOPE;
    fill(image.data, view, spans, rgb, faint ? FAINT * solid : solid);
  }
  context.putImageData(image, 0, 0);
}

function drawLine(
  context: CanvasRenderingContext2D,
  picture: Picture,
  line: Line,
  view: View,
  ratio: number,
): void {
  const { rgb, dash, faint } = look(picture, line);
  const colour = (alpha: number) => `rgb(${rgb.join(' ')} / ${faint ? alpha * FAINT : alpha})`;
  context.lineJoin = 'bevel';
  context.lineWidth = 1.5 * ratio;
  context.setLineDash(dash.map((part) => part * ratio));
  const stroke = (values: ArrayLike<number>, alpha: number) => {
    const path = new Path2D();
    polyline(path, line.x, values, view);
    context.strokeStyle = colour(alpha);
    context.stroke(path);
  };
  const smoothed = picture.smoothing > 0;
  if (!(line.exact && isDense(line, view))) stroke(line.last, smoothed ? RAW_UNDER_SMOOTH : 1);
  if (smoothed) stroke(smooth(line.last, picture.smoothing), 1);
  context.setLineDash([]);
  if (line.exact && line.x.length <= MAX_DOTS) {
    context.fillStyle = colour(smoothed ? RAW_UNDER_SMOOTH : 1);
    drawDots(context, line, view, ratio);
  }
}

/** Few points: each is shown, so that a single one is seen at all. */
function drawDots(context: CanvasRenderingContext2D, line: Line, view: View, ratio: number): void {
  const radius = (line.x.length === 1 ? 3.5 : 2.2) * ratio;
  for (let i = 0; i < line.x.length; i++) {
    const value = line.last[i]!;
    if (view.log && value <= 0) continue;
    context.beginPath();
    context.arc(columnOf(line.x[i]!, view), rowOf(value, view), radius, 0, 2 * Math.PI);
    context.fill();
  }
}

/** NaN: a cross at the bottom; infinities: a triangle at the edge they left by. */
function drawMarks(
  context: CanvasRenderingContext2D,
  line: Line,
  view: View,
  ratio: number,
  colour: string,
): void {
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = 1.5 * ratio;
  const size = 4 * ratio;
  for (const mark of line.marks) {
    const x = columnOf(mark.x, view);
    if (x < 0 || x > view.width) continue;
    context.beginPath();
    if (mark.kind === 'NaN') {
      const y = view.height - size * 1.5;
      context.moveTo(x - size, y - size);
      context.lineTo(x + size, y + size);
      context.moveTo(x - size, y + size);
      context.lineTo(x + size, y - size);
      context.stroke();
    } else {
      const up = mark.kind === 'Infinity';
      const tip = up ? 1 : view.height - 1;
      const base = up ? tip + size * 1.6 : tip - size * 1.6;
      context.moveTo(x, tip);
      context.lineTo(x - size, base);
      context.lineTo(x + size, base);
      context.fill();
    }
  }
}
