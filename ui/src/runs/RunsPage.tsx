import { ArchiveRestore, ArrowUp, GitCompareArrows, Search, Trash2, X } from 'lucide';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ApiError, at, get } from '../base/api';
import type { Experiment, RunColumns } from '../base/api-types';
import { Button, IconButton } from '../base/Button';
import { useCommands } from '../base/commands';
import { EditableName } from '../base/Edit';
import { count, integer } from '../base/format';
import { links } from '../base/location';
import { narrow } from '../base/media';
import { Empty, Loading, Problem, Segmented } from '../base/Panels';
import { usePlace } from '../base/place';
import { useQuery } from '../base/query';
import { attempt } from '../base/toast';
import ui from '../base/ui.module.css';
import { list, oneOf, screen, text, useUrlState } from '../base/url';
import { useVirtualRows } from '../base/virtual';
import { renameExperiment, restoreExperiment } from '../experiments/actions';
import { Guide } from '../experiments/Experiments';
import { PageHead } from '../shell/Page';
import { deleteRuns, restoreRuns } from './actions';
import { ColumnPicker } from './ColumnPicker';
import { formatSort, NEWEST, parseSort, type Sort, shownColumns } from './columns';
import { FilterBar } from './FilterBar';
import { MANY, useLiveRuns } from './live';
import { type TableQuery, usePages } from './pages';
import { CARD, HEAD, ROW, RunsTable } from './RunsTable';
import { pagesFor } from './rows';
import css from './runs.module.css';
import { SortBy } from './SortBy';

const MAX_COMPARED = 20;
const MAX_CHOSEN_IN_URL = 50;

const view = screen({
  filter: text(),
  sort: text(formatSort(NEWEST)),
  cols: list(),
  view: oneOf(['active', 'deleted'] as const),
  sel: list(),
});

function useExperiment(id: string) {
  const { data: experiment, ...rest } = useQuery<Experiment>({
    key: ['experiments', 'one', id],
    fetch: (signal) => get(at`experiments/${id}`, signal),
  });
  return { ...rest, experiment };
}

interface SelectionProps {
  chosen: ReadonlySet<string>;
  deleted: boolean;
  onClear: () => void;
}

function Selection({ chosen, deleted, onClear }: SelectionProps) {
  const { route } = useLocation();
  const ids = [...chosen];
  const comparable = ids.length >= 2 && ids.length <= MAX_COMPARED;
  const act = (run: (ids: string[]) => Promise<unknown>) => {
    onClear();
    void run(ids);
  };
  return (
    <div class="row">
      <span class="dim">{integer(ids.length)} selected</span>
      <Button
        icon={GitCompareArrows}
        look="primary"
        disabled={!comparable}
        title={comparable ? undefined : `Select 2 to ${MAX_COMPARED} runs`}
        onClick={() => route(links.compare(ids))}
      >
        Compare
      </Button>
      {deleted ? (
        <Button icon={ArchiveRestore} onClick={() => act(restoreRuns)}>
          Restore
        </Button>
      ) : (
        <Button icon={Trash2} look="danger" onClick={() => act(deleteRuns)}>
          Delete
        </Button>
      )}
      <IconButton label="Clear selection" icon={X} onClick={onClear} />
    </div>
  );
}

function Nothing({
  experiment,
  filter,
  deleted,
  onClear,
}: {
  experiment: Experiment | undefined;
  filter: string;
  deleted: boolean;
  onClear: () => void;
}) {
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

/** Another experiment is another page: nothing of the last one's scrolling or selection stays. */
export function RunsPage({ params }: { params: { id: string } }) {
  return <Runs key={params.id} id={params.id} />;
}

function Runs({ id }: { id: string }) {
  const { route } = useLocation();
  const [state, setState] = useUrlState(view);
  const [manyChosen, setManyChosen] = useState<ReadonlySet<string> | null>(null);
  const { experiment, error: lost, retry } = useExperiment(id);
  const known = useQuery<RunColumns>({
    key: ['columns', id],
    fetch: (signal) => get(at`experiments/${id}/columns`, signal),
  });
  const columns = shownColumns(state.cols, known.data);
  const names = columns.map((column) => column.name);
  const sort = parseSort(state.sort);
  const query: TableQuery = {
    experiment_ids: [id],
    filter: state.filter,
    order_by: [formatSort(sort)],
    columns: names,
    view: state.view,
  };

  const scroller = useRef<HTMLDivElement>(null);
  const [length, setLength] = useState(0);
  const height = narrow.value ? CARD : ROW;
  const rows = useVirtualRows(scroller, length, height, narrow.value ? 0 : HEAD);
  const pages = usePages(
    query,
    pagesFor(rows.first, rows.last, length),
    state.filter || state.view !== 'active' ? null : (experiment?.runs ?? null),
  );
  const total = pages.extent?.rows ?? null;
  useEffect(() => setLength(total ?? 0), [total]);
  usePlace(scroller, JSON.stringify([id, state.filter, state.sort, state.view]), length > 0);
  const { fresh, show } = useLiveRuns(id, query, total, rows.first > 0);

  // A selection too long for a URL lives in memory.
  const chosen = manyChosen ?? new Set(state.sel ?? []);
  const choose = (next: Set<string>) => {
    const fits = next.size <= MAX_CHOSEN_IN_URL;
    setManyChosen(fits ? null : next);
    setState({ sel: fits && next.size ? [...next] : null }, true);
  };
  const toTop = () => scroller.current?.scrollTo({ top: 0 });
  const resort = (next: Sort) => {
    setState({ sort: formatSort(next) });
    toTop();
  };
  useCommands([
    {
      id: 'filter',
      name: 'Filter runs',
      section: 'Runs',
      keys: '/',
      run: () => document.getElementById('filter')?.focus(),
    },
    {
      id: 'compare',
      name: 'Compare selected runs',
      section: 'Runs',
      keys: 'c',
      run: () => chosen.size >= 2 && route(links.compare([...chosen].slice(0, MAX_COMPARED))),
    },
    { id: 'clear', name: 'Clear selection', section: 'Runs', keys: 'Escape', run: () => choose(new Set()) },
  ]);

  const badFilter =
    pages.error instanceof ApiError && pages.error.status === 400 && state.filter ? pages.error.message : '';
  const title = experiment?.name ?? 'Experiment';
  const rename = (name: string) => void attempt(`Renaming ${title}`, () => renameExperiment(id, name));
  return (
    <div class={css.screen}>
      <div class={css.head}>
        <PageHead
          title={title}
          crumbs={[['Experiments', links.experiments()]]}
          heading={
            experiment && (
              <>
                <EditableName value={experiment.name} label="Rename experiment" onSave={rename} />
                {experiment.lifecycle === 'deleted' && <span class={ui.badge}>deleted</span>}
              </>
            )
          }
          tools={
            <>
              {total !== null && (
                <span class="dim">
                  {pages.extent?.exact === false && 'more than '}
                  {count(total, state.view === 'deleted' ? 'deleted run' : 'run')}
                </span>
              )}
              {experiment?.lifecycle === 'deleted' && (
                <Button icon={ArchiveRestore} onClick={() => void restoreExperiment(id, title)}>
                  Restore experiment
                </Button>
              )}
            </>
          }
        />
        {lost && <Problem error={lost} retry={retry} />}
      </div>
      <div class={css.bar}>
        <FilterBar
          value={state.filter}
          error={badFilter}
          onApply={(filter) => {
            // Nobody deletes what a filter hides.
            setManyChosen(null);
            setState({ filter, sel: null });
            toTop();
          }}
        />
        {chosen.size > 0 ? (
          <Selection chosen={chosen} deleted={state.view === 'deleted'} onClear={() => choose(new Set())} />
        ) : (
          <Segmented
            label="Which runs"
            options={[
              ['active', 'Active'],
              ['deleted', 'Deleted'],
            ]}
            value={state.view}
            onChange={(next) => setState({ view: next })}
          />
        )}
        {narrow.value && <SortBy columns={columns} sort={sort} onSort={resort} />}
        {known.data && (
          <ColumnPicker known={known.data} shown={names} onChange={(cols) => setState({ cols })} />
        )}
      </div>
      <div class={css.body}>
        {pages.error && !badFilter && (
          <div style={{ padding: '16px' }}>
            <Problem error={pages.error} retry={pages.retry} />
          </div>
        )}
        {total === null && !pages.error && <Loading rows={12} />}
        {total === 0 && (
          <Nothing
            experiment={experiment}
            filter={state.filter}
            deleted={state.view === 'deleted'}
            onClear={() => setState({ filter: '' })}
          />
        )}
        {total !== null && total > 0 && (
          <RunsTable
            pages={pages}
            rows={rows}
            scroller={scroller}
            columns={columns}
            sort={sort}
            onSort={resort}
            chosen={chosen}
            onChoose={choose}
          />
        )}
        {fresh > 0 && (
          <Button
            class={css.pill}
            icon={ArrowUp}
            look="primary"
            onClick={() => {
              toTop();
              show();
            }}
          >
            {fresh === MANY ? 'New runs' : count(fresh, 'new run')}
          </Button>
        )}
      </div>
    </div>
  );
}
