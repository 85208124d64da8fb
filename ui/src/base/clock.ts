import { signal } from '@preact/signals';

/** The time that relative times and running durations are shown against; one timer for the whole app. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
