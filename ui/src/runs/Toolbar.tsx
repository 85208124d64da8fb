import type { RunColumns } from '../base/api-types';
import { useCommands } from '../base/commands';
import { narrow } from '../base/media';
import { Segmented } from '../base/Panels';
import { ColumnPicker } from './ColumnPicker';
import type { Column, Sort } from './columns';
import { FilterBar } from './FilterBar';
import css from './runs.module.css';
import { type Selection, SelectionBar } from './Selection';
import { SortBy } from './SortBy';
import type { RunsView } from './view';

interface Props {
  state: RunsView;
  badFilter: string;
  selection: Selection;
  known: RunColumns | undefined;
  columns: Column[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  onFilter: (filter: string) => void;
  onChange: (patch: Partial<RunsView>) => void;
}

/** Which runs, in which order, with which columns; while some are chosen, what to do with them. */
export function Toolbar({ state, badFilter, selection, known, columns, sort, ...on }: Props) {
  useCommands([
    {
      id: 'filter',
      name: 'Filter runs',
      section: 'Runs',
      keys: '/',
      run: () => document.getElementById('filter')?.focus(),
    },
  ]);
  return (
    <div class={css.bar}>
      <FilterBar value={state.filter} error={badFilter} onApply={on.onFilter} />
      {selection.chosen.size > 0 ? (
        <SelectionBar
          chosen={selection.chosen}
          deleted={state.view === 'deleted'}
          onClear={() => selection.choose(new Set())}
        />
      ) : (
        <Segmented
          label="Which runs"
          options={[
            ['active', 'Active'],
            ['deleted', 'Deleted'],
          ]}
          value={state.view}
          onChange={(view) => on.onChange({ view })}
        />
      )}
      {narrow.value && <SortBy columns={columns} sort={sort} onSort={on.onSort} />}
      {known && (
        <ColumnPicker
          known={known}
          shown={columns.map((column) => column.name)}
          onChange={(cols) => on.onChange({ cols })}
        />
      )}
    </div>
  );
}
