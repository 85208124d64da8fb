import type { Mark } from '../base/api-types';
import type { Axis, Line } from './line';

/** The compact form of a series answer, as server/native/series_binary.py has it. */
export const MEDIA_TYPE = 'application/vnd.trackside.series';

const MAGIC = 0x54535331; // TSS1
const KINDS: Mark['kind'][] = ['NaN', 'Infinity', '-Infinity'];

interface Head {
  run_id: string;
  metric: string;
  points: number;
  exact: boolean;
  /** `min` and `max` are of eight bytes, not four. */
  wide: boolean;
  count: number;
  marks: number;
  origin: number;
}

/** Takes columns of numbers out of a buffer, one after the other. Browsers run on little-endian machines only. */
class Columns {
  constructor(
    private readonly buffer: ArrayBuffer,
    private at: number,
  ) {}

  /** As a plain array, since live points are added to it. Copied by hand: Array.from takes five times as long. */
  next(
    Kind: Float64ArrayConstructor | Float32ArrayConstructor | Uint8ArrayConstructor,
    count: number,
  ): number[] {
    const column = new Array<number>(count);
    const values = new Kind(this.buffer, this.at, count);
    for (let i = 0; i < count; i++) column[i] = values[i]!;
    this.at += Math.ceil((count * Kind.BYTES_PER_ELEMENT) / 8) * 8;
    return column;
  }
}

function line(head: Head, axis: Axis, columns: Columns): Line {
  const { run_id: runId, metric, points, exact, count, origin } = head;
  const step = columns.next(Float64Array, count);
  const time = columns.next(Float64Array, count);
  const last = columns.next(Float64Array, count);
  const Extremes = head.wide ? Float64Array : Float32Array;
  const min = exact ? [] : columns.next(Extremes, count);
  const max = exact ? [] : columns.next(Extremes, count);
  const places = columns.next(Float64Array, head.marks);
  const kinds = columns.next(Uint8Array, head.marks);
  const marks = places.map((x, index) => ({ x, kind: KINDS[kinds[index]!]! }));
  const x = axis === 'step' ? step.slice() : time.map((timeMs) => timeMs - origin);
  return { runId, metric, points, exact, x, step, time, last, min, max, marks };
}

/** The lines of an answer to a query on this axis. */
export function decoded(buffer: ArrayBuffer, axis: Axis): Line[] {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8 || view.getUint32(0) !== MAGIC) {
    throw new Error(
      'The server sent the points in a form that this page does not know. Load the page again.',
    );
  }
  const length = view.getUint32(4, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))) as { series: Head[] };
  const columns = new Columns(buffer, 8 + length);
  return head.series.map((one) => line(one, axis, columns));
}
