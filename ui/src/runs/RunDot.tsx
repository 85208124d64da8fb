import { css as colourOf, hash, LIGHT } from '../charts/palette';

/** The run's colour, the same in every table and chart. */
export function RunDot({ id }: { id: string }) {
  const background = colourOf(hash(id) % LIGHT.length);
  return (
    <span
      aria-hidden="true"
      style={{ width: '8px', height: '8px', borderRadius: '4px', flex: 'none', background }}
    />
  );
}
