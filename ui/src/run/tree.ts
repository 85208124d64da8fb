import { API, get } from '../base/api';
import type { ArtifactFile, ArtifactList } from '../base/api-types';
import { at, BASE } from '../base/location';

/** Files in one place: of a run, of a model version, of a logged model. */
export interface Store {
  /** Part of the query key. */
  key: string;
  /** What stands before a path in the page's address. */
  prefix: string;
  list: (path: string, signal: AbortSignal) => Promise<ArtifactList>;
  url: (path: string, download?: boolean) => string;
  /** Can a browser show a page that it asks for, or does it save it? */
  inline: boolean;
}

/** What our own API has at `root`: a run's artifacts, a model version's. */
export function filesAt(root: string): Store {
  return {
    key: root,
    prefix: '',
    list: (path, signal) => get(`${root}?path=${encodeURIComponent(path)}`, signal),
    url: (path, download) =>
      `${API}${root}/file?path=${encodeURIComponent(path)}${download ? '&download=1' : ''}`,
    inline: true,
  };
}

interface MlflowList {
  root_uri: string;
  files?: { path: string; is_dir: boolean; file_size?: number }[];
}

/** A logged model's files, by MLflow's own calls: our API has none for them. */
export function filesOfModel(id: string): Store {
  const lists = `${BASE}api/2.0/mlflow/${at`logged-models/${id}/artifacts/directories`}`;
  const files = `${BASE}ajax-api/2.0/mlflow/${at`logged-models/${id}/artifacts/files`}`;
  return {
    key: `models:/${id}`,
    prefix: `models:/${id}/`,
    async list(path, signal) {
      const found = await get<MlflowList>(
        `${lists}?artifact_directory_path=${encodeURIComponent(path)}`,
        signal,
      );
      const entries = (found.files ?? []).map((file) => ({
        path: file.path,
        is_dir: file.is_dir,
        size_bytes: file.file_size ?? null,
      }));
      entries.sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || (a.path < b.path ? -1 : 1));
      return { root_uri: found.root_uri, files: entries };
    },
    url: (path) => `${files}?artifact_file_path=${encodeURIComponent(path)}`,
    inline: false,
  };
}

/** A file or folder in the page's address: `plots/a.png`, or `models:/m-1/MLmodel` of a logged model. */
export function addressOf(store: Store, path: string): string {
  return (store.prefix + path).replace(/\/$/, '');
}

/** What an address leads to; `own` holds what has no prefix. */
export function placeOf(address: string, own: Store): { store: Store; path: string } {
  const [, id, path = ''] = address.match(/^models:\/([^/]+)(?:\/(.*))?$/) ?? [];
  return id ? { store: filesOfModel(id), path } : { store: own, path: address };
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

export function holdsModel(list: ArtifactList | undefined): boolean {
  return list?.files.some((file) => nameOf(file.path) === 'MLmodel') ?? false;
}

/** Addresses of the folders in which an address lies. */
export function foldersAbove(address: string): string[] {
  const above: string[] = [];
  const root = address.startsWith('models:/') ? /^models:\/[^/]+/.exec(address)![0] : '';
  for (let folder = parentOf(address); folder.length > root.length; folder = parentOf(folder)) {
    above.push(folder);
  }
  if (root && address !== root) above.push(root);
  return above.reverse();
}

/** One line of the tree as it stands open. */
export type Node =
  | { kind: 'entry'; address: string; depth: number; name: string; file: ArtifactFile; isModel: boolean }
  | { kind: 'note'; address: string; depth: number; text: string; retry: (() => void) | null };

export interface Folder {
  data: ArtifactList | undefined;
  error: Error | null;
  retry: () => void;
}

/** The lines below one folder; those of open folders follow their own line. */
export function below(
  store: Store,
  path: string,
  depth: number,
  open: ReadonlySet<string>,
  folder: (address: string) => Folder | undefined,
): Node[] {
  const here = addressOf(store, path);
  const note = (text: string, retry: (() => void) | null = null): Node[] => [
    { kind: 'note', address: `${here}\n`, depth, text, retry },
  ];
  const found = folder(here);
  if (found?.error) return note(found.error.message, found.retry);
  if (!found?.data) return note('Loading…');
  if (found.data.files.length === 0) return note('Empty folder');
  return found.data.files.flatMap((file) => {
    const address = addressOf(store, file.path);
    const isOpen = file.is_dir && open.has(address);
    const isModel = isOpen && holdsModel(folder(address)?.data);
    const node: Node = { kind: 'entry', address, depth, name: nameOf(file.path), file, isModel };
    return isOpen ? [node, ...below(store, file.path, depth + 1, open, folder)] : [node];
  });
}
