import { css as colourOf, hash, type Ink, LIGHT } from '../charts/palette';

/** The run's colour: its own, or the one it has beside others. */
export function RunDot({ id, ink }: { id: string; ink?: Ink | undefined }) {
  const background = colourOf(ink?.colour ?? hash(id) % LIGHT.length);
  return (
    <span
      aria-hidden="true"
      style={{ width: '8px', height: '8px', borderRadius: '4px', flex: 'none', background }}
    />
  );
}
