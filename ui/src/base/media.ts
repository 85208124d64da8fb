import { signal } from '@preact/signals';

const query = matchMedia('(max-width: 720px)');

/** A phone's width: tables become cards. */
export const narrow = signal(query.matches);

query.addEventListener('change', () => {
  narrow.value = query.matches;
});
