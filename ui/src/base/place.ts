import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

const MOST_PLACES = 100;

/** How far each list was scrolled when it was left. */
const places = new Map<string, number>();

/** Did the browser's Back or Forward lead here? A link leads to the top. */
let returning = false;

/** To be called before the first render: the router draws the page as soon as it hears of a Back. */
export function watchReturns(): void {
  const leave = () => {
    returning = false;
  };
  addEventListener('popstate', () => {
    returning = true;
  });
  addEventListener('pointerdown', leave, true);
  addEventListener('keydown', leave, true);
}

/** Back shows a list where it was left. `ready` once the rows have their height. */
export function usePlace(scroller: RefObject<HTMLElement | null>, list: string, ready: boolean): void {
  const arriving = useRef(returning);
  useLayoutEffect(() => {
    if (!ready || !arriving.current) return;
    arriving.current = false;
    scroller.current?.scrollTo({ top: places.get(list) ?? 0 });
  }, [ready]);
  useEffect(() => {
    const element = scroller.current;
    if (!ready || !element) return;
    const note = () => {
      places.delete(list);
      places.set(list, element.scrollTop);
      if (places.size > MOST_PLACES) places.delete(places.keys().next().value!);
    };
    element.addEventListener('scroll', note, { passive: true });
    return () => element.removeEventListener('scroll', note);
  }, [ready, list]);
}
