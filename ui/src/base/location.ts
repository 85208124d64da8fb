/** Where the app lives: index.html's <base> names it, so that it may sit behind any prefix. */
export const BASE = typeof document === 'undefined' ? '/' : new URL(document.baseURI).pathname;

type Parameters = Record<string, string | number | null | undefined>;

/** A path of the app, with the prefix. Segments are encoded by the caller through `at`. */
export function href(path: string, parameters: Parameters = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const query = search.toString();
  return `${BASE}${path}${query ? `?${query}` : ''}`;
}

/** Template tag: encodes every value as one path segment. */
export function at(strings: TemplateStringsArray, ...values: (string | number)[]): string {
  return strings.reduce((path, part, index) => {
    const value = values[index - 1];
    return path + (value === undefined ? '' : encodeURIComponent(value)) + part;
  });
}

export const links = {
  experiments: () => href('experiments'),
  experiment: (id: string, parameters?: Parameters) => href(at`experiments/${id}`, parameters),
  run: (id: string, parameters?: Parameters) => href(at`runs/${id}`, parameters),
  compare: (ids: string[]) => `${href('compare')}?runs=${ids.map(encodeURIComponent).join(',')}`,
  models: () => href('models'),
  model: (name: string) => href(at`models/${name}`),
  version: (name: string, version: string) => href(at`models/${name}/versions/${version}`),
};

/**
 * MLflow's client prints links as `/#/experiments/1/runs/ID`. Answers our path for such a hash,
 * without the prefix, or null for any other hash.
 */
export function fromMlflowHash(hash: string): string | null {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const parts = path.split('/').filter(Boolean);
  const [noun, id, sub, subId] = parts;
  if (noun === 'experiments' && id && sub === 'runs' && subId) return `runs/${subId}`;
  if (noun === 'experiments') return id ? `experiments/${id}` : 'experiments';
  if (noun === 'models' && id && sub === 'versions' && subId) return `models/${id}/versions/${subId}`;
  if (noun === 'models') return id ? `models/${id}` : 'models';
  if (noun === 'compare-runs') {
    const runs = runIds(new URLSearchParams(query).get('runs'));
    return runs && `compare?runs=${runs.map(encodeURIComponent).join(',')}`;
  }
  return null;
}

function runIds(json: string | null): string[] | null {
  try {
    const ids: unknown = JSON.parse(json ?? '');
    return Array.isArray(ids) ? ids.map(String) : null;
  } catch {
    return null; // somebody typed it: the page it stands on opens instead
  }
}
