import { Pencil, Plus, X } from 'lucide';
import { useRef, useState } from 'preact/hooks';
import { Button, IconButton } from './Button';
import { Icon } from './Icon';
import { Markdown } from './Markdown';
import { Panel } from './Panels';
import css from './text.module.css';
import ui from './ui.module.css';

interface NameProps {
  value: string;
  label: string;
  onSave: (value: string) => void;
}

/** A heading that can be renamed in place: Enter keeps, Escape leaves it. */
export function EditableName({ value, label, onSave }: NameProps) {
  const [text, setText] = useState<string | null>(null);
  const cancelled = useRef(false);
  // Leaving the field finishes it, once: the keys only leave.
  const finish = () => {
    const next = text?.trim();
    setText(null);
    if (!cancelled.current && next && next !== value) onSave(next);
    cancelled.current = false;
  };
  if (text === null) {
    return (
      <div class={css.editable}>
        <h1 class="cut" title={value}>
          {value}
        </h1>
        <IconButton small label={label} icon={Pencil} onClick={() => setText(value)} />
      </div>
    );
  }
  return (
    <input
      class={ui.input}
      style={{ fontSize: '16px', fontWeight: 600, width: 'min(480px, 100%)' }}
      aria-label={label}
      autofocus
      ref={(input) => {
        if (input && document.activeElement !== input) input.focus();
      }}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onBlur={finish}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== 'Escape') return;
        cancelled.current = event.key === 'Escape';
        event.currentTarget.blur();
      }}
    />
  );
}

/** A Markdown description with its editor. */
export function Description({
  value,
  hint,
  onSave,
}: {
  value: string;
  hint: string;
  onSave: (value: string) => void;
}) {
  const [text, setText] = useState<string | null>(null);
  const save = () => {
    if (text !== null && text !== value) onSave(text);
    setText(null);
  };
  const tools = text === null && (
    <IconButton small label="Edit description" icon={Pencil} onClick={() => setText(value)} />
  );
  return (
    <Panel title="Description" tools={tools}>
      {text === null && (value ? <Markdown text={value} /> : <p class="dim">{hint}</p>)}
      {text !== null && (
        <div style={{ display: 'grid', gap: '8px' }}>
          <textarea
            class={ui.input}
            rows={Math.min(16, Math.max(5, text.split('\n').length + 1))}
            aria-label="Description, Markdown"
            autofocus
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') setText(null);
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save();
            }}
          />
          <div class="row">
            <span class={`${ui.hint} grow`}>Markdown. Ctrl+Enter saves.</span>
            <Button small onClick={() => setText(null)}>
              Cancel
            </Button>
            <Button small look="primary" onClick={save}>
              Save
            </Button>
          </div>
        </div>
      )}
    </Panel>
  );
}

interface TagsProps {
  tags: Record<string, string>;
  onSet: (key: string, value: string) => void;
  onDelete: (key: string) => void;
}

/** Tags of a run, model or version: add, change, remove. MLflow's own bookkeeping is not shown. */
export function Tags({ tags, onSet, onDelete }: TagsProps) {
  const [editing, setEditing] = useState<string | null>(null);
  const shown = Object.entries(tags).filter(([key]) => !key.startsWith('mlflow.'));
  const tools = <IconButton small label="Add tag" icon={Plus} onClick={() => setEditing('')} />;
  return (
    <Panel title="Tags" note={shown.length || undefined} tools={tools}>
      <ul style={{ display: 'grid', gap: '2px', gridTemplateColumns: 'minmax(0, 1fr)' }}>
        {shown.map(([key, value]) =>
          editing === key ? (
            <TagForm key={key} tag={[key, value]} onDone={() => setEditing(null)} onSet={onSet} />
          ) : (
            <li key={key} class={css.editable} style={{ minHeight: '26px' }}>
              <span class="grow cut" title={`${key}: ${value}`}>
                <span class="dim">{key}</span> {value}
              </span>
              <IconButton small label={`Edit tag ${key}`} icon={Pencil} onClick={() => setEditing(key)} />
              <IconButton small label={`Remove tag ${key}`} icon={X} onClick={() => onDelete(key)} />
            </li>
          ),
        )}
        {editing === '' && <TagForm tag={['', '']} onDone={() => setEditing(null)} onSet={onSet} />}
      </ul>
      {shown.length === 0 && editing === null && <p class="dim">No tags. Add one to find this again.</p>}
    </Panel>
  );
}

function TagForm({
  tag,
  onDone,
  onSet,
}: {
  tag: [string, string];
  onDone: () => void;
  onSet: TagsProps['onSet'];
}) {
  const [key, setKey] = useState(tag[0]);
  const [value, setValue] = useState(tag[1]);
  const submit = (event: Event) => {
    event.preventDefault();
    onSet(key.trim(), value);
    onDone();
  };
  return (
    <li>
      <form
        onSubmit={submit}
        class="row"
        style={{ gap: 4 }}
        onKeyDown={(event) => event.key === 'Escape' && onDone()}
      >
        {tag[0] ? (
          <span class="dim">{key}</span>
        ) : (
          <input
            class={`${ui.input} grow`}
            required
            autofocus
            placeholder="key"
            aria-label="Tag key"
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        )}
        <input
          class={`${ui.input} grow`}
          autofocus={tag[0] !== ''}
          placeholder="value"
          aria-label="Tag value"
          value={value}
          onInput={(event) => setValue(event.currentTarget.value)}
        />
        <Button small type="submit" look="primary">
          Save
        </Button>
        <IconButton small label="Cancel" icon={X} onClick={onDone} />
      </form>
    </li>
  );
}

/** A name in a rounded box, with a cross when it can be taken away. */
export function Chip({
  text,
  alias,
  onRemove,
}: {
  text: string;
  alias?: boolean;
  onRemove?: (() => void) | undefined;
}) {
  return (
    <span class={`${ui.chip} ${alias ? ui.chipAlias : ''}`}>
      <span class="cut">{alias ? `@${text}` : text}</span>
      {onRemove && (
        <button type="button" aria-label={`Remove ${text}`} onClick={onRemove}>
          <Icon of={X} size={12} />
        </button>
      )}
    </span>
  );
}
