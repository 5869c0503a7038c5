/**
 * What becomes of a weight's numbers where axes are cut, as `cut WEIGHT = …` of an architecture says: a scale and a shift,
 * for models that compute with the size of an axis itself.
 */
import type { CutItem } from "../../grammar/ast.js";
import { Builder } from "../ir/build.js";
import { evaluate } from "./elaborate.js";
import { numberOf, withValue, withValues } from "./environment.js";
import { configEnvironment } from "./forward.js";
import type { ModelShape, Outcome } from "./library.js";
import { mistake, outcome } from "./report.js";
import { numberValue, type Value } from "./value.js";

/** w becomes scale · w + shift. */
export interface Rescale {
  readonly scale: number;
  readonly shift: number;
}

const sizesOf = ({ axes }: ModelShape): ReadonlyMap<string, Value> =>
  new Map(axes.map(({ name, size }) => [name, numberValue(size)]));

/** The expression at weights of 0 and 1 says all, if it is a scale and a shift; at 2 it must then be what they make. */
const rescaleOf = (before: ModelShape, after: ModelShape, item: CutItem): Rescale => {
  const { file } = after.architecture;
  const bare = configEnvironment(after.library, new Builder(), after);
  const env = withValues(bare, [
    ...sizesOf(after),
    ["before", { kind: "record", members: sizesOf(before) }],
  ]);
  const at = (weight: number): number => {
    const given = withValue(env, item.weight.name, numberValue(weight));
    return numberOf(given, evaluate(given, item.value), item.value.span);
  };
  const shift = at(0);
  const scale = at(1) - shift;
  const straight = Math.abs(at(2) - (2 * scale + shift)) <= 1e-9 * Math.max(1, Math.abs(at(2)));
  if (!straight || !Number.isFinite(scale))
    mistake("wrong-arguments", file, item.value.span, {
      reason: `this is no multiple of \`${item.weight.name}\` with a number added`,
    });
  return { scale, shift };
};

/** By weight, for those that change when `before` is cut to `after`. */
export const rescaled = (
  before: ModelShape,
  after: ModelShape,
): Outcome<ReadonlyMap<string, Rescale>> =>
  outcome(() => {
    const items = after.architecture.decl.items.filter(
      (item): item is CutItem => item.kind === "cut",
    );
    const all = items.map((item) => [item.weight.name, rescaleOf(before, after, item)] as const);
    return new Map(all.filter(([, { scale, shift }]) => scale !== 1 || shift !== 0));
  });
