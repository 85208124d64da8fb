import type { RunColumns } from '../base/api-types';

export type Group = 'metrics' | 'params' | 'tags';

/** What of all points of a metric a column shows in place of the latest value. */
export type Extreme = 'min' | 'max';

export interface Column {
  /** As in the search language: `metrics.loss`, `min(metrics.loss)`, params.`batch size`. */
  name: string;
  group: Group;
  key: string;
  extreme?: Extreme;
  /** As a head and a list name it: `loss`, `min loss`. */
  label: string;
}

const MAX_DEFAULT_METRICS = 6;
const MAX_DEFAULT_PARAMS = 4;

/** `metrics.val_loss`; keys that are no plain word are quoted with backticks. */
export function columnName(group: Group, key: string): string {
  return /^[A-Za-z_][\w./]*$/.test(key) ? `${group}.${key}` : `${group}.\`${key}\``;
}

export function extremeName(extreme: Extreme, key: string): string {
  return `${extreme}(${columnName('metrics', key)})`;
}

export function parseColumn(name: string): Column | null {
  const [, extreme, inner] = name.match(/^(min|max)\((metrics\..+)\)$/s) ?? [];
  const [, group, quoted, plain] =
    (inner ?? name).match(/^(metrics|params|tags)\.(?:`([^`]+)`|(.+))$/s) ?? [];
  const key = quoted ?? plain;
  if (!group || !key) return null;
  const column = { name, group: group as Group, key };
  return extreme
    ? { ...column, extreme: extreme as Extreme, label: `${extreme} ${key}` }
    : { ...column, label: key };
}

/** The columns with one more: beside another of the same metric, otherwise at the end. */
export function withColumn(shown: string[], name: string): string[] {
  const added = parseColumn(name);
  const beside = shown
    .map(parseColumn)
    .findLastIndex((other) => other?.group === added?.group && other?.key === added?.key);
  return shown.toSpliced(beside < 0 ? shown.length : beside + 1, 0, name);
}

/** Results on held-out data say most, then what is logged for each epoch, then what comes in groups. */
function rank(key: string): number {
  if (/^(test|eval)/.test(key)) return 0;
  if (/^val/.test(key)) return 1;
  return key.includes('/') ? 3 : 2;
}

/** What a table shows that nobody has set up: results first, then settings; no system metrics. */
export function defaultColumns(known: RunColumns): string[] {
  const metrics = known.metrics
    .filter((key) => !key.startsWith('system/'))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MAX_DEFAULT_METRICS);
  const params = known.params.slice(0, MAX_DEFAULT_PARAMS);
  return [
    ...metrics.map((key) => columnName('metrics', key)),
    ...params.map((key) => columnName('params', key)),
  ];
}

export function shownColumns(chosen: string[] | null, known: RunColumns | undefined): Column[] {
  const names = chosen ?? (known ? defaultColumns(known) : []);
  return names.map(parseColumn).filter((column) => column !== null);
}

export interface Sort {
  name: string;
  descending: boolean;
}

export const NEWEST: Sort = { name: 'attributes.start_time', descending: true };

export function parseSort(raw: string): Sort {
  const [, name, direction] = raw.match(/^(.+?)(?: (ASC|DESC))?$/s) ?? [];
  return name ? { name, descending: direction === 'DESC' } : NEWEST;
}

export function formatSort(sort: Sort): string {
  return `${sort.name} ${sort.descending ? 'DESC' : 'ASC'}`;
}

/** A click on a head: metrics start with the greatest, minima and words with the least; the second turns it round. */
export function nextSort(current: Sort, name: string): Sort {
  if (current.name === name) return { name, descending: !current.descending };
  return { name, descending: /^metrics\.|^max\(|_time$/.test(name) };
}
