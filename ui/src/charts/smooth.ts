/**
 * Exponential moving average without the pull towards the first value: weights sum to one at every
 * point. `weight` is 0 (nothing) to just under 1 (flat).
 */
export function smooth(values: ArrayLike<number>, weight: number): Float64Array {
  const out = new Float64Array(values.length);
  let sum = 0;
  let norm = 0;
  for (let i = 0; i < values.length; i++) {
    sum = sum * weight + values[i]!;
    norm = norm * weight + 1;
    out[i] = sum / norm;
  }
  return out;
}
