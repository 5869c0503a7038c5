/** The slope of a loss by central differences in float64. */
import { interpret } from "../compiler/ir/interpret.js";
import type { Dense, Node } from "../compiler/ir/tensor.js";

type Inputs = ReadonlyMap<string, Dense>;

const scalar = (node: Node, inputs: Inputs): number =>
  interpret({ outputs: { loss: node } }, inputs).loss?.data[0] ?? Number.NaN;

/** The loss's slope along a direction of some inputs, or null where two step sizes disagree: a corner lies between. */
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
  const over = (h: number): number => (along(h) - along(-h)) / (2 * h);
  const [coarse, fine] = [over(2e-5), over(1e-5)];
  // The difference's own error, to fourth order.
  const best = (4 * fine - coarse) / 3;
  return Math.abs(coarse - fine) <= 1e-6 * Math.max(1, Math.abs(best)) ? best : null;
};
