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
import { useState } from 'preact/hooks';
import { at, get } from '../base/api';
import type { ArtifactFile, ArtifactList, Run } from '../base/api-types';
import { Button } from '../base/Button';
import { Copyable } from '../base/Copy';
import { bytes, integer } from '../base/format';
import { Icon } from '../base/Icon';
import { Empty, Loading, Problem } from '../base/Panels';
import { useQuery } from '../base/query';
import { screen, text, useUrlState } from '../base/url';
import { kindOf } from './files';
import { DownloadLink, Preview } from './Preview';
import type { RegisterFrom } from './Register';
import css from './run.module.css';

const MOST_FILES = 1000;
const INDENT = 14;
const view = screen({ path: text() });

const ICONS: Partial<Record<ReturnType<typeof kindOf>, IconNode>> = {
  image: FileImage,
  table: Table2,
  text: FileText,
  markdown: FileText,
  json: FileText,
};

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

/** The entries of one folder; `root` is the API's path of the artifacts of a run or a model version. */
export function useFolder(root: string, path: string, enabled = true) {
  return useQuery<ArtifactList>({
    key: ['artifacts', root, path],
    fetch: (signal) => get(`${root}?path=${encodeURIComponent(path)}`, signal),
    enabled,
  });
}

interface FolderProps {
  root: string;
  path: string;
  depth: number;
  selected: string;
  onSelect: (path: string) => void;
}

function Entry({ file, ...props }: FolderProps & { file: ArtifactFile }) {
  const { root, depth, selected, onSelect } = props;
  const [open, setOpen] = useState(file.is_dir && selected.startsWith(`${file.path}/`));
  const folder = useFolder(root, file.path, file.is_dir && open);
  const isModel = folder.data?.files.some((inner) => nameOf(inner.path) === 'MLmodel');
  const icon = file.is_dir
    ? isModel
      ? Package
      : open
        ? FolderOpen
        : Folder
    : (ICONS[kindOf(file.path)] ?? File);
  const click = () => {
    if (file.is_dir) setOpen(selected === file.path ? !open : true);
    onSelect(file.path);
  };
  return (
    <li>
      <button
        type="button"
        class={css.node}
        style={{ paddingLeft: `${8 + depth * INDENT}px` }}
        aria-expanded={file.is_dir ? open : undefined}
        aria-current={selected === file.path ? 'true' : undefined}
        onClick={click}
      >
        {file.is_dir ? (
          <span class={open ? css.turned : ''} style={{ display: 'grid' }}>
            <Icon of={ChevronRight} size={13} />
          </span>
        ) : (
          <span style={{ width: '13px' }} />
        )}
        <Icon of={icon} size={15} />
        <span class="cut">{nameOf(file.path)}</span>
        <small>{bytes(file.size_bytes)}</small>
      </button>
      {file.is_dir && open && <Entries {...props} path={file.path} depth={depth + 1} />}
    </li>
  );
}

function Entries(props: FolderProps) {
  const { data, error, retry } = useFolder(props.root, props.path);
  if (error) return <Problem error={error} retry={retry} />;
  if (!data)
    return props.depth === 0 ? (
      <Loading />
    ) : (
      <p class="dim" style={{ paddingLeft: `${30 + props.depth * INDENT}px` }}>
        Loading…
      </p>
    );
  return (
    <ul>
      {data.files.slice(0, MOST_FILES).map((file) => (
        <Entry key={file.path} {...props} file={file} />
      ))}
      {data.files.length > MOST_FILES && (
        <li class="dim" style={{ padding: '4px 12px' }}>
          {integer(data.files.length - MOST_FILES)} more are not listed
        </li>
      )}
      {data.files.length === 0 && (
        <li class="dim" style={{ padding: '4px 12px' }}>
          Empty folder
        </li>
      )}
    </ul>
  );
}

interface BrowserProps {
  root: string;
  empty: string;
  /** Offered for a folder that holds a model. */
  onRegister?: (path: string) => void;
}

function Selected({ root, path, onRegister }: BrowserProps & { path: string }) {
  const above = useFolder(root, parentOf(path));
  const file = above.data?.files.find((one) => one.path === path);
  const inside = useFolder(root, path, file?.is_dir ?? false);
  if (above.error)
    return (
      <div style={{ padding: '14px' }}>
        <Problem error={above.error} retry={above.retry} />
      </div>
    );
  if (!above.data) return <Loading />;
  if (!file) return <Empty title="This file is not here">{<p class="mono">{path}</p>}</Empty>;
  const isModel = inside.data?.files.some((one) => nameOf(one.path) === 'MLmodel') ?? false;
  return (
    <>
      <div class={css.previewHead}>
        <span style={{ minWidth: 0 }}>
          <Copyable text={path} />
        </span>
        <span class="dim" style={{ whiteSpace: 'nowrap' }}>
          {bytes(file.size_bytes)}
        </span>
        <span class="grow" />
        {isModel && onRegister && (
          <Button icon={PackagePlus} look="primary" onClick={() => onRegister(path)}>
            Register model
          </Button>
        )}
        {!file.is_dir && <DownloadLink root={root} path={path} />}
      </div>
      {file.is_dir ? (
        <Empty
          icon={isModel ? Package : Folder}
          title={isModel ? 'This folder holds a model' : `${integer(inside.data?.files.length ?? 0)} entries`}
        >
          {isModel && onRegister && <p>Register it to give it a name, versions and aliases.</p>}
        </Empty>
      ) : (
        <Preview key={path} root={root} file={file} />
      )}
    </>
  );
}

/** Folders to the left, loaded when opened; what is chosen to the right. The choice is in the URL. */
export function Browser(props: BrowserProps) {
  const [{ path }, setState] = useUrlState(view);
  const top = useFolder(props.root, '');
  if (top.error) return <Problem error={top.error} retry={top.retry} />;
  if (top.data?.files.length === 0) {
    return (
      <Empty icon={Folder} title="No artifacts">
        <p>{props.empty}</p>
      </Empty>
    );
  }
  return (
    <div class={css.artifacts}>
      <nav class={css.tree} aria-label="Artifacts">
        <Entries
          root={props.root}
          path=""
          depth={0}
          selected={path}
          onSelect={(next) => setState({ path: next })}
        />
      </nav>
      <div class={css.preview}>
        {path ? (
          <Selected {...props} path={path} />
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
      empty="mlflow.log_artifact, log_text, log_image and log_model put files here."
      onRegister={(path) => onRegister({ path })}
    />
  );
}
