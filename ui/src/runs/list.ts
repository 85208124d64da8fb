import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../base/api';
import { narrow } from '../base/media';
import { usePlace } from '../base/place';
import { useVirtualRows } from '../base/virtual';
import { useLiveRuns } from './live';
import { type TableQuery, usePages } from './pages';
import { CARD, HEAD, ROW } from './RunsTable';
import { pagesFor } from './rows';

/** A list of runs on screen: which rows are near the view, their pages, where it was left, what is new. */
export function useRunList(id: string, query: TableQuery, counted: number | null) {
  const scroller = useRef<HTMLDivElement>(null);
  const [length, setLength] = useState(0);
  const height = narrow.value ? CARD : ROW;
  const rows = useVirtualRows(scroller, length, height, narrow.value ? 0 : HEAD);
  const pages = usePages(query, pagesFor(rows.first, rows.last, length), counted);
  const total = pages.extent?.rows ?? null;
  useEffect(() => setLength(total ?? 0), [total]);
  usePlace(scroller, JSON.stringify([id, query.filter, query.order_by, query.view]), length > 0);
  const live = useLiveRuns(id, query, total, rows.first > 0);
  return {
    ...live,
    scroller,
    rows,
    pages,
    total,
    /** The server's words about a filter it could not read. */
    badFilter:
      query.filter && pages.error instanceof ApiError && pages.error.status === 400
        ? pages.error.message
        : '',
    toTop: () => scroller.current?.scrollTo({ top: 0 }),
  };
}

export type RunList = ReturnType<typeof useRunList>;
