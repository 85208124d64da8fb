import { PackagePlus, Trash2 } from 'lucide';
import { useState } from 'preact/hooks';
import { lazy, useLocation } from 'preact-iso';
import type { Run } from '../base/api-types';
import { Button } from '../base/Button';
import { toClipboard } from '../base/Copy';
import { now } from '../base/clock';
import { useCommands } from '../base/commands';
import { EditableName } from '../base/Edit';
import { Icon } from '../base/Icon';
import { links } from '../base/location';
import { Menu } from '../base/Menu';
import { Loading, Problem } from '../base/Panels';
import { Status } from '../base/Status';
import { Ago, Lasted } from '../base/Time';
import { attempt, toast } from '../base/toast';
import ui from '../base/ui.module.css';
import { oneOf, screen, useUrlState } from '../base/url';
import { isSystem } from '../charts/window';
import { deleteRuns, restoreRuns } from '../runs/actions';
import { RunDot } from '../runs/RunDot';
import { Page } from '../shell/Page';
import { renameRun, useRun } from './data';
import { Overview } from './Overview';
import { heardMs } from './points';
import { Register, type RegisterFrom } from './Register';
import css from './run.module.css';

const Metrics = lazy(() => import('./Metrics').then((module) => module.Metrics));
const Artifacts = lazy(() => import('./Artifacts').then((module) => module.Artifacts));

const TABS = ['overview', 'metrics', 'system', 'artifacts'] as const;
type Tab = (typeof TABS)[number];
const NAMES: Record<Tab, string> = {
  overview: 'Overview',
  metrics: 'Model metrics',
  system: 'System metrics',
  artifacts: 'Artifacts',
};
const view = screen({ tab: oneOf(TABS) });

function Tabs({ run, tab }: { run: Run; tab: Tab }) {
  const system = run.metrics.filter((metric) => isSystem(metric.key)).length;
  const counts: Partial<Record<Tab, number>> = { metrics: run.metrics.length - system, system };
  return (
    <nav class={ui.tabs} aria-label="Parts of the run">
      {TABS.map((name) => (
        <a
          key={name}
          aria-current={name === tab ? 'page' : undefined}
          href={links.run(run.run_id, { tab: name === 'overview' ? '' : name })}
        >
          {NAMES[name]}
          {counts[name] !== undefined && <span class={ui.badge}>{counts[name]}</span>}
        </a>
      ))}
    </nav>
  );
}

const QUIET_MS = 3 * 60_000;

/** A run that is killed hard stays "Running" for ever: how long it has been silent tells. */
function Silence({ run }: { run: Run }) {
  const heard = heardMs(run);
  if (run.status !== 'RUNNING' || heard === null || now.value - heard < QUIET_MS) return null;
  return (
    <span
      class={css.silent}
      title="Time of its newest metric, or of its start. The process may be busy, or gone without a word."
    >
      Last heard <Ago ms={heard} />
    </span>
  );
}

function Actions({ run, onRegister }: { run: Run; onRegister: () => void }) {
  const { route } = useLocation();
  if (run.lifecycle === 'deleted') {
    return <Button onClick={() => void restoreRuns([run.run_id])}>Restore run</Button>;
  }
  const copy = () =>
    attempt('Copying the run ID', async () => {
      await toClipboard(run.run_id);
      toast('Copied the run ID', {}, 3000);
    });
  const remove = () => deleteRuns([run.run_id], () => route(links.experiment(run.experiment_id)));
  return (
    <>
      <Button icon={PackagePlus} onClick={onRegister}>
        Register model
      </Button>
      <Menu label="More actions">
        <button type="button" role="menuitem" onClick={() => void copy()}>
          Copy run ID
        </button>
        <button type="button" role="menuitem" class={ui.danger} onClick={() => void remove()}>
          <Icon of={Trash2} /> Delete run
        </button>
      </Menu>
    </>
  );
}

function Facts({ run }: { run: Run }) {
  return (
    <div class={css.facts}>
      <span>
        Started <Ago ms={run.start_ms} />
      </span>
      <span>
        {run.status === 'RUNNING' ? 'Running for' : 'Took'}{' '}
        <Lasted start={run.start_ms} end={run.end_ms} live={run.status === 'RUNNING'} />
      </span>
      <Silence run={run} />
      {run.user && run.user !== 'unknown' && <span>by {run.user}</span>}
      {run.versions.map((version) => (
        <a key={`${version.name} ${version.version}`} href={links.version(version.name, version.version)}>
          {version.name} version {version.version}
        </a>
      ))}
    </div>
  );
}

export function RunPage({ params }: { params: { id: string } }) {
  return <OneRun key={params.id} id={params.id} />;
}

function OneRun({ id }: { id: string }) {
  const { route } = useLocation();
  const [{ tab }] = useUrlState(view);
  const { data: run, error, retry } = useRun(id);
  const [registering, setRegistering] = useState<RegisterFrom | null>(null);
  useCommands(
    TABS.map((name, index) => ({
      id: `tab-${name}`,
      name: `Show ${NAMES[name].toLowerCase()}`,
      section: 'Run',
      keys: String(index + 1),
      run: () => route(links.run(id, { tab: name === 'overview' ? '' : name })),
    })),
  );
  if (!run) {
    return (
      <Page title="Run" heading={null} crumbs={[['Experiments', links.experiments()]]}>
        {error ? <Problem error={error} retry={retry} /> : <Loading rows={8} />}
      </Page>
    );
  }
  return (
    <Page
      title={run.name}
      crumbs={[
        ['Experiments', links.experiments()],
        [run.experiment_name, links.experiment(run.experiment_id)],
      ]}
      heading={
        <>
          <div class="row">
            <RunDot id={id} />
            <EditableName value={run.name} label="Rename run" onSave={(name) => renameRun(id, name)} />
          </div>
          <Status of={run.status} />
          {run.lifecycle === 'deleted' && <span class={ui.badge}>deleted</span>}
        </>
      }
      tools={<Actions run={run} onRegister={() => setRegistering({})} />}
    >
      <Facts run={run} />
      {error && <Problem error={error} retry={retry} />}
      <Tabs run={run} tab={tab} />
      {tab === 'overview' && <Overview run={run} />}
      {(tab === 'metrics' || tab === 'system') && <Metrics key={tab} run={run} system={tab === 'system'} />}
      {tab === 'artifacts' && <Artifacts run={run} onRegister={setRegistering} />}
      {registering && <Register run={run} from={registering} onClose={() => setRegistering(null)} />}
    </Page>
  );
}
