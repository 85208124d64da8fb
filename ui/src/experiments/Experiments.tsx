import { ArchiveRestore, FlaskConical, Pencil, Plus, Search, Trash2 } from 'lucide';
import { useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { get } from '../base/api';
import type { Experiment, ExperimentList } from '../base/api-types';
import { Button, IconButton } from '../base/Button';
import { CopyButton } from '../base/Copy';
import { useCommands } from '../base/commands';
import { Ask } from '../base/Dialog';
import { count, integer } from '../base/format';
import { Icon } from '../base/Icon';
import { useLive } from '../base/live';
import { BASE, links } from '../base/location';
import { Menu } from '../base/Menu';
import { narrow } from '../base/media';
import { Empty, Loading, Problem, Segmented } from '../base/Panels';
import { stale, useQuery } from '../base/query';
import { Status } from '../base/Status';
import { TableRows } from '../base/TableRows';
import { Ago } from '../base/Time';
import { throttle } from '../base/throttle';
import ui from '../base/ui.module.css';
import { oneOf, screen, text, useUrlState } from '../base/url';
import { usePageRows } from '../base/virtual';
import { Page } from '../shell/Page';
import { createExperiment, deleteExperiment, renameExperiment, restoreExperiment } from './actions';
import css from './experiments.module.css';

const view = screen({ q: text(), view: oneOf(['active', 'deleted'] as const) });
const refresh = throttle(() => stale(['experiments']), 2000);

/** The address that a training script sends to: this page's own, without the screen's part. */
function trackingUri(): string {
  return (location.origin + BASE).replace(/\/$/, '');
}

export function Guide({ experiment = 'my-experiment' }: { experiment?: string }) {
  const code = `import mlflow\nmlflow.set_tracking_uri("${trackingUri()}")\nmlflow.set_experiment("${experiment}")\nmlflow.log_metric("loss", 0.5, step=1)`;
  return (
    <div class={css.guide}>
      <pre class={css.code}>
        {code}
        <span>
          <CopyButton always text={code} label="Copy the code" />
        </span>
      </pre>
    </div>
  );
}

interface RowProps {
  experiment: Experiment;
  rowIndex: number;
  onRename: () => void;
}

function Row({ experiment, rowIndex, onRename }: RowProps) {
  const { experiment_id: id, name, runs, running, failed } = experiment;
  return (
    <tr aria-rowindex={rowIndex}>
      <td class={`${css.name} cut`}>
        <a href={links.experiment(id)} title={name}>
          {name}
        </a>
      </td>
      <td class="num" data-label="Runs">
        {integer(runs)}
      </td>
      <td class="num" data-label={running ? 'Running' : undefined}>
        {running > 0 && (
          <span class="row" style={{ justifyContent: 'flex-end', gap: '4px' }}>
            <Status of="RUNNING" word={false} />
            {integer(running)}
          </span>
        )}
      </td>
      <td class="num" data-label={failed ? 'Failed' : undefined}>
        {failed > 0 && (
          <span class="row" style={{ justifyContent: 'flex-end', gap: '4px' }}>
            <Status of="FAILED" word={false} />
            {integer(failed)}
          </span>
        )}
      </td>
      <td>
        <Ago ms={experiment.last_activity_ms} />
      </td>
      <td class={css.secondary}>
        <Ago ms={experiment.created_ms} />
      </td>
      <td class={css.menu}>
        {experiment.lifecycle === 'deleted' ? (
          <IconButton
            small
            label={`Restore ${name}`}
            icon={ArchiveRestore}
            onClick={() => void restoreExperiment(id, name)}
          />
        ) : (
          <Menu label={`Actions for ${name}`} small>
            <button type="button" role="menuitem" onClick={onRename}>
              <Icon of={Pencil} /> Rename…
            </button>
            <button
              type="button"
              role="menuitem"
              class={ui.danger}
              onClick={() => void deleteExperiment(experiment)}
            >
              <Icon of={Trash2} /> Delete
            </button>
          </Menu>
        )}
      </td>
    </tr>
  );
}

const ROW = 36;
const CARD = 62;

function Table({ experiments }: { experiments: Experiment[] }) {
  const [renaming, setRenaming] = useState<Experiment | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const size = narrow.value ? CARD : ROW;
  const rows = usePageRows(body, experiments.length, size);
  return (
    <div class={css.table}>
      <table aria-rowcount={experiments.length + 1}>
        <thead>
          <tr>
            <th scope="col" class={css.name}>
              Name
            </th>
            <th scope="col" class="num">
              Runs
            </th>
            <th scope="col" class="num">
              Running
            </th>
            <th scope="col" class="num">
              Failed
            </th>
            <th scope="col" class={css.when}>
              Last activity
            </th>
            <th scope="col" class={css.when}>
              Created
            </th>
            <th scope="col" class={css.menu}>
              <span class="sr">Actions</span>
            </th>
          </tr>
        </thead>
        <TableRows items={experiments} rows={rows} size={size} columns={7} body={body}>
          {(experiment, rowIndex) => (
            <Row
              key={experiment.experiment_id}
              experiment={experiment}
              rowIndex={rowIndex}
              onRename={() => setRenaming(experiment)}
            />
          )}
        </TableRows>
      </table>
      {renaming && (
        <Ask
          title="Rename experiment"
          label="Name"
          action="Rename"
          value={renaming.name}
          onClose={() => setRenaming(null)}
          onSubmit={(name) => renameExperiment(renaming.experiment_id, name)}
        />
      )}
    </div>
  );
}

export function Experiments() {
  const { route } = useLocation();
  const [{ q, view: which }, setState] = useUrlState(view);
  const [creating, setCreating] = useState(false);
  const { data, error, retry } = useQuery<ExperimentList>({
    key: ['experiments', which, q],
    fetch: (signal) => get(`experiments?view=${which}&search=${encodeURIComponent(q)}`, signal),
    keep: true,
  });
  useLive(['experiments'], refresh);
  useCommands([
    {
      id: 'new-experiment',
      name: 'New experiment…',
      section: 'Experiments',
      keys: 'n',
      run: () => setCreating(true),
    },
    {
      id: 'filter',
      name: 'Search experiments',
      section: 'Experiments',
      keys: '/',
      run: () => document.getElementById('search')?.focus(),
    },
  ]);
  const list = data?.experiments;
  const deleted = which === 'deleted';
  const unused = !q && !deleted && list?.every((experiment) => experiment.runs === 0) && list.length <= 1;
  const tools = (
    <>
      <label class={ui.search}>
        <Icon of={Search} size={14} />
        <input
          id="search"
          class={ui.input}
          type="search"
          placeholder="Search by name"
          aria-label="Search experiments"
          value={q}
          onInput={(event) => setState({ q: event.currentTarget.value }, true)}
        />
      </label>
      <Segmented
        label="Which experiments"
        options={[
          ['active', 'Active'],
          ['deleted', 'Deleted'],
        ]}
        value={which}
        onChange={(next) => setState({ view: next })}
      />
      <Button icon={Plus} look="primary" onClick={() => setCreating(true)}>
        New experiment
      </Button>
    </>
  );
  return (
    <Page title="Experiments" tools={tools}>
      {error && <Problem error={error} retry={retry} />}
      {!list && !error && <Loading />}
      {list && list.length > 0 && <Table experiments={list} />}
      {list && list.length > 0 && (
        <p class="dim">{count(list.length, deleted ? 'deleted experiment' : 'experiment')}</p>
      )}
      {list?.length === 0 && q && (
        <Empty icon={Search} title={`No experiment has “${q}” in its name`}>
          <Button onClick={() => setState({ q: '' })}>Clear the search</Button>
        </Empty>
      )}
      {list?.length === 0 && !q && deleted && <Empty icon={Trash2} title="The trash is empty" />}
      {(unused || (list?.length === 0 && !q && !deleted)) && (
        <Empty icon={FlaskConical} title="Waiting for the first run">
          <p>Point any script that uses MLflow at this server. Its runs appear here while they train.</p>
          <Guide />
        </Empty>
      )}
      {creating && (
        <Ask
          title="New experiment"
          label="Name"
          action="Create"
          onClose={() => setCreating(false)}
          onSubmit={async (name) => route(links.experiment((await createExperiment(name)).experiment_id))}
        />
      )}
    </Page>
  );
}
