import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from './Button';
import css from './overlays.module.css';
import ui from './ui.module.css';

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** With `action` the dialog is a form; an error thrown by `onSubmit` is shown in it. */
  action?: string;
  danger?: boolean;
  onSubmit?: () => Promise<void>;
}

/** A modal dialog for as long as it is rendered. Escape and a click outside close it. */
export function Dialog({ title, onClose, children, action, danger = false, onSubmit }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setWrong('');
    try {
      await onSubmit?.();
      onClose();
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <dialog
      ref={ref}
      class={css.dialog}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => event.target === ref.current && onClose()}
    >
      <form onSubmit={submit}>
        <h2 class={css.dialogHead}>{title}</h2>
        <div class={css.dialogBody}>
          {children}
          {wrong && (
            <p class={ui.wrong} role="alert">
              {wrong}
            </p>
          )}
        </div>
        {action && (
          <div class={css.dialogFoot}>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look={danger ? 'danger' : 'primary'} disabled={busy}>
              {action}
            </Button>
          </div>
        )}
      </form>
    </dialog>
  );
}

interface AskProps {
  title: string;
  label: string;
  action: string;
  value?: string;
  onClose: () => void;
  onSubmit: (value: string) => Promise<void>;
}

/** Asks for one line of text. */
export function Ask({ title, label, action, value = '', onClose, onSubmit }: AskProps) {
  const [text, setText] = useState(value);
  return (
    <Dialog title={title} action={action} onClose={onClose} onSubmit={() => onSubmit(text.trim())}>
      <label class={ui.field}>
        <span>{label}</span>
        <input
          class={ui.input}
          required
          autofocus
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
    </Dialog>
  );
}
