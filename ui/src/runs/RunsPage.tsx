import { ArchiveRestore, ArrowUp, Search, Trash2 } from 'lucide';
import { at, get } from '../base/api';
import type { Experiment, RunColumns } from '../base/api-types';
import { Button } from '../base/Button';
import { EditableName } from '../base/Edit';
import { count } from '../base/format';
import { links } from '../base/location';
import { Empty, Loading, Problem } from '../base/Panels';
import { useQuery } from '../base/query';
import { attempt } from '../base/toast';
import ui from '../base/ui.module.css';
import { useUrlState } from '../base/url';
import { renameExperiment, restoreExperiment } from '../experiments/actions';
import { Guide } from '../experiments/Guide';
import { PageHead } from '../shell/Page';
import { formatSort, parseSort, type Sort, shownColumns } from './columns';
import { type RunList, useRunList } from './list';
import { MANY } from './live';
import { RunsTable } from './RunsTable';
import css from './runs.module.css';
import { useSelection, useSelectionCommands } from './Selection';
import { Toolbar } from './Toolbar';
import { view } from './view';

interface HeadProps {
  experiment: Experiment | undefined;
  deleted: boolean;
  list: RunList;
}

function Head({ experiment, deleted, list }: HeadProps) {
  const title = experiment?.name ?? 'Experiment';
  const inTrash = experiment?.lifecycle === 'deleted';
  const heading = experiment && (
    <>
      <EditableName
        value={title}
        label="Rename experiment"
        onSave={(name) =>
          void attempt(`Renaming ${title}`, () => renameExperiment(experiment.experiment_id, name))
        }
      />
      {inTrash && <span class={ui.badge}>deleted</span>}
    </>
  );
  const tools = (
    <>
      {list.total !== null && (
        <span class="dim">
          {list.pages.extent?.exact === false && 'more than '}
          {count(list.total, deleted ? 'deleted run' : 'run')}
        </span>
      )}
      {inTrash && (
        <Button icon={ArchiveRestore} onClick={() => void restoreExperiment(experiment.experiment_id, title)}>
          Restore experiment
        </Button>
      )}
    </>
  );
  return (
    <PageHead title={title} crumbs={[['Experiments', links.experiments()]]} heading={heading} tools={tools} />
  );
}

interface NothingProps {
  experiment: Experiment | undefined;
  filter: string;
  deleted: boolean;
  onClear: () => void;
}

function Nothing({ experiment, filter, deleted, onClear }: NothingProps) {
  if (filter) {
    return (
      <Empty icon={Search} title="No run fits this filter">
        <p class="mono">{filter}</p>
        <Button onClick={onClear}>Remove the filter</Button>
      </Empty>
    );
  }
  if (deleted) return <Empty icon={Trash2} title="The trash is empty" />;
  return (
    <Empty title="No runs yet">
      <p>Runs appear here as soon as a script starts one in this experiment.</p>
      <Guide experiment={experiment?.name ?? 'my-experiment'} />
    </Empty>
  );
}

/** What stands above the rows or in their place: an error, or that they are on their way. */
function State({ list: { pages, total, badFilter } }: { list: RunList }) {
  if (pages.error && !badFilter) {
    return (
      <div style={{ padding: '16px' }}>
        <Problem error={pages.error} retry={pages.retry} />
      </div>
    );
  }
  return total === null && !pages.error ? <Loading rows={12} /> : null;
}

/** A click away: rows that came while the reader was further down. */
function Fresh({ list: { fresh, show, toTop } }: { list: RunList }) {
  if (fresh === 0) return null;
  const read = () => {
    toTop();
    show();
  };
  return (
    <Button class={css.pill} icon={ArrowUp} look="primary" onClick={read}>
      {fresh === MANY ? 'New runs' : count(fresh, 'new run')}
    </Button>
  );
}

/** Another experiment is another page: nothing of the last one's scrolling or selection stays. */
export function RunsPage({ params }: { params: { id: string } }) {
  return <Runs key={params.id} id={params.id} />;
}

/** The experiment, its columns, and the runs that the address asks for. */
function useRuns(id: string) {
  const [state, setState] = useUrlState(view);
  const experiment = useQuery<Experiment>({
    key: ['experiments', 'one', id],
    fetch: (signal) => get(at`experiments/${id}`, signal),
  });
  const known = useQuery<RunColumns>({
    key: ['columns', id],
    fetch: (signal) => get(at`experiments/${id}/columns`, signal),
  });
  const columns = shownColumns(state.cols, known.data);
  const sort = parseSort(state.sort);
  const query = {
    experiment_ids: [id],
    filter: state.filter,
    order_by: [formatSort(sort)],
    columns: columns.map((column) => column.name),
    view: state.view,
  };
  const isAll = !state.filter && state.view === 'active';
  const list = useRunList(id, query, isAll ? (experiment.data?.runs ?? null) : null);
  return { state, setState, experiment, known: known.data, columns, sort, list };
}

function Runs({ id }: { id: string }) {
  const { state, setState, experiment, known, columns, sort, list } = useRuns(id);
  const selection = useSelection(state.sel, (sel) => setState({ sel }, true));
  useSelectionCommands(selection);
  const deleted = state.view === 'deleted';
  const resort = (next: Sort) => {
    setState({ sort: formatSort(next) });
    list.toTop();
  };
  const filter = (next: string) => {
    // Nobody deletes what a filter hides.
    selection.forget();
    setState({ filter: next, sel: null });
    list.toTop();
  };
  return (
    <div class={css.screen}>
      <div class={css.head}>
        <Head experiment={experiment.data} deleted={deleted} list={list} />
        {experiment.error && <Problem error={experiment.error} retry={experiment.retry} />}
      </div>
      <Toolbar
        {...{ state, selection, known, columns, sort }}
        badFilter={list.badFilter}
        onSort={resort}
        onFilter={filter}
        onChange={setState}
      />
      <div class={css.body}>
        <State list={list} />
        {list.total === 0 && (
          <Nothing
            experiment={experiment.data}
            filter={state.filter}
            deleted={deleted}
            onClear={() => setState({ filter: '' })}
          />
        )}
        {list.total !== null && list.total > 0 && (
          <RunsTable list={list} columns={columns} sort={sort} onSort={resort} selection={selection} />
        )}
        <Fresh list={list} />
      </div>
    </div>
  );
}
