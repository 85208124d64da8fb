import { Trash2 } from 'lucide';
import { useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { at, remove } from '../base/api';
import type { ModelVersion, RegisteredModel } from '../base/api-types';
import { Dialog } from '../base/Dialog';
import { Description, Tags } from '../base/Edit';
import { count } from '../base/format';
import { Icon } from '../base/Icon';
import { links } from '../base/location';
import { Menu } from '../base/Menu';
import { Loading, Panel, Problem } from '../base/Panels';
import panels from '../base/panels.module.css';
import { stale } from '../base/query';
import { TableRows } from '../base/TableRows';
import { Ago } from '../base/Time';
import ui from '../base/ui.module.css';
import { usePageRows } from '../base/virtual';
import { RunDot } from '../runs/RunDot';
import { Page } from '../shell/Page';
import { Aliases } from './Aliases';
import { edits, useModel } from './data';
import css from './models.module.css';

export function RunLink({ version }: { version: ModelVersion }) {
  if (!version.run_id) return <span class="dim">–</span>;
  return (
    <a
      class="row"
      style={{ gap: '6px', display: 'inline-flex', maxWidth: '100%' }}
      href={links.run(version.run_id)}
    >
      <RunDot id={version.run_id} />
      <span class="cut">{version.run_name ?? version.run_id.slice(0, 8)}</span>
    </a>
  );
}

const WORDS: Record<string, string> = {
  READY: 'Ready',
  PENDING_REGISTRATION: 'Pending',
  FAILED_REGISTRATION: 'Failed',
};

export function versionStatus(version: ModelVersion): string {
  return WORDS[version.status] ?? version.status;
}

const ROW = 36;

interface RowProps {
  model: RegisteredModel;
  version: ModelVersion;
  rowIndex: number;
}

function VersionRow({ model, version, rowIndex }: RowProps) {
  return (
    <tr aria-rowindex={rowIndex}>
      <td class={css.name}>
        <a href={links.version(model.name, version.version)}>Version {version.version}</a>
      </td>
      <td>
        <Aliases
          model={model.name}
          version={version.version}
          aliases={version.aliases}
          known={Object.keys(model.aliases)}
        />
      </td>
      <td>
        <RunLink version={version} />
      </td>
      <td class={`dim ${css.wide}`}>{versionStatus(version)}</td>
      <td class={`dim ${css.wide}`}>{version.stage === 'None' ? '' : version.stage}</td>
      <td class={css.wide}>
        <Ago ms={version.created_ms} />
      </td>
    </tr>
  );
}

function Versions({ model }: { model: RegisteredModel }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const rows = usePageRows(body, model.versions.length, ROW);
  if (model.versions.length === 0) {
    return (
      <p class={`dim ${panels.panelBody}`}>
        No versions yet. Open a run with a model and press Register model.
      </p>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
    <section class={css.panelTable} tabIndex={0} aria-label="Versions">
      <table aria-rowcount={model.versions.length + 1}>
        <colgroup>
          <col style={{ width: '104px' }} />
          <col />
          <col style={{ width: '26%' }} />
          <col class={css.wide} style={{ width: '84px' }} />
          <col class={css.wide} style={{ width: '100px' }} />
          <col class={css.wide} style={{ width: '116px' }} />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Aliases</th>
            <th scope="col">Made by run</th>
            <th scope="col" class={css.wide}>
              Status
            </th>
            <th scope="col" class={css.wide}>
              Stage
            </th>
            <th scope="col" class={css.wide}>
              Registered
            </th>
          </tr>
        </thead>
        <TableRows items={model.versions} rows={rows} size={ROW} columns={6} body={body}>
          {(version, rowIndex) => (
            <VersionRow key={version.version} model={model} version={version} rowIndex={rowIndex} />
          )}
        </TableRows>
      </table>
    </section>
  );
}

function DeleteDialog({ model, onClose }: { model: RegisteredModel; onClose: () => void }) {
  const { route } = useLocation();
  return (
    <Dialog
      title={`Delete ${model.name}?`}
      action="Delete model"
      danger
      onClose={onClose}
      onSubmit={async () => {
        await remove(at`models/${model.name}`);
        stale(['models']);
        route(links.models());
      }}
    >
      <p>
        The registered model and its {count(model.versions.length, 'version')} are removed for good. Runs and
        their artifacts stay.
      </p>
    </Dialog>
  );
}

export function ModelPage({ params }: { params: { name: string } }) {
  const { name } = params;
  const { data: model, error, retry } = useModel(name);
  const [deleting, setDeleting] = useState(false);
  const edit = edits(name);
  return (
    <Page
      title={name}
      crumbs={[['Models', links.models()]]}
      tools={
        model && (
          <Menu label="More actions">
            <button type="button" role="menuitem" class={ui.danger} onClick={() => setDeleting(true)}>
              <Icon of={Trash2} /> Delete model…
            </button>
          </Menu>
        )
      }
    >
      {error && <Problem error={error} retry={retry} />}
      {!model && !error && <Loading />}
      {model && (
        <div class={css.page}>
          <div class={css.column}>
            <Panel title="Versions" note={model.versions.length || undefined} flush>
              <Versions model={model} />
            </Panel>
          </div>
          <div class={css.column}>
            <Description
              value={model.description}
              hint="What this model is for, and how to use it."
              onSave={edit.describe}
            />
            <Tags tags={model.tags} onSet={edit.setTag} onDelete={edit.deleteTag} />
          </div>
        </div>
      )}
      {model && deleting && <DeleteDialog model={model} onClose={() => setDeleting(false)} />}
    </Page>
  );
}
