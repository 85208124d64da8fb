import { ArchiveRestore, GitCompareArrows, Trash2, X } from 'lucide';
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { Button, IconButton } from '../base/Button';
import { useCommands } from '../base/commands';
import { integer } from '../base/format';
import { links } from '../base/location';
import { deleteRuns, restoreRuns } from './actions';

const MAX_COMPARED = 20;
const MAX_CHOSEN_IN_URL = 50;

export interface Selection {
  chosen: ReadonlySet<string>;
  choose: (next: Set<string>) => void;
  /** Drops what the address does not hold. */
  forget: () => void;
}

/** The chosen runs: ids in the address, by `keep`, or in memory when they are too many for one. */
export function useSelection(kept: string[] | null, keep: (ids: string[] | null) => void): Selection {
  const [many, setMany] = useState<ReadonlySet<string> | null>(null);
  return {
    chosen: many ?? new Set(kept ?? []),
    choose: (next) => {
      const fits = next.size <= MAX_CHOSEN_IN_URL;
      setMany(fits ? null : next);
      keep(fits && next.size ? [...next] : null);
    },
    forget: () => setMany(null),
  };
}

export function useSelectionCommands({ chosen, choose }: Selection): void {
  const { route } = useLocation();
  useCommands([
    {
      id: 'compare',
      name: 'Compare selected runs',
      section: 'Runs',
      keys: 'c',
      run: () => chosen.size >= 2 && route(links.compare([...chosen].slice(0, MAX_COMPARED))),
    },
    { id: 'clear', name: 'Clear selection', section: 'Runs', keys: 'Escape', run: () => choose(new Set()) },
  ]);
}

interface Props {
  chosen: ReadonlySet<string>;
  deleted: boolean;
  onClear: () => void;
}

/** What can be done with the chosen runs. */
export function SelectionBar({ chosen, deleted, onClear }: Props) {
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
