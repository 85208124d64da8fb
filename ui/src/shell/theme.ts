import { signal } from '@preact/signals';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'trackside.theme';

function stored(): Theme {
  const value = document.documentElement.dataset.theme as Theme;
  return THEMES.includes(value) ? value : 'system';
}

export const theme = signal<Theme>(stored());

/** Set on the root element too, which is what the page's first inline line does before anything is drawn. */
export function setTheme(next: Theme): void {
  theme.value = next;
  document.documentElement.dataset.theme = next;
  localStorage.setItem(KEY, next);
}

/** Grows whenever the colours on screen change: canvases read it and draw again. */
export const colours = signal(0);

theme.subscribe(() => {
  colours.value = colours.peek() + 1;
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  colours.value = colours.peek() + 1;
});

export function isDark(): boolean {
  return (
    theme.value === 'dark' || (theme.value === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  );
}
