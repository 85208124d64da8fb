import { commands } from '../base/commands';
import { Dialog } from '../base/Dialog';
import { href } from '../base/location';
import { Keys } from './Shell';
import css from './shell.module.css';

/** The keys that work on this page, from the same list that runs them. */
export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <div class={css.help}>
        {commands.value
          .filter((command) => command.keys)
          .map((command) => (
            <>
              <span>{command.name}</span>
              <span style={{ justifySelf: 'end' }}>
                <Keys of={command.keys ?? ''} />
              </span>
            </>
          ))}
      </div>
      <a href={href('licenses.txt')} target="_blank" rel="noreferrer" class={css.licences}>
        Licences
      </a>
    </Dialog>
  );
}
