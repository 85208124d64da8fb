import { list, oneOf, screen, text } from '../base/url';
import { formatSort, NEWEST } from './columns';

/** What the address says of the runs table. */
export const view = screen({
  filter: text(),
  sort: text(formatSort(NEWEST)),
  cols: list(),
  view: oneOf(['active', 'deleted'] as const),
  sel: list(),
});

export type RunsView = ReturnType<typeof view.parse>;
