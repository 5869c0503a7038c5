/** Whether a loss over a batch is the mean of the losses of its parts, so that training may take them one after the other. */
import { Builder } from "../ir/build.js";
import { interpret } from "../ir/interpret.js";
import type { Axis, Dense, Node } from "../ir/tensor.js";
import { sizeOf } from "../ir/tensor.js";
import { reachable } from "../ir/traverse.js";
import { type Decomposition, decompose, over } from "./decompose.js";
import { simplify } from "./simplify.js";

/** Values between 0.5 and 1.5 without a pattern, so that a quotient or a root of sums shows. */
const filled = (axes: readonly Axis[], seed: number): Dense => ({
  axes,
  data: Float64Array.from(
    { length: sizeOf(axes) },
    (_, i) => 1 + 0.5 * Math.sin(12.9898 * (i + 1) + 78.233 * seed),
  ),
});

const finished = ({ finish }: Decomposition, sums: ReadonlyMap<string, Dense>): number =>
  interpret(finish, sums).loss?.data[0] ?? Number.NaN;

/** A factor without gradient that is known only when all windows are: its value in a part is another. */
const scalesByWhole = (loss: Node, window: string): boolean =>
  reachable([loss]).some(
    (node) =>
      node.op === "stop" && !over(node, window) && reachable([node]).some((n) => over(n, window)),
  );

/** Tries sums at hand: what is not linear in them is no mean. */
const isMean = (whole: Decomposition, half: Decomposition): boolean => {
  const draw = (seed: number) =>
    new Map(whole.accumulators.map(({ name, axes }, i) => [name, filled(axes, seed + i)]));
  const [first, second] = [draw(1), draw(1000)];
  const both = new Map(
    [...first].map(([name, { axes, data }]) => [
      name,
      { axes, data: data.map((value, i) => value + (second.get(name)?.data[i] ?? 0)) },
    ]),
  );
  const mean = (finished(half, first) + finished(half, second)) / 2;
  return Math.abs(finished(whole, both) - mean) <= 1e-9 * (1 + Math.abs(mean));
};

/** `lossOf` gives the loss of so many windows, along the axis `window`. */
export const isMeanOverWindows = (
  lossOf: (builder: Builder, windows: number) => Node,
  window: string,
): boolean => {
  const splitOf = (windows: number) => {
    const builder = new Builder();
    const loss = lossOf(builder, windows);
    if (scalesByWhole(loss, window)) return null;
    return decompose(simplify(builder, { outputs: { loss } }), window, windows, 1);
  };
  const [whole, half] = [splitOf(4), splitOf(2)];
  if (whole === null || half === null || "failure" in whole || "failure" in half) return false;
  const inputs = reachable(Object.values(whole.finish.outputs)).filter(({ op }) => op === "input");
  return inputs.length <= whole.accumulators.length && isMean(whole, half);
};
