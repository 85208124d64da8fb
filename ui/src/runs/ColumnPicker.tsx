import { Columns3, Search } from 'lucide';
import { useId, useRef, useState } from 'preact/hooks';
import type { RunColumns } from '../base/api-types';
import { Button } from '../base/Button';
import { search } from '../base/commands';
import { Icon } from '../base/Icon';
import { place } from '../base/Menu';
import { narrow } from '../base/media';
import ui from '../base/ui.module.css';
import { columnName, type Extreme, extremeName, type Group, withColumn } from './columns';
import css from './runs.module.css';

const GROUPS: [Group, string][] = [
  ['metrics', 'Metrics'],
  ['params', 'Parameters'],
  ['tags', 'Tags'],
];
const EXTREMES: Extreme[] = ['min', 'max'];
const MOST = 200;

interface Props {
  known: RunColumns;
  shown: string[];
  onChange: (columns: string[] | null) => void;
}

interface ChoiceProps extends Omit<Props, 'known'> {
  name: string;
  label: string;
  /** What says more than the label, to who does not see what stands beside it. */
  spoken?: string;
}

function Choice({ name, label, spoken, shown, onChange }: ChoiceProps) {
  const toggle = (on: boolean) =>
    onChange(on ? withColumn(shown, name) : shown.filter((other) => other !== name));
  return (
    <label>
      <input
        type="checkbox"
        checked={shown.includes(name)}
        aria-label={spoken}
        onChange={(event) => toggle(event.currentTarget.checked)}
      />
      <span class="cut" title={spoken ?? label}>
        {label}
      </span>
    </label>
  );
}

/** The keys of a group; of a metric also the least and the greatest of its points. */
function GroupList({
  keys,
  group,
  title,
  ...props
}: Omit<Props, 'known'> & { keys: string[]; group: Group; title: string }) {
  if (keys.length === 0) return null;
  return (
    <>
      <h2>{title}</h2>
      {keys.slice(0, MOST).map((key) => (
        <div key={key} class={css.pick}>
          <Choice {...props} name={columnName(group, key)} label={key} />
          {group === 'metrics' &&
            EXTREMES.map((extreme) => (
              <Choice
                {...props}
                key={extreme}
                name={extremeName(extreme, key)}
                label={extreme}
                spoken={`${extreme} ${key}`}
              />
            ))}
        </div>
      ))}
      {keys.length > MOST && <p class={ui.hint}>{keys.length - MOST} more: search for them</p>}
    </>
  );
}

/** Which metrics, parameters and tags the table shows, from those that runs here have. */
export function ColumnPicker({ known, shown, onChange }: Props) {
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
                {...{ group, title, shown, onChange }}
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
