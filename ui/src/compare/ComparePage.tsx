import { X } from 'lucide';
import { lazy } from 'preact-iso';
import { ApiError } from '../base/api';
import type { Run } from '../base/api-types';
import { Button, IconButton } from '../base/Button';
import { count, exact, number } from '../base/format';
import { useLive } from '../base/live';
import { links } from '../base/location';
import { narrow } from '../base/media';
import { Empty, Loading, Problem, Segmented } from '../base/Panels';
import { cache, stale, useQuery } from '../base/query';
import { Status } from '../base/Status';
import { Lasted } from '../base/Time';
import { throttle } from '../base/throttle';
import { flag, list, oneOf, screen, useUrlState } from '../base/url';
import { type Ink, inks } from '../charts/palette';
import { isSystem, sections, unitOf } from '../charts/window';
import { inFrames, mergePoints, readRun } from '../run/points';
import { RunDot } from '../runs/RunDot';
import { Page } from '../shell/Page';
import css from './compare.module.css';
import { type DiffRow, diff, type MetricRow, metricRows } from './diff';

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

function Group({ title, note, span }: { title: string; note: string; span: number }) {
  return (
    <tr class={css.group}>
      <th scope="rowgroup">
        {title}{' '}
        <span class="dim" style={{ fontWeight: 400 }}>
          {note}
        </span>
      </th>
      <td colSpan={span} style={{ background: 'var(--bg-page)' }} />
    </tr>
  );
}

function ParamRow({ row }: { row: DiffRow }) {
  return (
    <tr>
      <th scope="row" title={row.key}>
        {row.key}
      </th>
      {row.values.map((value, index) => (
        <td key={index} class={`mono ${row.differs ? css.differs : ''}`} title={value ?? undefined}>
          {value ?? <span class="dim">–</span>}
        </td>
      ))}
    </tr>
  );
}

const WAYS = { higher: '↑', lower: '↓' };

function MetricCells({ row }: { row: MetricRow }) {
  return (
    <tr>
      <th scope="row" title={row.key}>
        {row.key} <small class="dim">{unitOf(row.key)}</small>{' '}
        {row.direction && (
          <span title={`${row.direction} is better, by its name`}>{WAYS[row.direction]}</span>
        )}
      </th>
      {row.values.map((value, index) => (
        <td key={index} class={row.best.includes(index) ? css.best : ''} title={exact(value)}>
          {value === null ? <span class="dim">–</span> : number(value)}
          {row.best.includes(index) && ' ★'}
          {row.best.includes(index) && <span class="sr">best</span>}
        </td>
      ))}
    </tr>
  );
}

function Head({ run, ink, onRemove }: { run: Run; ink: Ink | undefined; onRemove: (() => void) | null }) {
  return (
    <th scope="col">
      <div class="row" style={{ gap: '4px' }}>
        <div class={`${css.runName} grow`}>
          <RunDot id={run.run_id} ink={ink} />
          <a class="cut" href={links.run(run.run_id)} title={run.name}>
            {run.name}
          </a>
          <span class="row" style={{ gap: '8px', fontWeight: 400 }}>
            <Status of={run.status} />
            <span class="dim">
              <Lasted start={run.start_ms} end={run.end_ms} live={run.status === 'RUNNING'} />
            </span>
          </span>
        </div>
        {onRemove && (
          <IconButton small label={`Take ${run.name} out of the comparison`} icon={X} onClick={onRemove} />
        )}
      </div>
    </th>
  );
}

function Tables({ runs, only, onRemove }: { runs: Run[]; only: boolean; onRemove: (id: string) => void }) {
  const ink = inks(runs.map((run) => run.run_id));
  const params = diff(runs.map((run) => run.params));
  const metrics = metricRows(runs);
  const facts = diff(
    runs.map((run) => ({
      experiment: run.experiment_name,
      user: run.user,
      source: run.tags['mlflow.source.name'] ?? '',
      commit: run.tags['mlflow.source.git.commit']?.slice(0, 10) ?? '',
      datasets: run.datasets.map((dataset) => `${dataset.name} (${dataset.digest})`).join(', '),
    })),
  ).filter((row) => row.values.some(Boolean));
  const tags = diff(
    runs.map((run) =>
      Object.fromEntries(Object.entries(run.tags).filter(([key]) => !key.startsWith('mlflow.'))),
    ),
  );
  const shown = <T extends { differs: boolean }>(rows: T[]) =>
    only ? rows.filter((row) => row.differs) : rows;
  const differing = (rows: { differs: boolean }[]) =>
    `${rows.filter((row) => row.differs).length} of ${rows.length} differ`;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
    <section class={css.scroll} tabIndex={0} aria-label="Runs side by side">
      <table class={css.table}>
        <colgroup>
          <col style={{ width: narrow.value ? '130px' : '220px' }} />
          {runs.map((run) => (
            <col key={run.run_id} style={{ width: narrow.value ? '160px' : '200px' }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            <th scope="col">
              <span class="sr">Key</span>
            </th>
            {runs.map((run) => (
              <Head
                key={run.run_id}
                run={run}
                ink={ink.get(run.run_id)}
                onRemove={runs.length > 2 ? () => onRemove(run.run_id) : null}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          <Group title="Parameters" note={differing(params)} span={runs.length} />
          {shown(params).map((row) => (
            <ParamRow key={row.key} row={row} />
          ))}
        </tbody>
        <tbody>
          <Group title="Metrics" note="latest values" span={runs.length} />
          {shown(metrics)
            .filter((row) => !isSystem(row.key))
            .map((row) => (
              <MetricCells key={row.key} row={row} />
            ))}
        </tbody>
        <tbody>
          <Group title="Origin" note={differing(facts)} span={runs.length} />
          {shown([...facts, ...tags]).map((row) => (
            <ParamRow key={row.key} row={row} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function ComparePage() {
  const [state, setState] = useUrlState(view);
  const named = [...new Set(state.runs ?? [])];
  const ids = named.slice(0, MOST);
  const { data, error, retry } = useRuns(ids);
  const runs = data?.runs;
  const gone = data?.gone ?? [];
  const crumbs = runs?.[0]
    ? ([
        ['Experiments', links.experiments()],
        [runs[0].experiment_name, links.experiment(runs[0].experiment_id)],
      ] as [string, string][])
    : ([['Experiments', links.experiments()]] as [string, string][]);
  const amount = runs?.length ?? ids.length;
  const title = amount > 1 ? `Compare ${amount} runs` : 'Compare runs';
  const tools = (
    <>
      {state.tab === 'table' && (
        <label class={css.switch}>
          <input
            type="checkbox"
            checked={state.diff}
            onChange={(event) => setState({ diff: event.currentTarget.checked })}
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
        onChange={(tab) => setState({ tab })}
      />
    </>
  );
  const charted = (runs ?? []).map((run) => ({
    id: run.run_id,
    name: run.name,
    startMs: run.start_ms,
    running: run.status === 'RUNNING',
  }));
  const keys = [...new Set((runs ?? []).flatMap((run) => run.metrics.map((metric) => metric.key)))].sort();
  const groups = [...sections(keys.filter((key) => !isSystem(key))), ...sections(keys.filter(isSystem))];
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
        <Tables
          runs={runs}
          only={state.diff}
          onRemove={(id) => setState({ runs: ids.filter((other) => other !== id) })}
        />
      )}
      {ids.length > 1 && runs && state.tab === 'charts' && (
        <Charts runs={charted} sections={groups} empty="These runs have no metrics." />
      )}
    </Page>
  );
}
