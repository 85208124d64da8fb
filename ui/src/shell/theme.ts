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

const media = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(media.matches);
media.addEventListener('change', () => {
  systemDark.value = media.matches;
});

/** Whoever reads this while it renders, a canvas above all, renders again when the colours change. */
export function isDark(): boolean {
  return theme.value === 'dark' || (theme.value === 'system' && systemDark.value);
}
