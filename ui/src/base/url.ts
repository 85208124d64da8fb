import { useLocation } from 'preact-iso';

/** One key of a screen's state in the URL. `format` answers null for the default: it is left out. */
export interface Codec<T> {
  parse(raw: string | null): T;
  format(value: T): string | null;
}

export function text(fallback = ''): Codec<string> {
  return { parse: (raw) => raw ?? fallback, format: (value) => (value === fallback ? null : value) };
}

export function number(): Codec<number | null> {
  return {
    parse: (raw) => (raw === null || raw === '' || !Number.isFinite(Number(raw)) ? null : Number(raw)),
    format: (value) => (value === null ? null : String(value)),
  };
}

export function flag(): Codec<boolean> {
  return { parse: (raw) => raw === '1', format: (value) => (value ? '1' : null) };
}

export function oneOf<T extends string>(values: readonly T[]): Codec<T> {
  const fallback = values[0] as T;
  return {
    parse: (raw) => (values.includes(raw as T) ? (raw as T) : fallback),
    format: (value) => (value === fallback ? null : value),
  };
}

/** A list of keys. Commas and backslashes in a key are escaped; null means "not chosen yet". */
export function list(): Codec<string[] | null> {
  return {
    parse(raw) {
      if (raw === null) return null;
      if (raw === '') return [];
      const items = [''];
      for (let i = 0; i < raw.length; i++) {
        if (raw[i] === ',') items.push('');
        else items[items.length - 1] += raw[i] === '\\' ? (raw[++i] ?? '') : (raw[i] as string);
      }
      return items;
    },
    format: (value) => value?.map((item) => item.replace(/[\\,]/g, '\\$&')).join(',') ?? null,
  };
}

type State<S extends Record<string, Codec<unknown>>> = {
  [K in keyof S]: S[K] extends Codec<infer T> ? T : never;
};

export interface Screen<T> {
  parse(search: string): T;
  /** The search part for `state`, keeping keys of `search` that belong to somebody else. */
  format(state: T, search?: string): string;
}

/** The typed state of one screen. Keys it does not name are left as they are. */
export function screen<S extends Record<string, Codec<unknown>>>(codecs: S): Screen<State<S>> {
  return {
    parse(search) {
      const parameters = new URLSearchParams(search);
      const entries = Object.entries(codecs).map(([key, codec]) => [key, codec.parse(parameters.get(key))]);
      return Object.fromEntries(entries) as State<S>;
    },
    format(state, search = '') {
      const parameters = new URLSearchParams(search);
      for (const [key, codec] of Object.entries(codecs)) {
        const raw = codec.format(state[key]);
        if (raw === null) parameters.delete(key);
        else parameters.set(key, raw);
      }
      return readable(parameters.toString());
    },
  };
}

/** Characters that need no escape in a query string stay as they were typed. */
function readable(query: string): string {
  return query.replace(/%2C/g, ',').replace(/%2F/g, '/').replace(/%3A/g, ':');
}

/** State of a screen that lives in the URL. `replace` keeps small steps out of the history. */
export function useUrlState<T>(shape: Screen<T>): [T, (patch: Partial<T>, replace?: boolean) => void] {
  const { url, route } = useLocation();
  const state = shape.parse(url.split('?')[1] ?? '');
  const update = (patch: Partial<T>, replace = false) => {
    const current = shape.parse(location.search);
    const query = shape.format({ ...current, ...patch }, location.search);
    const next = location.pathname + (query ? `?${query}` : '');
    if (next !== location.pathname + location.search) route(next, replace);
  };
  return [state, update];
}
