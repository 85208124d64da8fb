import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { get } from '../base/api';
import type { ExperimentList, RegisteredModelList } from '../base/api-types';
import { commands, search } from '../base/commands';
import { links } from '../base/location';
import { useQuery } from '../base/query';
import { Keys } from './Shell';
import css from './shell.module.css';

const MOST = 50;

interface Entry {
  name: string;
  section: string;
  keys?: string | undefined;
  run: () => void;
}

/** What has a place of its own: experiments and models by name. */
function useThings(): Entry[] {
  const { route } = useLocation();
  const experiments = useQuery<ExperimentList>({
    key: ['experiments', 'active', ''],
    fetch: (signal) => get('experiments?view=active', signal),
  });
  const models = useQuery<RegisteredModelList>({
    key: ['models', ''],
    fetch: (signal) => get('models', signal),
  });
  return [
    ...(experiments.data?.experiments ?? []).map(({ name, experiment_id }) => ({
      name,
      section: 'Experiment',
      run: () => route(links.experiment(experiment_id)),
    })),
    ...(models.data?.models ?? []).map(({ name }) => ({
      name,
      section: 'Model',
      run: () => route(links.model(name)),
    })),
  ];
}

/** A run id pasted whole is a place too. */
function runEntry(typed: string, route: (url: string) => void): Entry[] {
  const id = typed.trim();
  return /^[0-9a-f]{32}$/.test(id) ? [{ name: id, section: 'Run', run: () => route(links.run(id)) }] : [];
}

function useFound(typed: string): Entry[] {
  const { route } = useLocation();
  const actions: Entry[] = commands.value.filter((command) => command.id !== 'palette');
  return [
    ...runEntry(typed, route),
    ...search([...useThings(), ...actions], (entry) => `${entry.name} ${entry.section}`, typed),
  ].slice(0, MOST);
}

interface ResultsProps {
  found: Entry[];
  here: number;
  onPoint: (index: number) => void;
  onRun: (entry: Entry) => void;
}

function Results({ found, here, onPoint, onRun }: ResultsProps) {
  if (found.length === 0) {
    return (
      <p id="palette-list" class="dim" style={{ padding: '14px 16px' }}>
        Nothing has this name. A whole run ID works too.
      </p>
    );
  }
  return (
    <ul id="palette-list" role="listbox" aria-label="Results">
      {found.map((entry, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox above has the keys
        <li
          key={`${entry.section} ${entry.name}`}
          id={`palette-${index}`}
          role="option"
          aria-selected={index === here}
          tabIndex={-1}
          onMouseMove={() => onPoint(index)}
          onClick={() => onRun(entry)}
        >
          <small>{entry.section}</small>
          <span class="grow cut">{entry.name}</span>
          {entry.keys && <Keys of={entry.keys} />}
        </li>
      ))}
    </ul>
  );
}

export function Palette({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const found = useFound(typed);
  const here = Math.min(at, found.length - 1);
  useEffect(() => {
    const box = dialog.current;
    box?.showModal();
    return () => box?.close();
  }, []);
  useEffect(() => {
    dialog.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [here]);
  const run = (entry: Entry | undefined) => {
    onClose();
    entry?.run();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(here + 1, found.length - 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(here - 1, 0));
    else if (event.key === 'Enter') run(found[here]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={dialog}
      class={css.palette}
      aria-label="Search or jump to"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => event.target === dialog.current && onClose()}
    >
      <input
        autofocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length ? `palette-${here}` : undefined}
        aria-label="Search or jump to"
        placeholder="Experiment, model, run ID or action"
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <Results found={found} here={here} onPoint={setAt} onRun={run} />
    </dialog>
  );
}
