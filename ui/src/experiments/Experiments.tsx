import { FlaskConical, Plus, Search, Trash2 } from 'lucide';
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { get } from '../base/api';
import type { Experiment, ExperimentList } from '../base/api-types';
import { Button } from '../base/Button';
import { useCommands } from '../base/commands';
import { Ask } from '../base/Dialog';
import { count } from '../base/format';
import { Icon } from '../base/Icon';
import { useLive } from '../base/live';
import { links } from '../base/location';
import { Empty, Loading, Problem, Segmented } from '../base/Panels';
import { stale, useQuery } from '../base/query';
import { throttle } from '../base/throttle';
import ui from '../base/ui.module.css';
import { oneOf, screen, text, useUrlState } from '../base/url';
import { Page } from '../shell/Page';
import { createExperiment } from './actions';
import { ExperimentsTable } from './ExperimentsTable';
import { Guide } from './Guide';

const view = screen({ q: text(), view: oneOf(['active', 'deleted'] as const) });
const refresh = throttle(() => stale(['experiments']), 2000);

type View = ReturnType<typeof view.parse>;

interface ToolsProps {
  state: View;
  onChange: (patch: Partial<View>, replace?: boolean) => void;
  onCreate: () => void;
}

function Tools({ state, onChange, onCreate }: ToolsProps) {
  useCommands([
    { id: 'new-experiment', name: 'New experiment…', section: 'Experiments', keys: 'n', run: onCreate },
    {
      id: 'filter',
      name: 'Search experiments',
      section: 'Experiments',
      keys: '/',
      run: () => document.getElementById('search')?.focus(),
    },
  ]);
  return (
    <>
      <label class={ui.search}>
        <Icon of={Search} size={14} />
        <input
          id="search"
          class={ui.input}
          type="search"
          placeholder="Search by name"
          aria-label="Search experiments"
          value={state.q}
          onInput={(event) => onChange({ q: event.currentTarget.value }, true)}
        />
      </label>
      <Segmented
        label="Which experiments"
        options={[
          ['active', 'Active'],
          ['deleted', 'Deleted'],
        ]}
        value={state.view}
        onChange={(next) => onChange({ view: next })}
      />
      <Button icon={Plus} look="primary" onClick={onCreate}>
        New experiment
      </Button>
    </>
  );
}

/** In the place of a list without a row, and below the one experiment that every server begins with. */
function Hint({ list, state, onClear }: { list: Experiment[]; state: View; onClear: () => void }) {
  const { q, view: which } = state;
  if (list.length === 0 && q) {
    return (
      <Empty icon={Search} title={`No experiment has “${q}” in its name`}>
        <Button onClick={onClear}>Clear the search</Button>
      </Empty>
    );
  }
  if (list.length === 0 && which === 'deleted') return <Empty icon={Trash2} title="The trash is empty" />;
  const isUnused = list.length <= 1 && list.every((experiment) => experiment.runs === 0);
  if (q || which === 'deleted' || !isUnused) return null;
  return (
    <Empty icon={FlaskConical} title="Waiting for the first run">
      <p>Point any script that uses MLflow at this server. Its runs appear here while they train.</p>
      <Guide />
    </Empty>
  );
}

export function Experiments() {
  const { route } = useLocation();
  const [state, setState] = useUrlState(view);
  const [creating, setCreating] = useState(false);
  const { data, error, retry } = useQuery<ExperimentList>({
    key: ['experiments', state.view, state.q],
    fetch: (signal) => get(`experiments?view=${state.view}&search=${encodeURIComponent(state.q)}`, signal),
    keep: true,
  });
  useLive(['experiments'], refresh);
  const list = data?.experiments;
  const noun = state.view === 'deleted' ? 'deleted experiment' : 'experiment';
  return (
    <Page
      title="Experiments"
      tools={<Tools state={state} onChange={setState} onCreate={() => setCreating(true)} />}
    >
      {error && <Problem error={error} retry={retry} />}
      {!list && !error && <Loading />}
      {list && list.length > 0 && (
        <>
          <ExperimentsTable experiments={list} />
          <p class="dim">{count(list.length, noun)}</p>
        </>
      )}
      {list && <Hint list={list} state={state} onClear={() => setState({ q: '' })} />}
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
