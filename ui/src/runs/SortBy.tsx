import { ArrowDown, ArrowUp } from 'lucide';
import { IconButton } from '../base/Button';
import ui from '../base/ui.module.css';
import type { Column, Sort } from './columns';

const FIXED: [name: string, label: string][] = [
  ['attributes.start_time', 'Started'],
  ['attributes.run_name', 'Run'],
  ['attributes.status', 'Status'],
  ['attributes.duration', 'Duration'],
];

/** The order of the list where there is no table head to press. */
export function SortBy({
  columns,
  sort,
  onSort,
}: {
  columns: Column[];
  sort: Sort;
  onSort: (sort: Sort) => void;
}) {
  const options = [...FIXED, ...columns.map((column) => [column.name, column.label] as const)];
  return (
    <span class="row" style={{ gap: '4px' }}>
      <select
        class={ui.input}
        style={{ width: '98px' }}
        aria-label="Sort by"
        value={sort.name}
        onChange={(event) => onSort({ ...sort, name: event.currentTarget.value })}
      >
        {options.map(([name, label]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
      <IconButton
        label={sort.descending ? 'Sort upwards' : 'Sort downwards'}
        icon={sort.descending ? ArrowDown : ArrowUp}
        onClick={() => onSort({ ...sort, descending: !sort.descending })}
      />
    </span>
  );
}
