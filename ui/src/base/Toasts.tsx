import { X } from 'lucide';
import { Icon } from './Icon';
import css from './overlays.module.css';
import { dismiss, toasts } from './toast';

export function Toasts() {
  return (
    <div class={css.toasts} role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`${css.toast} ${toast.tone === 'bad' ? css.toastBad : ''}`}>
          <span class="grow">{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              onClick={() => {
                dismiss(toast.id);
                toast.action?.run();
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button type="button" class={css.close} aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
            <Icon of={X} size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
