/** FLOPs of a model's forward pass for a token, at any sizes and without its config.json written out. */
import { Builder } from "../ir/build.js";
import { graphFlops } from "../ir/cost.js";
import { forward } from "./forward.js";
import type { ModelShape, Outcome } from "./library.js";

/** The shape at other sizes as far as a forward pass sees it; what config.json says of them stays as it was. */
const seenAt = (shape: ModelShape, sizes: ReadonlyMap<string, number>): ModelShape => {
  const at = <A extends { readonly name: string; readonly size: number }>(axis: A): A => ({
    ...axis,
    size: sizes.get(axis.name) ?? axis.size,
  });
  return {
    ...shape,
    axes: shape.axes.map(at),
    weights: shape.weights.map((weight) => ({
      ...weight,
      dims: weight.dims.map((dim) => dim.map(at)),
    })),
  };
};

/** Of the shape as it is, per token in windows of `context` tokens. */
export const flopsPerToken = (shape: ModelShape, context: number): Outcome<number> => {
  const builder = new Builder();
  const tokens = builder.input(
    "tokens",
    [
      { name: "window", size: 1 },
      { name: "position", size: context },
    ],
    "u32",
  );
  const pass = forward(shape, builder, { model: "model", tokens });
  if (!pass.ok) return pass;
  const flops = graphFlops({ outputs: Object.fromEntries(pass.value.values) });
  return { ok: true, value: flops / context };
};

const flopsOf = (shape: ModelShape, context: number): number => {
  const flops = flopsPerToken(shape, context);
  return flops.ok ? flops.value : Number.NaN;
};

/** Per token in windows of `context` tokens. Layers cost the same each: two models of one and two layers tell. */
export const flopsAt = (
  shape: ModelShape,
  sizes: ReadonlyMap<string, number>,
  context: number,
): number => {
  const { layerAxis } = shape;
  if (layerAxis === null) return flopsOf(seenAt(shape, sizes), context);
  const layers = sizes.get(layerAxis) ?? shape.axes.find((a) => a.name === layerAxis)?.size ?? 0;
  const [one = 0, two = 0] = [1, 2].map((count) =>
    flopsOf(seenAt(shape, new Map(sizes).set(layerAxis, count)), context),
  );
  return one + (layers - 1) * (two - one);
};
