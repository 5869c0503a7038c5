/** How many parameters an architecture has at some sizes, without building anything: what budgets and searches count by. */
import type { ModelShape, WeightShape } from "./library.js";

const count = (weights: readonly WeightShape[], sizeOf: (axis: string) => number, layers: number) =>
  weights.reduce(
    (sum, { dims, perLayer }) =>
      sum + dims.flat().reduce((n, { name }) => n * sizeOf(name), perLayer ? layers : 1),
    0,
  );

/** Parameters of the weights that a config.json asks for, each layer's counted. */
export const countParameters = (weights: readonly WeightShape[], layers: number): number => {
  const sizes = new Map(weights.flatMap(({ dims }) => dims.flat()).map((a) => [a.name, a.size]));
  return count(weights, (axis) => sizes.get(axis) ?? 0, layers);
};

/** Parameters of a shape at other sizes; axes not named keep theirs. */
export const parametersAt = (shape: ModelShape, sizes: ReadonlyMap<string, number>): number => {
  const own = new Map(shape.axes.map(({ name, size }) => [name, sizes.get(name) ?? size]));
  const sizeOf = (axis: string): number => own.get(axis) ?? 0;
  return count(shape.weights, sizeOf, shape.layerAxis === null ? 0 : sizeOf(shape.layerAxis));
};
