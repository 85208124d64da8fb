import type { MetricSummary, Run, Number as Value } from '../base/api-types';
import { toNumber } from '../base/format';
import { isSystem } from '../charts/window';

export interface DiffRow {
  key: string;
  /** One value a run, null where the run lacks the key. */
  values: (string | null)[];
  differs: boolean;
}

/** Lays the same dictionary of several runs side by side, keys sorted. */
export function diff(sides: Record<string, string>[]): DiffRow[] {
  const keys = [...new Set(sides.flatMap((side) => Object.keys(side)))].sort();
  return keys.map((key) => {
    const values = sides.map((side) => side[key] ?? null);
    return { key, values, differs: values.some((value) => value !== values[0]) };
  });
}

export type Direction = 'higher' | 'lower' | null;

const LOWER =
  /(^|[^a-z])(loss|error|err|mse|rmse|mae|mape|perplexity|ppl|wer|cer|fid|nll|latency|time|duration|seconds|ms)($|[^a-z])/;
const HIGHER =
  /(^|[^a-z])(acc|accuracy|f1|auc|auroc|precision|recall|map|miou|iou|bleu|rouge|r2|psnr|ssim|score|reward|return|throughput)($|[^a-z0-9])/;

/** Which way is better, as far as the name tells; nothing is marked where it does not. */
export function direction(key: string): Direction {
  const name = key.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
  if (LOWER.test(name)) return 'lower';
  return HIGHER.test(name) ? 'higher' : null;
}

/** Indexes of the best values; none when all are equal or the direction is not known. */
export function best(values: (Value | null)[], way: Direction): number[] {
  const numbers = values.map((value) => (value === null ? Number.NaN : toNumber(value)));
  const finite = numbers.filter(Number.isFinite);
  if (way === null || finite.length < 2 || new Set(finite).size === 1) return [];
  const winner = way === 'higher' ? Math.max(...finite) : Math.min(...finite);
  return numbers.flatMap((value, index) => (value === winner ? [index] : []));
}

export interface MetricRow {
  key: string;
  values: (Value | null)[];
  /** The best of all points of each run, where that is not the latest; null where the way is not known. */
  peaks: (Value | null)[];
  best: number[];
  direction: Direction;
  differs: boolean;
}

function peak(metric: MetricSummary | undefined, way: Direction): Value | null {
  if (!metric || way === null) return null;
  const value = way === 'higher' ? metric.max : metric.min;
  return value === metric.value ? null : value;
}

/** Latest and best values of every metric of the runs. */
export function metricRows(runs: Run[]): MetricRow[] {
  const sides = runs.map((run) => new Map(run.metrics.map((metric) => [metric.key, metric])));
  const keys = [...new Set(sides.flatMap((side) => [...side.keys()]))].sort();
  return keys.map((key) => {
    const values = sides.map((side) => side.get(key)?.value ?? null);
    const way = direction(key);
    const peaks = sides.map((side) => peak(side.get(key), way));
    const differs = [values, peaks].some((list) => list.some((value) => value !== list[0]));
    return { key, values, peaks, best: best(values, way), direction: way, differs };
  });
}

export interface TitleLine {
  kind: 'title';
  title: string;
  note: string;
}
export type ParamLine = DiffRow & { kind: 'param' | 'origin' };
export type MetricLine = MetricRow & { kind: 'metric' };
export type Line = TitleLine | ParamLine | MetricLine;

function origin(run: Run): Record<string, string> {
  const facts = {
    experiment: run.experiment_name,
    user: run.user,
    source: run.tags['mlflow.source.name'] ?? '',
    commit: run.tags['mlflow.source.git.commit']?.slice(0, 10) ?? '',
    datasets: run.datasets.map((dataset) => `${dataset.name} (${dataset.digest})`).join(', '),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== ''));
}

function ownTags(run: Run): Record<string, string> {
  return Object.fromEntries(Object.entries(run.tags).filter(([key]) => !key.startsWith('mlflow.')));
}

/** The whole comparison as one list of lines; `only` leaves out what is the same for all runs. */
export function sideBySide(runs: Run[], only: boolean): Line[] {
  const params = diff(runs.map((run) => run.params));
  const metrics = metricRows(runs).filter((row) => !isSystem(row.key));
  const origins = [...diff(runs.map(origin)), ...diff(runs.map(ownTags))];
  const shown = <T extends { differs: boolean }>(rows: T[]) => rows.filter((row) => row.differs || !only);
  const differing = (rows: { differs: boolean }[]) =>
    `${rows.filter((row) => row.differs).length} of ${rows.length} differ`;
  return [
    { kind: 'title', title: 'Parameters', note: differing(params) },
    ...shown(params).map((row) => ({ ...row, kind: 'param' as const })),
    { kind: 'title', title: 'Metrics', note: 'latest values; min or max of all points where that is better' },
    ...shown(metrics).map((row) => ({ ...row, kind: 'metric' as const })),
    { kind: 'title', title: 'Origin', note: differing(origins) },
    ...shown(origins).map((row) => ({ ...row, kind: 'origin' as const })),
  ];
}
