/** The slope of a loss by central differences in float64. */
import { interpret } from "../compiler/ir/interpret.js";
import type { Dense, Node } from "../compiler/ir/tensor.js";

type Inputs = ReadonlyMap<string, Dense>;

const scalar = (node: Node, inputs: Inputs): number =>
  interpret({ outputs: { loss: node } }, inputs).loss?.data[0] ?? Number.NaN;

/** Slopes to both sides that differ by less, of a loss of the size of 1, are as near as rounding lets them be. */
const ROUNDING = 1e-8;

/**
 * The loss's slope along a direction of some inputs, or null at a corner: where two step sizes disagree, or where the slopes
 * to both sides come no nearer to each other as steps get smaller, as those of |x| at 0.
 */
export const slope = (loss: Node, inputs: Inputs, direction: Inputs): number | null => {
  const along = (step: number): number => {
    const moved = new Map(inputs);
    for (const [name, { axes, data }] of direction) {
      const start = inputs.get(name);
      if (start === undefined) throw new Error(`no ${name}`);
      moved.set(name, { axes, data: start.data.map((v, i) => v + step * (data[i] ?? 0)) });
    }
    return scalar(loss, moved);
  };
  const here = along(0);
  const both = ([2e-5, 1e-5] as const).map((h) => {
    const [after, before] = [along(h), along(-h)];
    return { slope: (after - before) / (2 * h), bend: Math.abs(after + before - 2 * here) / h };
  });
  const [coarse = Number.NaN, fine = Number.NaN] = both.map(({ slope: found }) => found);
  const [wide = Number.NaN, narrow = Number.NaN] = both.map(({ bend }) => bend);
  // Of a smooth loss the bend halves with the step.
  if (narrow > ROUNDING * Math.max(1, Math.abs(here), Math.abs(fine)) && narrow > 0.75 * wide)
    return null;
  // The difference's own error, to fourth order.
  const best = (4 * fine - coarse) / 3;
  return Math.abs(coarse - fine) <= 1e-6 * Math.max(1, Math.abs(best)) ? best : null;
};
