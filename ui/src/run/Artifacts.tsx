import { QueriesObserver, type QueryObserverResult } from '@tanstack/query-core';
import {
  ChevronRight,
  File,
  FileImage,
  FileText,
  Folder,
  FolderOpen,
  type IconNode,
  Package,
  PackagePlus,
  Table2,
} from 'lucide';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { at } from '../base/api';
import type { ArtifactList, LoggedModel, Run } from '../base/api-types';
import { Button } from '../base/Button';
import { Copyable } from '../base/Copy';
import { bytes, count } from '../base/format';
import { Icon } from '../base/Icon';
import { Empty, Loading, Problem } from '../base/Panels';
import { cache, useQuery } from '../base/query';
import { screen, text, useUrlState } from '../base/url';
import { useVirtualRows } from '../base/virtual';
import { kindOf } from './files';
import { DownloadLink, Preview } from './Preview';
import type { RegisterFrom } from './Register';
import css from './run.module.css';
import {
  addressOf,
  below,
  filesAt,
  filesOfModel,
  foldersAbove,
  holdsModel,
  type Node,
  parentOf,
  placeOf,
  type Store,
} from './tree';

const ROW = 28;
const INDENT = 14;
const view = screen({ path: text() });

const ICONS: Partial<Record<ReturnType<typeof kindOf>, IconNode>> = {
  image: FileImage,
  table: Table2,
  text: FileText,
  markdown: FileText,
  json: FileText,
};

function folderQuery(store: Store, path: string) {
  return {
    key: ['artifacts', store.key, path],
    fetch: (signal: AbortSignal) => store.list(path, signal),
  };
}

/** What the folders at `addresses` hold, asked for together. */
function useFolders(own: Store, addresses: string[]) {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const queries = addresses.map((address) => {
    const { store, path } = placeOf(address, own);
    const { key, fetch } = folderQuery(store, path);
    return { queryKey: key, queryFn: ({ signal }: { signal: AbortSignal }) => fetch(signal) };
  });
  const [observer] = useState(() => new QueriesObserver(cache, queries as never));
  const [results] = observer.getOptimisticResult(queries as never, undefined);
  useLayoutEffect(() => observer.setQueries(queries as never), [own.key, addresses.join('\n')]);
  useEffect(() => observer.subscribe(() => redraw(0)), [observer]);
  const folders = new Map(
    (results as QueryObserverResult<ArtifactList, Error>[]).map((result, index) => [
      addresses[index]!,
      { data: result.data, error: result.error, retry: () => void result.refetch() },
    ]),
  );
  return (address: string) => folders.get(address);
}

interface LineProps {
  node: Node;
  open: boolean;
  selected: boolean;
  onClick: () => void;
}

function iconOf(node: Node & { kind: 'entry' }, open: boolean): IconNode {
  if (node.isModel) return Package;
  if (node.file.is_dir) return open ? FolderOpen : Folder;
  return ICONS[kindOf(node.name)] ?? File;
}

function Line({ node, open, selected, onClick }: LineProps) {
  const paddingLeft = `${8 + node.depth * INDENT}px`;
  if (node.kind === 'note') {
    return (
      <p class={`${css.node} dim`} style={{ paddingLeft: `${27 + node.depth * INDENT}px` }}>
        <span class="cut" title={node.text}>
          {node.text}
        </span>
        {node.retry && (
          <Button small onClick={node.retry}>
            Retry
          </Button>
        )}
      </p>
    );
  }
  return (
    <button
      type="button"
      class={css.node}
      style={{ paddingLeft }}
      title={node.name}
      aria-expanded={node.file.is_dir ? open : undefined}
      aria-current={selected ? 'true' : undefined}
      onClick={onClick}
    >
      {node.file.is_dir ? (
        <span class={open ? css.turned : ''} style={{ display: 'grid' }}>
          <Icon of={ChevronRight} size={13} />
        </span>
      ) : (
        <span style={{ width: '13px' }} />
      )}
      <Icon of={iconOf(node, open)} size={15} />
      <span class="cut">{node.name}</span>
      <small>{node.depth === 0 && node.isModel ? 'logged model' : bytes(node.file.size_bytes)}</small>
    </button>
  );
}

interface TreeProps {
  own: Store;
  models: LoggedModel[];
  selected: string;
  onSelect: (address: string) => void;
}

/** Logged models and the own files, as one list of which only the lines in view exist. */
function Tree({ own, models, selected, onSelect }: TreeProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(foldersAbove(selected)));
  const folder = useFolders(own, ['', ...open]);
  const nodes = models.flatMap((model): Node[] => {
    const store = filesOfModel(model.model_id);
    const address = addressOf(store, '');
    const file = { path: '', is_dir: true, size_bytes: null };
    const node: Node = { kind: 'entry', address, depth: 0, name: model.name, file, isModel: true };
    return open.has(address) ? [node, ...below(store, '', 1, open, folder)] : [node];
  });
  // Beside models, that a run has no other files is not worth a line.
  if (models.length === 0 || folder('')?.data?.files.length !== 0)
    nodes.push(...below(own, '', 0, open, folder));
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualRows(scroller, nodes.length, ROW);
  const click = (node: Node) => {
    if (node.kind === 'entry' && node.file.is_dir) {
      const next = new Set(open);
      if (selected !== node.address || !next.delete(node.address)) next.add(node.address);
      setOpen(next);
    }
    onSelect(node.address);
  };
  return (
    <nav ref={scroller} class={css.tree} aria-label="Artifacts">
      <ul style={{ height: `${rows.total}px` }}>
        {nodes.slice(rows.first, rows.last + 1).map((node, i) => (
          <li
            key={node.address}
            aria-setsize={nodes.length}
            aria-posinset={rows.first + i + 1}
            style={{ top: `${(rows.first + i) * ROW}px` }}
          >
            <Line
              node={node}
              open={open.has(node.address)}
              selected={selected === node.address}
              onClick={() => click(node)}
            />
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface SelectedProps {
  own: Store;
  address: string;
  models: LoggedModel[];
  onRegister: ((from: RegisterFrom) => void) | undefined;
}

function Selected({ own, address, models, onRegister }: SelectedProps) {
  const { store, path } = placeOf(address, own);
  const isRoot = path === '';
  const above = useQuery<ArtifactList>({ ...folderQuery(store, parentOf(path)), enabled: !isRoot });
  const file = isRoot
    ? { path, is_dir: true, size_bytes: null }
    : above.data?.files.find((one) => one.path === path);
  const inside = useQuery<ArtifactList>({ ...folderQuery(store, path), enabled: file?.is_dir ?? false });
  const error = above.error ?? inside.error;
  if (error) {
    return (
      <div style={{ padding: '14px' }}>
        <Problem error={error} retry={above.error ? above.retry : inside.retry} />
      </div>
    );
  }
  if (!isRoot && !above.data) return <Loading />;
  if (!file) return <Empty title="This file is not here">{<p class="mono">{address}</p>}</Empty>;
  const isModel = holdsModel(inside.data);
  const logged = isRoot
    ? models.find((model) => addressOf(filesOfModel(model.model_id), '') === address)
    : null;
  const register =
    onRegister && (logged || (isModel && store === own))
      ? () => onRegister(logged ? { model: logged } : { path })
      : null;
  return (
    <>
      <div class={css.previewHead}>
        <span style={{ minWidth: 0 }}>
          <Copyable text={address} />
        </span>
        <span class="dim" style={{ whiteSpace: 'nowrap' }}>
          {bytes(file.size_bytes)}
        </span>
        <span class="grow" />
        {register && (
          <Button icon={PackagePlus} look="primary" onClick={register}>
            Register model
          </Button>
        )}
        {!file.is_dir && <DownloadLink store={store} path={path} />}
      </div>
      {file.is_dir ? (
        <Empty
          icon={isModel ? Package : Folder}
          title={
            isModel ? 'This folder holds a model' : count(inside.data?.files.length ?? 0, 'entry', 'entries')
          }
        >
          {register && <p>Register it to give it a name, versions and aliases.</p>}
        </Empty>
      ) : (
        <Preview key={address} store={store} file={file} />
      )}
    </>
  );
}

interface BrowserProps {
  /** The API's path of the artifacts of a run or a model version. */
  root: string;
  empty: string;
  models?: LoggedModel[];
  /** Offered for a folder that holds a model. */
  onRegister?: (from: RegisterFrom) => void;
}

/** Folders to the left, loaded when opened; what is chosen to the right. The choice is in the URL. */
export function Browser({ root, empty, models = [], onRegister }: BrowserProps) {
  const [{ path: address }, setState] = useUrlState(view);
  const [own] = useState(() => filesAt(root));
  const top = useQuery<ArtifactList>(folderQuery(own, ''));
  if (top.error) return <Problem error={top.error} retry={top.retry} />;
  if (top.data?.files.length === 0 && models.length === 0) {
    return (
      <Empty icon={Folder} title="No artifacts">
        <p>{empty}</p>
      </Empty>
    );
  }
  return (
    <div class={css.artifacts}>
      <Tree own={own} models={models} selected={address} onSelect={(path) => setState({ path })} />
      <div class={css.preview}>
        {address ? (
          <Selected own={own} address={address} models={models} onRegister={onRegister} />
        ) : (
          <Empty icon={FileText} title="Choose a file to see it here">
            {top.data && (
              <p class="mono" style={{ overflowWrap: 'anywhere' }}>
                {top.data.root_uri}
              </p>
            )}
          </Empty>
        )}
      </div>
    </div>
  );
}

export function Artifacts({ run, onRegister }: { run: Run; onRegister: (from: RegisterFrom) => void }) {
  return (
    <Browser
      root={at`runs/${run.run_id}/artifacts`}
      models={run.models}
      empty="mlflow.log_artifact, log_text, log_image and log_model put files here."
      onRegister={onRegister}
    />
  );
}
