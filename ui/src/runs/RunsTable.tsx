import { ArrowDown, ArrowUp, CornerDownRight } from 'lucide';
import { useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { exact, number } from '../base/format';
import { Icon } from '../base/Icon';
import { links } from '../base/location';
import { narrow } from '../base/media';
import { Skeleton } from '../base/Panels';
import { Status } from '../base/Status';
import { Ago, Lasted } from '../base/Time';
import { unitOf } from '../charts/window';
import { type Column, nextSort, type Sort } from './columns';
import type { RunList } from './list';
import { RunDot } from './RunDot';
import { depths, type Row, select } from './rows';
import css from './runs.module.css';
import type { Selection } from './Selection';

export const ROW = 28;
export const CARD = 76;
export const HEAD = 44;

interface Props {
  list: RunList;
  columns: Column[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  selection: Selection;
}

const FIXED = [36, 250, 108, 104, 92];
const FIXED_TRACKS = FIXED.map((width) => `${width}px`).join(' ');
const LEAST = { metrics: 112, params: 120, tags: 120 };

function template(columns: Column[]): string {
  return `${FIXED_TRACKS} ${columns.map((column) => `minmax(${LEAST[column.group]}px, 1fr)`).join(' ')}`;
}

/** By the columns alone: one long value may not widen all of them. */
function widthOf(columns: Column[]): string {
  const least = [...FIXED, ...columns.map((column) => LEAST[column.group])];
  return `max(100%, ${least.reduce((sum, width) => sum + width, 0)}px)`;
}

const LABELS = { metrics: 'Metrics', params: 'Parameters', tags: 'Tags' };

interface HeadProps {
  name: string;
  label: string;
  group?: string | undefined;
  unit?: string;
  right?: boolean;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

function HeadCell({ name, label, group, unit, right, sort, onSort }: HeadProps) {
  const sorted = sort.name === name;
  const order = sorted ? (sort.descending ? 'descending' : 'ascending') : 'none';
  return (
    <div class={`${css.th} ${right ? css.right : ''}`} role="columnheader" aria-sort={order} title={label}>
      {group && <small>{group}</small>}
      <button type="button" onClick={() => onSort(nextSort(sort, name))}>
        <span class="cut">{label}</span>
        {unit && <span class={css.unit}>{unit}</span>}
        {sorted && <Icon of={sort.descending ? ArrowDown : ArrowUp} size={12} />}
      </button>
    </div>
  );
}

function Header({ columns, sort, onSort }: Pick<Props, 'columns' | 'sort' | 'onSort'>) {
  const shared = { sort, onSort };
  return (
    <div class={css.header} role="row" aria-rowindex={1} style={{ gridTemplateColumns: template(columns) }}>
      <div class={css.check} role="columnheader">
        <span class="sr">Selected</span>
      </div>
      <div class={css.nameCell} role="presentation">
        <HeadCell name="attributes.run_name" label="Run" {...shared} />
      </div>
      <HeadCell name="attributes.status" label="Status" {...shared} />
      <HeadCell name="attributes.start_time" label="Started" {...shared} />
      <HeadCell name="attributes.duration" label="Duration" {...shared} />
      {columns.map((column, index) => (
        <HeadCell
          key={column.name}
          name={column.name}
          label={column.label}
          group={columns[index - 1]?.group === column.group ? undefined : LABELS[column.group]}
          unit={column.group === 'metrics' ? unitOf(column.key) : ''}
          right={column.group === 'metrics'}
          {...shared}
        />
      ))}
    </div>
  );
}

function Cell({ column, row }: { column: Column; row: Row }) {
  const value = row.cells[column.name];
  // Not asked for yet: the column is new, its values are on their way.
  if (value === undefined) return <div class={css.cell} role="gridcell" />;
  if (column.group === 'metrics') {
    return (
      <div class={`${css.cell} num`} role="gridcell" title={exact(value as never)}>
        {value === null ? <span class="dim">–</span> : number(value as never)}
      </div>
    );
  }
  return (
    <div class={css.cell} role="gridcell" title={value === null ? undefined : String(value)}>
      {value ?? <span class="dim">–</span>}
    </div>
  );
}

interface LineProps {
  row: Row;
  index: number;
  depth: number;
  columns: Column[];
  chosen: boolean;
  active: boolean;
  onCheck: (event: MouseEvent, row: Row, index: number) => void;
}

function Parent({ row, depth }: { row: Row; depth: number }) {
  if (!row.parent) return null;
  return (
    <a
      href={links.run(row.parent)}
      tabIndex={-1}
      title="Go to the parent run"
      aria-label="Parent run"
      class="dim"
      style={{ marginLeft: `${Math.max(0, depth - 1) * 14}px`, display: 'flex' }}
    >
      <Icon of={CornerDownRight} size={13} />
    </a>
  );
}

function Line({ row, index, depth, columns, chosen, active, onCheck }: LineProps) {
  return (
    <div
      id={`run-${row.id}`}
      class={`${css.line} ${active ? css.active : ''}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      style={{ top: `${HEAD + index * ROW}px`, gridTemplateColumns: template(columns) }}
    >
      <div class={css.check} role="gridcell">
        <label>
          <input
            type="checkbox"
            tabIndex={-1}
            checked={chosen}
            aria-label={`Select ${row.name}`}
            onClick={(event) => onCheck(event, row, index)}
          />
        </label>
      </div>
      <div class={`${css.cell} ${css.nameCell}`} role="gridcell">
        <Parent row={row} depth={depth} />
        <RunDot id={row.id} />
        <a href={links.run(row.id)} tabIndex={-1} class="cut" title={row.name}>
          {row.name}
        </a>
      </div>
      <div class={css.cell} role="gridcell">
        <Status of={row.status} />
      </div>
      <div class={css.cell} role="gridcell">
        <Ago ms={row.start} />
      </div>
      <div class={css.cell} role="gridcell">
        <Lasted start={row.start} end={row.end} live={row.status === 'RUNNING'} />
      </div>
      {columns.map((column) => (
        <Cell key={column.name} column={column} row={row} />
      ))}
    </div>
  );
}

function Card({ row, index, columns, chosen, onCheck }: LineProps) {
  return (
    <div
      id={`run-${row.id}`}
      class={css.card}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      style={{ top: `${index * CARD}px` }}
    >
      <span role="gridcell" class={css.tick}>
        <input
          type="checkbox"
          checked={chosen}
          aria-label={`Select ${row.name}`}
          onClick={(event) => onCheck(event, row, index)}
        />
      </span>
      <span role="gridcell" class="cut">
        <a href={links.run(row.id)}>{row.name}</a>
      </span>
      <span role="gridcell">
        <Status of={row.status} />
      </span>
      <span role="gridcell" class={css.facts}>
        <Ago ms={row.start} />
        <Lasted start={row.start} end={row.end} live={row.status === 'RUNNING'} />
      </span>
      <span role="gridcell" class={css.facts}>
        {columns.slice(0, 3).map((column) => (
          <span key={column.name}>
            {column.label}{' '}
            <strong>
              {column.group === 'metrics' ? number(row.cells[column.name] as never) : row.cells[column.name]}
            </strong>
          </span>
        ))}
      </span>
    </div>
  );
}

function Waiting({ index, height }: { index: number; height: number }) {
  return (
    <div
      class={css.line}
      role="row"
      aria-rowindex={index + 2}
      style={{
        top: `${(height === ROW ? HEAD : 0) + index * height}px`,
        height: `${height}px`,
        gridTemplateColumns: FIXED_TRACKS,
      }}
    >
      <div role="gridcell" style={{ gridColumn: '2', padding: '0 10px' }}>
        <Skeleton width={120 + ((index * 37) % 90)} />
      </div>
    </div>
  );
}

/** Which row the keys act on, and what they and the boxes do. */
function useKeys({ pages, rows, scroller, total }: RunList, { chosen, choose }: Selection) {
  const { route } = useLocation();
  const [active, setActive] = useState(0);
  const anchor = useRef(0);
  const idAt = (index: number) => pages.row(index)?.id;
  const check = (event: MouseEvent | KeyboardEvent, row: Row, index: number) => {
    choose(select(chosen, row.id, event.shiftKey ? { from: anchor.current, to: index, idAt } : null));
    anchor.current = index;
    setActive(index);
  };
  const last = (total ?? 0) - 1;
  const move = (to: number) => {
    const next = Math.max(0, Math.min(last, to));
    setActive(next);
    rows.scrollTo(next);
  };
  const height = narrow.value ? CARD : ROW;
  const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / height) - 2);
  const onKey = (event: KeyboardEvent) => {
    // A key pressed on a column's head is that head's own.
    if ((event.target as HTMLElement).closest('[role=columnheader]')) return;
    const row = pages.row(active);
    const moves: Record<string, number> = {
      ArrowDown: active + 1,
      j: active + 1,
      ArrowUp: active - 1,
      k: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: last,
    };
    const to = moves[event.key];
    if (to !== undefined) move(to);
    else if ((event.key === 'Enter' || event.key === 'o') && row) route(links.run(row.id));
    else if ((event.key.toLowerCase() === 'x' || event.key === ' ') && row) check(event, row, active);
    else return;
    event.preventDefault();
  };
  return { active, check, onKey };
}

/** The runs that are near the view, in a list whose scroll bar speaks of all of them. */
export function RunsTable({ list, columns, sort, onSort, selection }: Props) {
  const { pages, rows, scroller } = list;
  const { active, check, onKey } = useKeys(list, selection);
  const isCards = narrow.value;
  const indexes = Array.from({ length: Math.max(0, rows.last - rows.first + 1) }, (_, i) => rows.first + i);
  const loaded = indexes.map((index) => pages.row(index));
  const depth = depths(loaded.filter((row) => row !== null));
  const activeId = pages.row(active)?.id;
  return (
    <div
      ref={scroller}
      class={`${css.grid} ${pages.old ? css.old : ''}`}
      role="grid"
      tabIndex={0}
      aria-label="Runs"
      aria-rowcount={(list.total ?? 0) + 1}
      aria-multiselectable="true"
      aria-activedescendant={activeId && indexes.includes(active) ? `run-${activeId}` : undefined}
      onKeyDown={onKey}
    >
      <div
        class={css.inner}
        role="rowgroup"
        style={{
          height: `${rows.total + (isCards ? 0 : HEAD)}px`,
          width: isCards ? '100%' : widthOf(columns),
        }}
      >
        {!isCards && <Header columns={columns} sort={sort} onSort={onSort} />}
        {indexes.map((index, i) => {
          const row = loaded[i];
          if (!row) return <Waiting key={index} index={index} height={isCards ? CARD : ROW} />;
          const props = {
            row,
            index,
            columns,
            depth: depth.get(row.id) ?? 0,
            chosen: selection.chosen.has(row.id),
            active: index === active,
            onCheck: check,
          };
          return isCards ? <Card key={row.id} {...props} /> : <Line key={row.id} {...props} />;
        })}
      </div>
    </div>
  );
}
