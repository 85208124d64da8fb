import { Columns3, Search } from 'lucide';
import { useId, useRef, useState } from 'preact/hooks';
import type { RunColumns } from '../base/api-types';
import { Button } from '../base/Button';
import { search } from '../base/commands';
import { Icon } from '../base/Icon';
import { place } from '../base/Menu';
import { narrow } from '../base/media';
import ui from '../base/ui.module.css';
import { columnName, type Group } from './columns';
import css from './runs.module.css';

const GROUPS: [Group, string][] = [
  ['metrics', 'Metrics'],
  ['params', 'Parameters'],
  ['tags', 'Tags'],
];
const MOST = 200;

interface Props {
  known: RunColumns;
  shown: string[];
  onChange: (columns: string[] | null) => void;
}

function GroupList({
  keys,
  group,
  title,
  shown,
  onChange,
}: Props & { keys: string[]; group: Group; title: string }) {
  if (keys.length === 0) return null;
  const toggle = (name: string, on: boolean) =>
    onChange(on ? [...shown, name] : shown.filter((other) => other !== name));
  return (
    <>
      <h2>{title}</h2>
      {keys.slice(0, MOST).map((key) => {
        const name = columnName(group, key);
        return (
          <label key={name}>
            <input
              type="checkbox"
              checked={shown.includes(name)}
              onChange={(event) => toggle(name, event.currentTarget.checked)}
            />
            <span class="cut">{key}</span>
          </label>
        );
      })}
      {keys.length > MOST && <p class={ui.hint}>{keys.length - MOST} more: search for them</p>}
    </>
  );
}

/** Which metrics, parameters and tags the table shows, from those that runs here have. */
export function ColumnPicker(props: Props) {
  const { known, shown, onChange } = props;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const anchor = useRef<HTMLSpanElement>(null);
  const [typed, setTyped] = useState('');
  const [open, setOpen] = useState(false);
  return (
    <span ref={anchor}>
      <Button icon={Columns3} popovertarget={id}>
        Columns
        {!narrow.value && <span class={ui.badge}>{shown.length}</span>}
      </Button>
      <div
        id={id}
        ref={box}
        popover="auto"
        role="dialog"
        aria-label="Columns"
        class={css.picker}
        onToggle={(event) => {
          const opened = (event as ToggleEvent).newState === 'open';
          setOpen(opened);
          if (opened && box.current && anchor.current) {
            requestAnimationFrame(() => place(box.current!, anchor.current!));
            box.current.querySelector('input')?.focus();
          }
        }}
      >
        <div class={css.pickerHead}>
          <label class={ui.search}>
            <Icon of={Search} size={14} />
            <input
              class={ui.input}
              placeholder="Find a column"
              aria-label="Find a column"
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </label>
        </div>
        {open && (
          <div class={css.pickerList}>
            {GROUPS.map(([group, title]) => (
              <GroupList
                key={group}
                {...props}
                group={group}
                title={title}
                keys={typed ? search(known[group], (key) => key, typed) : known[group]}
              />
            ))}
          </div>
        )}
        <div class={css.pickerFoot}>
          <Button small look="quiet" onClick={() => onChange([])}>
            Hide all
          </Button>
          <Button small look="quiet" onClick={() => onChange(null)}>
            Reset
          </Button>
        </div>
      </div>
    </span>
  );
}
