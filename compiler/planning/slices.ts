/** Which tokens a program takes at a time through what is as wide as the vocabulary. */
import type { Axis, Node } from "../ir/tensor.js";
import { type Region, slicesAlong } from "../passes/region.js";
import { type Target, tensorBytes } from "../schedule/target.js";

/** The axes of a micro-batch or batch: windows, and positions in each. */
export type TokenAxes = readonly [window: Axis, position: Axis];

/** Some positions of some windows, one after the other in every tensor that begins with both axes. */
export interface Slice {
  /** The first token, counted through all windows. */
  readonly start: number;
  readonly sizes: TokenAxes;
}

/** A slice of anything with four bytes a token begins where a binding may. */
const ALIGNED_TOKENS = 64;

export const goesAlong = (axes: readonly Axis[], [window, position]: TokenAxes): boolean =>
  axes.some(({ name }) => name === window.name || name === position.name);

/** Window and position come first, so that a slice is one range of memory. */
const leads = (axes: readonly Axis[], [window, position]: TokenAxes): boolean =>
  axes[0]?.name === window.name && axes[1]?.name === position.name;

const ranges = (size: number, step: number): readonly { start: number; length: number }[] =>
  Array.from({ length: Math.ceil(size / step) }, (_, at) => ({
    start: at * step,
    length: Math.min(step, size - at * step),
  }));

const cutInto = (
  [window, position]: TokenAxes,
  windows: number,
  positions: number,
): readonly Slice[] =>
  ranges(window.size, windows).flatMap((w) =>
    ranges(position.size, positions).map((p) => ({
      start: w.start * position.size + p.start,
      sizes: [
        { name: window.name, size: w.length },
        { name: position.name, size: p.length },
      ] as const,
    })),
  );

/**
 * Larger slices keep a GPU busy. Some three tensors of one live at once, and may take so much each of what lives anyway.
 */
const SHARE = 1 / 12;

/** Twice as many tokens as asked for, and twice again, while a tensor with `bytes` a token takes no more than `room`. */
const tokensWithin = (asked: number, bytes: number, room: number): number => {
  let tokens = asked;
  while (2 * tokens * bytes <= room) tokens *= 2;
  return tokens;
};

/**
 * The slices of a region: one that is the whole where more do not pay, or do not add up. `living`: the bytes of weights and
 * gradients, beside which a slice should take little.
 */
export const slicesOf = (
  region: Region,
  axes: TokenAxes,
  { slices: asked, memory, maxBinding }: Target,
  living: number,
): readonly Slice[] => {
  const [window, position] = axes;
  const whole: readonly Slice[] = [{ start: 0, sizes: axes }];
  if (asked === null) return whole;
  const largest = Math.max(...[...region.nodes].map((node) => tensorBytes(node.axes)));
  const all = window.size * position.size;
  const room = memory === null ? Math.min(maxBinding, SHARE * living) : 0;
  const tokens = tokensWithin(asked.tokens, largest / all, room);
  if (all <= tokens || largest < asked.leastBytes) return whole;
  const along = (node: Node): boolean => goesAlong(node.axes, axes);
  const outside = [...region.reads, ...region.results].filter(along);
  if (!outside.every((node) => leads(node.axes, axes)) || !slicesAlong(region, window))
    return whole;
  const within = position.size > tokens && slicesAlong(region, position);
  const slices = within
    ? cutInto(axes, 1, tokens)
    : cutInto(axes, Math.max(1, Math.floor(tokens / position.size)), position.size);
  return slices.every(({ start }) => start % ALIGNED_TOKENS === 0) ? slices : whole;
};
