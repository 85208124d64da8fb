import { ChevronDown, RotateCcw, Search } from 'lucide';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { Event } from '../base/api-types';
import { Button } from '../base/Button';
import { search, useCommands } from '../base/commands';
import { Icon } from '../base/Icon';
import { OPENED, useLive } from '../base/live';
import { Empty, Problem, Segmented } from '../base/Panels';
import ui from '../base/ui.module.css';
import { flag, number, oneOf, screen, text, useUrlState } from '../base/url';
import { Chart, type ChartSettings } from './Chart';
import css from './charts.module.css';
import { type Ink, inks } from './palette';
import { Swatch } from './Swatch';
import { SeriesSource } from './source';
import { bucketsFor, type Range, type Section } from './window';

const MOST_OPEN = 24;

const rest = { smooth: number(), log: flag(), x0: number(), x1: number(), metric: text() };

/** Training is read by step; what is sampled by the clock, by time. */
const VIEWS = {
  step: screen({ axis: oneOf(['step', 'time', 'relative'] as const), ...rest }),
  relative: screen({ axis: oneOf(['relative', 'time', 'step'] as const), ...rest }),
};

const AXES = [
  ['step', 'Step'],
  ['time', 'Time'],
  ['relative', 'Relative'],
] as const;

export interface ChartRun {
  id: string;
  name: string;
  startMs: number | null;
  running: boolean;
}

interface Props {
  runs: ChartRun[];
  sections: Section[];
  defaultAxis?: keyof typeof VIEWS;
  empty: string;
}

function useSource(runs: ChartRun[], settings: ChartSettings): SeriesSource {
  const request = {
    runIds: runs.map((run) => run.id),
    axis: settings.axis,
    window: settings.window,
    buckets: bucketsFor(420),
  };
  const source = useMemo(() => new SeriesSource(request), []);
  for (const run of runs) if (run.startMs !== null) source.setStart(run.id, run.startMs);
  useEffect(() => source.configure(request), [JSON.stringify(request)]);
  useEffect(() => () => source.close(), [source]);
  const running = runs.some((run) => run.running);
  useLive(
    runs.map((run) => `run:${run.id}`),
    (event: Event) => {
      if (event.kind !== 'resync') source.receive(event);
      else if (event.topic !== OPENED || running) source.invalidate();
    },
  );
  return source;
}

interface ToolbarProps {
  state: { axis: ChartSettings['axis']; smooth: number | null; log: boolean; metric: string };
  zoomed: boolean;
  onChange: (
    patch: { axis?: ChartSettings['axis']; smooth?: number | null; log?: boolean; metric?: string },
    replace?: boolean,
  ) => void;
  onReset: () => void;
}

function Toolbar({ state, zoomed, onChange, onReset }: ToolbarProps) {
  return (
    <div class={css.toolbar}>
      <Segmented
        label="Horizontal axis"
        options={AXES}
        value={state.axis}
        onChange={(axis) => onChange({ axis })}
      />
      <label>
        Smoothing
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={state.smooth ?? 0}
          aria-valuetext={state.smooth ? String(state.smooth) : 'off'}
          onInput={(event) => onChange({ smooth: Number(event.currentTarget.value) || null }, true)}
        />
        <span style={{ width: '26px' }}>{state.smooth ? state.smooth.toFixed(2) : 'off'}</span>
      </label>
      <label>
        <input
          type="checkbox"
          checked={state.log}
          onChange={(event) => onChange({ log: event.currentTarget.checked })}
        />
        Log y
      </label>
      <span class="grow" />
      {zoomed && (
        <Button small icon={RotateCcw} onClick={onReset}>
          Reset zoom
        </Button>
      )}
      <span class={ui.search}>
        <Icon of={Search} size={14} />
        <input
          id="metric-search"
          class={ui.input}
          type="search"
          placeholder="Find a metric"
          aria-label="Find a metric"
          value={state.metric}
          onInput={(event) => onChange({ metric: event.currentTarget.value }, true)}
        />
      </span>
    </div>
  );
}

function Legend({
  runs,
  ink,
  onHighlight,
}: {
  runs: ChartRun[];
  ink: Map<string, Ink>;
  onHighlight: (id: string | null) => void;
}) {
  return (
    <div class={css.legend}>
      {runs.map((run) => (
        <button
          type="button"
          key={run.id}
          onMouseEnter={() => onHighlight(run.id)}
          onMouseLeave={() => onHighlight(null)}
          onFocus={() => onHighlight(run.id)}
          onBlur={() => onHighlight(null)}
        >
          <Swatch ink={ink.get(run.id)!} />
          <span class="cut">{run.name}</span>
        </button>
      ))}
    </div>
  );
}

/** Charts of the metrics of one or several runs, in sections, with one zoom, one cursor, one request. */
export function Charts({ runs, sections, defaultAxis = 'step', empty }: Props) {
  const [state, setState] = useUrlState(VIEWS[defaultAxis]);
  const window: Range | null = state.x0 !== null && state.x1 !== null ? [state.x0, state.x1] : null;
  const settings: ChartSettings = { axis: state.axis, log: state.log, smoothing: state.smooth ?? 0, window };
  const source = useSource(runs, settings);
  const sync = useId();
  const ink = inks(runs.map((run) => run.id));
  const [highlight, setHighlight] = useState<string | null>(null);
  const zoom = (next: Range | null) => setState({ x0: next?.[0] ?? null, x1: next?.[1] ?? null });
  const finder = useRef(() => document.getElementById('metric-search')?.focus());
  useCommands([
    { id: 'find-metric', name: 'Find a metric', section: 'Charts', keys: '/', run: () => finder.current() },
    {
      id: 'log-y',
      name: 'Logarithmic y axis on/off',
      section: 'Charts',
      keys: 'l',
      run: () => setState({ log: !state.log }),
    },
    { id: 'reset-zoom', name: 'Reset zoom', section: 'Charts', keys: '0', run: () => zoom(null) },
  ]);
  const change: ToolbarProps['onChange'] = (patch, replace) => {
    // A window on one axis means nothing on another.
    if (patch.axis) setState({ ...patch, x0: null, x1: null });
    else setState(patch, replace);
  };
  const shown = sections
    .map((section) => ({
      ...section,
      keys: state.metric ? search(section.keys, (key) => key, state.metric) : section.keys,
    }))
    .filter((section) => section.keys.length > 0);
  if (sections.length === 0) return <Empty title={empty} />;
  const named = runs.map((run) => ({ id: run.id, name: run.name, ink: ink.get(run.id)! }));
  let before = 0;
  return (
    <div>
      <Toolbar state={state} zoomed={window !== null} onChange={change} onReset={() => zoom(null)} />
      {runs.length > 1 && <Legend runs={runs} ink={ink} onHighlight={setHighlight} />}
      {source.error.value && <Problem error={source.error.value} retry={() => source.invalidate()} />}
      {shown.length === 0 && <Empty title={`No metric has “${state.metric}” in its name`} />}
      {shown.map((section) => {
        const open = before < MOST_OPEN;
        before += section.keys.length;
        return (
          <SectionOf
            key={section.name}
            section={section}
            open={open}
            bare={shown.length === 1 && !section.name}
          >
            {(key) => (
              <Chart
                key={key}
                metric={key}
                source={source}
                runs={named}
                settings={settings}
                highlight={highlight}
                sync={sync}
                onZoom={zoom}
              />
            )}
          </SectionOf>
        );
      })}
    </div>
  );
}

interface SectionProps {
  section: Section;
  open: boolean;
  bare: boolean;
  children: (key: string) => preact.JSX.Element;
}

/** A folded section holds no charts at all: ten thousand keys cost a line of text each prefix. */
function SectionOf({ section, open: first, bare, children }: SectionProps) {
  const [open, setOpen] = useState(first);
  if (bare) {
    return (
      <>
        <h2 class="sr">Charts</h2>
        <div class={css.grid}>{section.keys.map(children)}</div>
      </>
    );
  }
  return (
    <details class={css.section} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Icon of={ChevronDown} size={14} />
        <h2>{section.name || 'Metrics'}</h2>
        <span class={ui.badge}>{section.keys.length}</span>
      </summary>
      {open && <div class={css.grid}>{section.keys.map(children)}</div>}
    </details>
  );
}
