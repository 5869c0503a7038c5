/**
 * Cuts a kernel's work into boxes of its axes, so that no tensor binds more than the adapter allows. Within a box a
 * tensor binds its slab: the outermost axes that the box narrows, the first of which may be a range, the rest whole.
 */

export interface Range {
  readonly start: number;
  readonly length: number;
}

/** The axes that a piece of work does not cover wholly. */
export type Box = ReadonlyMap<string, Range>;

/** Every axis whole. */
export const WHOLE: Box = new Map();

/** A tensor as a kernel walks it: its axes in storage order, by the name of the axis of the work that each follows. */
export interface Walked {
  readonly name: string;
  readonly axes: readonly {
    /** null: read at any index, so that every piece needs the axis whole. */
    readonly axis: string | null;
    readonly size: number;
  }[];
}

/** A contiguous part of a tensor, in elements. */
export interface Slab {
  readonly start: number;
  readonly count: number;
}

/** A binding begins at a multiple of 256 bytes, of numbers of 16 bits too. */
const ALIGNMENT = 128;

const elementsOf = ({ axes }: Walked): number =>
  axes.reduce((product, { size }) => product * size, 1);

/** What a tensor must bind for a box; it begins where a binding may. */
export const slabOf = (tensor: Walked, box: Box): Slab => {
  let start = 0;
  let count = elementsOf(tensor);
  for (const { axis, size } of tensor.axes) {
    const range = axis === null ? undefined : box.get(axis);
    if (range === undefined) {
      if (size === 1) continue;
      break;
    }
    const stride = count / size;
    start += range.start * stride;
    count = range.length * stride;
    if (range.length > 1) break;
  }
  const before = start % ALIGNMENT;
  return { start: start - before, count: count + before };
};

const maxElements = (maxBinding: number): number => Math.floor(maxBinding / 4) - ALIGNMENT;

/** The axis to narrow for a tensor, and to what length; null if no axis of it can be narrowed. */
const narrowing = (
  tensor: Walked,
  box: Box,
  most: number,
): { readonly axis: string; readonly size: number; readonly length: number } | null => {
  let stride = elementsOf(tensor);
  for (const { axis, size } of tensor.axes) {
    stride /= size;
    const length = axis === null ? size : (box.get(axis)?.length ?? size);
    if (length === 1) continue;
    if (axis === null) return null;
    const fitting = Math.max(1, Math.min(length - 1, Math.floor(most / stride)));
    // Multiples of 16 suit tiles and vectors.
    return { axis, size, length: fitting > 16 ? fitting - (fitting % 16) : fitting };
  }
  return null;
};

const product = (lists: readonly (readonly (readonly [string, Range])[])[]): Box[] =>
  lists
    .reduce<(readonly [string, Range])[][]>(
      (boxes, ranges) => boxes.flatMap((box) => ranges.map((range) => [...box, range])),
      [[]],
    )
    .map((entries) => new Map(entries));

/**
 * The boxes that cover the work, in order; one whole box where everything fits. Null where a tensor that is too large
 * cannot be cut along the work's axes. `maxBinding` in bytes; elements have four.
 */
export const boxesOf = (tensors: readonly Walked[], maxBinding: number): readonly Box[] | null => {
  const most = maxElements(maxBinding);
  const cuts = new Map<string, { readonly size: number; readonly length: number }>();
  const first = (): Box =>
    new Map([...cuts].map(([axis, { length }]) => [axis, { start: 0, length }]));
  for (;;) {
    const large = tensors.find((tensor) => {
      const { count } = slabOf(tensor, first());
      return count > most && (count < elementsOf(tensor) || 4 * count > maxBinding);
    });
    if (large === undefined) break;
    const narrower = narrowing(large, first(), most);
    if (narrower === null) return null;
    cuts.set(narrower.axis, narrower);
  }
  return product(
    [...cuts].map(([axis, { size, length }]) =>
      Array.from({ length: Math.ceil(size / length) }, (_, at) => {
        const start = at * length;
        return [axis, { start, length: Math.min(length, size - start) }] as const;
      }),
    ),
  );
};
