import { lazy } from 'preact-iso';
import { ApiError } from '../base/api';
import type { Run } from '../base/api-types';
import { Button } from '../base/Button';
import { count } from '../base/format';
import { useLive } from '../base/live';
import { links } from '../base/location';
import { Empty, Loading, Problem, Segmented } from '../base/Panels';
import { cache, stale, useQuery } from '../base/query';
import { throttle } from '../base/throttle';
import { flag, list, oneOf, screen, useUrlState } from '../base/url';
import { isSystem, sections } from '../charts/window';
import { inFrames, mergePoints, readRun } from '../run/points';
import { type Crumb, Page } from '../shell/Page';
import css from './compare.module.css';
import { SideBySide } from './SideBySide';

const Charts = lazy(() => import('../charts/Charts').then((module) => module.Charts));

const MOST = 20;
const view = screen({ runs: list(), tab: oneOf(['table', 'charts'] as const), diff: flag() });
const refresh = throttle(() => stale(['compare']), 1000);

interface Compared {
  runs: Run[];
  /** Ids that the server does not know (any more). */
  gone: string[];
}

async function readRuns(ids: string[], signal: AbortSignal): Promise<Compared> {
  const answers = await Promise.allSettled(ids.map((id) => readRun(id, signal)));
  const compared: Compared = { runs: [], gone: [] };
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 'fulfilled') compared.runs.push(answer.value);
    else if (answer.reason instanceof ApiError && answer.reason.status === 404)
      compared.gone.push(ids[index]!);
    else throw answer.reason;
  }
  return compared;
}

const add = inFrames((id, points) =>
  cache.setQueriesData<Compared>(
    { queryKey: ['compare'] },
    (old) =>
      old && { ...old, runs: old.runs.map((run) => (run.run_id === id ? mergePoints(run, points) : run)) },
  ),
);

function useRuns(ids: string[]) {
  useLive(
    ids.map((id) => `run:${id}`),
    (event) => (event.kind === 'metrics' ? add(event) : refresh()),
  );
  return useQuery<Compared>({
    key: ['compare', ids],
    fetch: (signal) => readRuns(ids, signal),
    keep: true,
    enabled: ids.length > 0,
  });
}

/** What the address names and the page cannot show. */
function Missing({ gone, cut, onRemove }: { gone: string[]; cut: number; onRemove: () => void }) {
  return (
    <>
      {gone.length > 0 && (
        <p class="row" role="status" style={{ flexWrap: 'wrap' }}>
          {count(gone.length, 'run is', 'runs are')} gone: <span class="mono">{gone.join(', ')}</span>
          <Button small onClick={onRemove}>
            Remove
          </Button>
        </p>
      )}
      {cut > 0 && (
        <p class="dim" role="status">
          The first {MOST} runs are compared; {count(cut, 'more is', 'more are')} left out.
        </p>
      )}
    </>
  );
}

type View = ReturnType<typeof view.parse>;

function Tools({ state, onChange }: { state: View; onChange: (patch: Partial<View>) => void }) {
  return (
    <>
      {state.tab === 'table' && (
        <label class={css.switch}>
          <input
            type="checkbox"
            checked={state.diff}
            onChange={(event) => onChange({ diff: event.currentTarget.checked })}
          />
          Only differences
        </label>
      )}
      <Segmented
        label="View"
        options={[
          ['table', 'Side by side'],
          ['charts', 'Charts'],
        ]}
        value={state.tab}
        onChange={(tab) => onChange({ tab })}
      />
    </>
  );
}

/** Charts of every metric that one of the runs has, the machine's own last. */
function RunCharts({ runs }: { runs: Run[] }) {
  const charted = runs.map((run) => ({
    id: run.run_id,
    name: run.name,
    startMs: run.start_ms,
    running: run.status === 'RUNNING',
  }));
  const keys = [...new Set(runs.flatMap((run) => run.metrics.map((metric) => metric.key)))].sort();
  const groups = [...sections(keys.filter((key) => !isSystem(key))), ...sections(keys.filter(isSystem))];
  return <Charts runs={charted} sections={groups} empty="These runs have no metrics." />;
}

export function ComparePage() {
  const [state, setState] = useUrlState(view);
  const named = [...new Set(state.runs ?? [])];
  const ids = named.slice(0, MOST);
  const { data, error, retry } = useRuns(ids);
  const runs = data?.runs;
  const gone = data?.gone ?? [];
  const crumbs: Crumb[] = [['Experiments', links.experiments()]];
  if (runs?.[0]) crumbs.push([runs[0].experiment_name, links.experiment(runs[0].experiment_id)]);
  const amount = runs?.length ?? ids.length;
  const title = amount > 1 ? `Compare ${amount} runs` : 'Compare runs';
  const tools = <Tools state={state} onChange={setState} />;
  return (
    <Page title={title} crumbs={crumbs} tools={ids.length > 1 && tools}>
      {ids.length < 2 && (
        <Empty title="Choose two or more runs">
          <p>Tick runs in the table of an experiment, then press Compare.</p>
        </Empty>
      )}
      <Missing
        gone={gone}
        cut={named.length - ids.length}
        onRemove={() => setState({ runs: named.filter((id) => !gone.includes(id)) }, true)}
      />
      {error && <Problem error={error} retry={retry} />}
      {ids.length > 1 && !runs && !error && <Loading rows={8} />}
      {ids.length > 1 && runs && state.tab === 'table' && (
        <SideBySide
          runs={runs}
          only={state.diff}
          onRemove={(id) => setState({ runs: ids.filter((other) => other !== id) })}
        />
      )}
      {ids.length > 1 && runs && state.tab === 'charts' && <RunCharts runs={runs} />}
    </Page>
  );
}
