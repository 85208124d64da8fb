import { css, type Ink } from './palette';

/** A piece of the run's line, as the charts draw it. */
export function Swatch({ ink }: { ink: Ink }) {
  return (
    <svg width="24" height="4" aria-hidden="true" style={{ flex: 'none' }}>
      <line
        x1="0"
        y1="2"
        x2="24"
        y2="2"
        stroke-width="2"
        stroke-dasharray={ink.dash.join(' ')}
        style={{ stroke: css(ink.colour) }}
      />
    </svg>
  );
}
