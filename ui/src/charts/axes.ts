import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { draw, type Look } from './draw';
import type { Axis, Line } from './line';
import { labels, logLabels, logTicks, numbers, STEPS, TIME_STEPS, ticks, WHOLE_STEPS } from './ticks';
import { type Range, selected } from './window';

export interface Model {
  lines: Line[];
  /** Line looks by run id. */
  looks: Map<string, Look>;
  x: Range;
  y: Range;
  axis: Axis;
  log: boolean;
  smoothing: number;
}

export interface Events {
  /** The mouse is at `x` on the axis, over this chart or over one in step with it; null when it left. */
  onCursor: (x: number | null, left: number) => void;
  onZoom: (window: Range) => void;
  onReset: () => void;
}

/** Resolves a token such as `light-dark(…)` to what a canvas understands. */
function token(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = '';
  return color;
}

/** uPlot for axes, cursor and selection; the lines are ours, on a canvas of their own above the grid. */
export class ChartView {
  private readonly plot: uPlot;
  private readonly canvas = document.createElement('canvas');
  private readonly host: HTMLElement;
  private model: Model;

  constructor(host: HTMLElement, model: Model, sync: string, events: Events) {
    this.host = host;
    this.model = model;
    this.plot = new uPlot(this.options(sync, events), [model.x, [null, null]] as never, host);
    this.canvas.style.cssText = 'position:absolute;pointer-events:none';
    this.plot.over.before(this.canvas);
    this.paint();
  }

  update(model: Model): void {
    this.model = model;
    this.plot.setData([model.x, [null, null]] as never, false);
    this.plot.batch(() => {
      this.plot.setScale('x', { min: model.x[0], max: model.x[1] });
      this.plot.setScale('y', { min: model.y[0], max: model.y[1] });
    });
    this.paint();
  }

  resize(width: number, height: number): void {
    this.plot.setSize({ width, height });
    this.paint();
  }

  /** Pixels of the plot area from the left edge of the chart, to place what floats above it. */
  get left(): number {
    return this.plot.bbox.left / uPlot.pxRatio;
  }

  get plotWidth(): number {
    return this.plot.bbox.width / uPlot.pxRatio;
  }

  destroy(): void {
    this.plot.destroy();
  }

  private paint(): void {
    const { left, top, width, height } = this.plot.bbox;
    const ratio = uPlot.pxRatio;
    const { style } = this.canvas;
    style.left = `${left / ratio}px`;
    style.top = `${top / ratio}px`;
    style.width = `${width / ratio}px`;
    style.height = `${height / ratio}px`;
    this.canvas.width = Math.max(1, Math.round(width));
    this.canvas.height = Math.max(1, Math.round(height));
    draw(this.canvas, this.model, ratio);
  }

  private options(sync: string, events: Events): uPlot.Options {
    const text = () => token(this.host, '--text-3');
    const grid = () => token(this.host, '--grid');
    const font = '11px Inter, system-ui, sans-serif';
    const axisLook = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    const integerSteps = () => this.model.axis === 'step';
    return {
      width: this.host.clientWidth,
      height: this.host.clientHeight,
      legend: { show: false },
      padding: [8, 16, 0, 0],
      series: [{}, { show: false }],
      scales: {
        x: { time: false, range: () => this.model.x },
        y: { distr: this.model.log ? 3 : 1, range: () => this.model.y },
      },
      axes: [
        {
          ...axisLook,
          size: 22,
          gap: 4,
          space: 64,
          incrs: () => (integerSteps() ? WHOLE_STEPS : TIME_STEPS),
          splits: (_plot, _axis, low, high, step) => ticks(this.model.axis, low, high, step),
          values: (_plot, places, _axis, _space, step) => labels(this.model.axis, places, step),
        },
        {
          ...axisLook,
          size: (_plot, values) =>
            14 + 6.2 * Math.max(3, ...(values ?? []).map((value) => value?.length ?? 0)),
          gap: 4,
          space: 30,
          incrs: STEPS,
          ...(this.model.log
            ? {
                splits: (_plot, _axis, low, high) => logTicks(low, high),
                filter: (_plot, places) => places,
                values: (_plot, places) => logLabels(places),
              }
            : {
                splits: (_plot, _axis, low, high, step) => ticks('value', low, high, step),
                values: (_plot, places, _axis, _space, step) => numbers(places, step),
              }),
        },
      ],
      cursor: {
        sync: { key: sync, scales: ['x', null], setSeries: false },
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: {
          dblclick: () => () => {
            events.onReset();
            return null;
          },
        },
      },
      hooks: {
        setCursor: [
          (plot) => {
            const left = plot.cursor.left ?? -1;
            events.onCursor(left < 0 ? null : plot.posToVal(left, 'x'), left);
          },
        ],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            const window = selected(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'), width);
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            if (window) events.onZoom(window);
          },
        ],
      },
    };
  }
}
