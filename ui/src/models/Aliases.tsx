import { Plus } from 'lucide';
import { useState } from 'preact/hooks';
import { Button } from '../base/Button';
import { Chip } from '../base/Edit';
import ui from '../base/ui.module.css';
import { deleteAlias, setAlias } from './data';
import css from './models.module.css';

interface Props {
  model: string;
  version: string;
  aliases: string[];
  /** Aliases of all versions, offered for moving here. */
  known: string[];
}

/** The aliases of a version as chips. Giving an alias that another version has moves it. */
export function Aliases({ model, version, aliases, known }: Props) {
  const [text, setText] = useState<string | null>(null);
  const listId = `aliases-${version}`;
  const submit = (event: Event) => {
    event.preventDefault();
    const alias = text?.trim().replace(/^@/, '');
    if (alias) setAlias(model, alias, version);
    setText(null);
  };
  return (
    <div class={css.aliases}>
      {aliases.map((alias) => (
        <Chip key={alias} alias text={alias} onRemove={() => deleteAlias(model, alias)} />
      ))}
      {text === null ? (
        <Button
          small
          look="quiet"
          icon={Plus}
          aria-label={`Add alias to version ${version}`}
          onClick={() => setText('')}
        >
          {aliases.length === 0 && 'Alias'}
        </Button>
      ) : (
        <form
          class={css.aliasForm}
          onSubmit={submit}
          onKeyDown={(event) => event.key === 'Escape' && setText(null)}
        >
          <input
            class={ui.input}
            aria-label={`Alias for version ${version}`}
            placeholder="champion"
            list={listId}
            ref={(input) => input?.focus()}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <datalist id={listId}>
            {known
              .filter((alias) => !aliases.includes(alias))
              .map((alias) => (
                <option key={alias} value={alias} />
              ))}
          </datalist>
          <Button small type="submit" look="primary">
            Set
          </Button>
        </form>
      )}
    </div>
  );
}
