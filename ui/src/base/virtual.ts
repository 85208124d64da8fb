import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  observeWindowOffset,
  observeWindowRect,
  Virtualizer,
  type VirtualizerOptions,
  windowScroll,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useState } from 'preact/hooks';

export interface Rows {
  first: number;
  last: number;
  total: number;
  scrollTo: (index: number) => void;
}

function useRows<S extends Element | Window>(
  count: number,
  size: number,
  own: Pick<
    VirtualizerOptions<S, HTMLElement>,
    'getScrollElement' | 'observeElementRect' | 'observeElementOffset' | 'scrollToFn'
  >,
  margin: number,
): Rows {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const options: VirtualizerOptions<S, HTMLElement> = {
    ...own,
    count,
    estimateSize: () => size,
    overscan: 12,
    scrollMargin: margin,
    scrollPaddingStart: margin,
    onChange: () => redraw(0),
  };
  const [virtualizer] = useState(() => new Virtualizer<S, HTMLElement>(options));
  const before = virtualizer.options;
  virtualizer.setOptions(options);
  // Rows of another height: what was measured of the old ones is forgotten.
  if (before.estimateSize(0) !== size) virtualizer.measure();
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  const items = virtualizer.getVirtualItems();
  return {
    first: items[0]?.index ?? 0,
    last: items.at(-1)?.index ?? -1,
    total: count * size,
    scrollTo: (index) => virtualizer.scrollToIndex(index),
  };
}

/** Which rows of a scrolled list must exist. All rows are `size` pixels high. */
export function useVirtualRows(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  size: number,
  margin = 0,
): Rows {
  const own = {
    getScrollElement: () => scroller.current,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
  };
  return useRows<HTMLElement>(count, size, own, margin);
}

const PAGE = {
  getScrollElement: () => window,
  observeElementRect: observeWindowRect,
  observeElementOffset: observeWindowOffset,
  scrollToFn: windowScroll,
};

/** The same for a list that scrolls with the page; `list` is the element that begins with the first row. */
export function usePageRows(list: RefObject<HTMLElement | null>, count: number, size: number): Rows {
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    if (list.current) setTop(Math.round(list.current.getBoundingClientRect().top + scrollY));
  });
  return useRows<Window>(count, size, PAGE, top);
}
