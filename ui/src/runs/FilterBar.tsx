import { Filter, X } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { IconButton } from '../base/Button';
import { Icon } from '../base/Icon';
import ui from '../base/ui.module.css';
import css from './runs.module.css';

interface Props {
  value: string;
  /** The server's words about a filter it could not read. */
  error: string;
  onApply: (filter: string) => void;
}

/** One line in the server's own filter language; Enter applies it. */
export function FilterBar({ value, error, onApply }: Props) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <form
      class={css.filter}
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        onApply(text.trim());
      }}
    >
      <div class="row" style={{ gap: '4px' }}>
        <label class={`${ui.search} grow`}>
          <Icon of={Filter} size={14} />
          <input
            id="filter"
            class={ui.input}
            spellcheck={false}
            autocomplete="off"
            aria-label="Filter runs"
            aria-invalid={error !== ''}
            aria-describedby={error ? 'filter-error' : undefined}
            placeholder={`Filter, for example  metrics.loss < 0.5 AND params.lr = '0.001'`}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
          />
        </label>
        {value && <IconButton label="Remove the filter" icon={X} onClick={() => onApply('')} />}
      </div>
      {error && (
        <p id="filter-error" class={ui.wrong} role="alert">
          {error}
        </p>
      )}
    </form>
  );
}
