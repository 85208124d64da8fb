import { ArchiveRestore, Pencil, Trash2 } from 'lucide';
import { useRef, useState } from 'preact/hooks';
import type { Experiment, RunStatus } from '../base/api-types';
import { IconButton } from '../base/Button';
import { Ask } from '../base/Dialog';
import { integer } from '../base/format';
import { Icon } from '../base/Icon';
import { links } from '../base/location';
import { Menu } from '../base/Menu';
import { narrow } from '../base/media';
import { Status } from '../base/Status';
import { TableRows } from '../base/TableRows';
import { Ago } from '../base/Time';
import ui from '../base/ui.module.css';
import { usePageRows } from '../base/virtual';
import { deleteExperiment, renameExperiment, restoreExperiment } from './actions';
import css from './experiments.module.css';

/** How many runs are in a state; empty when none is. */
function Count({ of, label, runs }: { of: RunStatus; label: string; runs: number }) {
  return (
    <td class="num" data-label={runs ? label : undefined}>
      {runs > 0 && (
        <span class="row" style={{ justifyContent: 'flex-end', gap: '4px' }}>
          <Status of={of} word={false} />
          {integer(runs)}
        </span>
      )}
    </td>
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
      <Count of="RUNNING" label="Running" runs={running} />
      <Count of="FAILED" label="Failed" runs={failed} />
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

export function ExperimentsTable({ experiments }: { experiments: Experiment[] }) {
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
