import { signal } from '@preact/signals';

export interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'bad';
  action?: { label: string; run: () => void };
}

export const toasts = signal<Toast[]>([]);
let next = 1;

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function toast(text: string, options: Partial<Omit<Toast, 'id' | 'text'>> = {}, ms = 10_000): void {
  const id = next++;
  toasts.value = [...toasts.value.slice(-3), { id, text, tone: 'plain', ...options }];
  setTimeout(() => dismiss(id), ms);
}

/** Runs an edit; when it fails, says why and offers to try again. */
export async function attempt(what: string, run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    toast(`${what} failed. ${reason}`, {
      tone: 'bad',
      action: { label: 'Retry', run: () => void attempt(what, run) },
    });
    return false;
  }
}
