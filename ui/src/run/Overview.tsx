import { GitCommitHorizontal, Search } from 'lucide';
import { useRef, useState } from 'preact/hooks';
import type { Dataset, MetricSummary, Run } from '../base/api-types';
import { Copyable } from '../base/Copy';
import { search } from '../base/commands';
import { Description, Tags } from '../base/Edit';
import { dateTime, exact, number } from '../base/format';
import { Icon } from '../base/Icon';
import { links } from '../base/location';
import { Panel } from '../base/Panels';
import panels from '../base/panels.module.css';
import { Status } from '../base/Status';
import { TableRows } from '../base/TableRows';
import { Ago, Lasted } from '../base/Time';
import ui from '../base/ui.module.css';
import { useVirtualRows } from '../base/virtual';
import { isSystem, unitOf } from '../charts/window';
import { deleteRunTag, describeRun, setRunTag } from './data';
import { Related } from './Related';
import css from './run.module.css';

const ROW = 28;
const SEARCH_FROM = 10;

function Finder({ what, value, onInput }: { what: string; value: string; onInput: (value: string) => void }) {
  return (
    <label class={ui.search} style={{ maxWidth: '180px' }}>
      <Icon of={Search} size={13} />
      <input
        class={ui.input}
        style={{ height: 26, fontSize: 12 }}
        type="search"
        placeholder="Find"
        aria-label={`Find a ${what}`}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}

function Params({ params }: { params: Record<string, string> }) {
  const [typed, setTyped] = useState('');
  const all = Object.entries(params);
  const found = search(all, ([key, value]) => `${key} ${value}`, typed);
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualRows(scroller, found.length, ROW, ROW);
  const tools = all.length >= SEARCH_FROM && <Finder what="parameter" value={typed} onInput={setTyped} />;
  return (
    <Panel title="Parameters" note={all.length || undefined} tools={tools} flush>
      {all.length === 0 && (
        <p class={`dim ${panels.panelBody}`}>None. mlflow.log_params records the settings of a run.</p>
      )}
      {all.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
        <section ref={scroller} class={css.list} tabIndex={0} aria-label="Parameters">
          <table aria-rowcount={found.length + 1}>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Value</th>
              </tr>
            </thead>
            <TableRows items={found} rows={rows} size={ROW} columns={2}>
              {([key, value], rowIndex) => (
                <tr key={key} aria-rowindex={rowIndex}>
                  <td class="dim" title={key}>
                    {key}
                  </td>
                  <td title={value}>
                    <Copyable text={value} />
                  </td>
                </tr>
              )}
            </TableRows>
          </table>
        </section>
      )}
    </Panel>
  );
}

function MetricRow({ metric, rowIndex }: { metric: MetricSummary; rowIndex: number }) {
  const { key, value, min, max, step } = metric;
  return (
    <tr aria-rowindex={rowIndex}>
      <td title={key}>
        {key} <small class="dim">{unitOf(key)}</small>
      </td>
      <td class={`num ${css.value}`} title={`${exact(value)} at step ${step}`}>
        {number(value)}
      </td>
      <td class={`num ${css.wide}`} title={exact(min)}>
        {number(min)}
      </td>
      <td class={`num ${css.wide}`} title={exact(max)}>
        {number(max)}
      </td>
      <td class="num dim">{number(step)}</td>
    </tr>
  );
}

function MetricTable({ metrics }: { metrics: MetricSummary[] }) {
  const [typed, setTyped] = useState('');
  const found = search(metrics, (metric) => metric.key, typed);
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualRows(scroller, found.length, ROW, ROW);
  const tools = metrics.length >= SEARCH_FROM && <Finder what="metric" value={typed} onInput={setTyped} />;
  return (
    <Panel title="Metrics" note={metrics.length || undefined} tools={tools} flush>
      {metrics.length === 0 && (
        <p class={`dim ${panels.panelBody}`}>None yet. mlflow.log_metric adds them, live.</p>
      )}
      {metrics.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
        <section ref={scroller} class={css.list} tabIndex={0} aria-label="Metrics">
          <table aria-rowcount={found.length + 1}>
            <colgroup>
              <col />
              <col style={{ width: '98px' }} />
              <col class={css.wide} style={{ width: '96px' }} />
              <col class={css.wide} style={{ width: '96px' }} />
              <col style={{ width: '72px' }} />
            </colgroup>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" class="num">
                  Latest
                </th>
                <th scope="col" class={`num ${css.wide}`}>
                  Min
                </th>
                <th scope="col" class={`num ${css.wide}`}>
                  Max
                </th>
                <th scope="col" class="num">
                  Step
                </th>
              </tr>
            </thead>
            <TableRows items={found} rows={rows} size={ROW} columns={5}>
              {(metric, rowIndex) => <MetricRow key={metric.key} metric={metric} rowIndex={rowIndex} />}
            </TableRows>
          </table>
        </section>
      )}
    </Panel>
  );
}

/** `git@host:team/repo.git` and `https://host/team/repo.git` as a page of the commit, where hosts have one. */
export function commitLink(repository: string | undefined, commit: string): string | null {
  const [, host, path] =
    repository?.match(/^(?:https?:\/\/|git@|ssh:\/\/git@)([^/:]+)[/:](.+?)(?:\.git)?$/) ?? [];
  return host && path ? `https://${host}/${path}/commit/${commit}` : null;
}

function Commit({ tags }: { tags: Record<string, string> }) {
  const commit = tags['mlflow.source.git.commit'];
  if (!commit) return null;
  const link = commitLink(tags['mlflow.source.git.repoURL'], commit);
  const branch = tags['mlflow.source.git.branch'];
  return (
    <>
      <dt>Commit</dt>
      <dd class="row" style={{ gap: '5px' }}>
        <Icon of={GitCommitHorizontal} size={14} />
        {link ? (
          <a href={link} target="_blank" rel="noreferrer" class="mono">
            {commit.slice(0, 10)}
          </a>
        ) : (
          <Copyable text={commit} shown={commit.slice(0, 10)} />
        )}
        {branch && <span class="dim">{branch}</span>}
      </dd>
    </>
  );
}

function Details({ run }: { run: Run }) {
  const source = run.tags['mlflow.source.name'];
  return (
    <Panel title="Details">
      <dl class={css.details}>
        <dt>Status</dt>
        <dd>
          <Status of={run.status} />
        </dd>
        <dt>Started</dt>
        <dd title={dateTime(run.start_ms)}>{dateTime(run.start_ms)}</dd>
        {run.end_ms !== null && (
          <>
            <dt>Ended</dt>
            <dd>{dateTime(run.end_ms)}</dd>
          </>
        )}
        <dt>Duration</dt>
        <dd>
          <Lasted start={run.start_ms} end={run.end_ms} live={run.status === 'RUNNING'} />
        </dd>
        {run.user && (
          <>
            <dt>User</dt>
            <dd>{run.user}</dd>
          </>
        )}
        {source && (
          <>
            <dt>Source</dt>
            <dd>
              <Copyable text={source} shown={source.split('/').at(-1) ?? source} />
            </dd>
          </>
        )}
        <Commit tags={run.tags} />
        <dt>Run ID</dt>
        <dd>
          <Copyable text={run.run_id} />
        </dd>
        <dt>Artifacts</dt>
        <dd>
          <Copyable text={run.artifact_uri} />
        </dd>
      </dl>
    </Panel>
  );
}

function DatasetItem({ dataset }: { dataset: Dataset }) {
  return (
    <li>
      <div class="row">
        <span class="cut" style={{ fontWeight: 560 }} title={dataset.name}>
          {dataset.name}
        </span>
        {dataset.context && <span class={ui.badge}>{dataset.context}</span>}
      </div>
      <div class="dim cut mono" title={dataset.source}>
        {dataset.digest} · {dataset.source_type}
      </div>
    </li>
  );
}

function Models({ run }: { run: Run }) {
  if (run.models.length === 0 && run.versions.length === 0) return null;
  return (
    <Panel title="Models" note={run.models.length || undefined}>
      <ul class={css.items}>
        {run.models.map((model) => (
          <li key={model.model_id}>
            <div class="row">
              <a
                class="grow cut"
                style={{ fontWeight: 560 }}
                title="Its files"
                href={links.run(run.run_id, { tab: 'artifacts', path: `models:/${model.model_id}` })}
              >
                {model.name}
              </a>
              <span class={ui.badge}>{model.status.toLowerCase()}</span>
              <span class="dim">
                <Ago ms={model.created_ms} />
              </span>
            </div>
            <Copyable text={model.model_id} />
          </li>
        ))}
        {run.versions.map((version) => (
          <li key={`${version.name} ${version.version}`} class="row">
            <span class="dim">Registered as</span>
            <a class="cut" href={links.version(version.name, version.version)}>
              {version.name} version {version.version}
            </a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function Overview({ run }: { run: Run }) {
  return (
    <div class={css.overview}>
      <div class={css.column}>
        <Description
          value={run.description}
          hint="What was tried, and what came of it. Markdown works."
          onSave={(text) => describeRun(run.run_id, text)}
        />
        <div class={css.pair}>
          <MetricTable metrics={run.metrics.filter((metric) => !isSystem(metric.key))} />
          <Params params={run.params} />
        </div>
      </div>
      <div class={css.column}>
        <Details run={run} />
        <Tags
          tags={run.tags}
          onSet={(key, value) => setRunTag(run.run_id, key, value)}
          onDelete={(key) => deleteRunTag(run.run_id, key)}
        />
        <Models run={run} />
        {run.datasets.length > 0 && (
          <Panel title="Datasets" note={run.datasets.length}>
            <ul class={css.items}>
              {run.datasets.map((dataset) => (
                <DatasetItem key={`${dataset.name} ${dataset.digest} ${dataset.context}`} dataset={dataset} />
              ))}
            </ul>
          </Panel>
        )}
        <Related run={run} />
      </div>
    </div>
  );
}
