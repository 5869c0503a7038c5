/** Drawn models by the product's own road: library, config.json, sizes, layout, forward pass in float64; and their cuts. */

import type { Dense } from "../../compiler/ir/tensor.js";
import { tokenAxis } from "../../compiler/library/forward.js";
import type { Library, ModelShape } from "../../compiler/library/library.js";
import type { ModelLayout, PruneStage, WeightEntry } from "../../compiler/plan.js";
import { must } from "../../compiler/planning/outcome.js";
import type { SourceFile } from "../../grammar/ast.js";
import type { AxisScores } from "../../runtime/weights/decisions.js";
import type { Kept } from "../../runtime/weights/kept.js";
import type { ModelCase } from "../support/arbitraries/model.js";
import { architectureOf } from "../support/architectures.js";
import { type Place, places, randomIndices } from "../support/dense.js";
import { randomArena } from "../support/layout.js";
import { memoryHost } from "../support/memory-host.js";
import { randomIndex } from "../support/random.js";
import { arenaOf, weightsIn } from "../support/weights.js";
import type { Product } from "./mutant.js";

export interface Model {
  readonly shape: ModelShape;
  readonly layout: ModelLayout;
  readonly arena: Float32Array;
}

const stdlib = memoryHost().stdlib();
const parsed = new WeakMap<Product, Map<string, SourceFile>>();

const fileOf = (product: Product, path: string, text: string): SourceFile => {
  const known = parsed.get(product) ?? new Map<string, SourceFile>();
  parsed.set(product, known);
  const found = known.get(text);
  if (found !== undefined) return found;
  const { file, diagnostics } = product.parse(path, text);
  if (diagnostics.length > 0) throw new Error(`${path}: ${diagnostics[0]?.message}`);
  known.set(text, file);
  return file;
};

/** The standard library with these files besides, or in the place of its own. */
export const libraryWith = (product: Product, texts: Readonly<Record<string, string>>): Library => {
  const files = [...new Map([...stdlib, ...Object.entries(texts)])];
  return product.loadLibrary(files.map(([path, text]) => fileOf(product, path, text))).library;
};

const PLACE = { path: "config.json", span: { start: 0, end: 0 } };

export const shapeOf = (
  product: Product,
  library: Library,
  config: Readonly<Record<string, unknown>>,
): ModelShape => must(product.readArchitecture(library, config, PLACE));

/** The drawn model with random weights, some of its config.json replaced. */
export const modelOf = (
  product: Product,
  drawn: ModelCase,
  replaced: Readonly<Record<string, unknown>> = {},
): Model => {
  const { texts, config } = architectureOf(drawn);
  const shape = shapeOf(product, libraryWith(product, texts), { ...config(drawn), ...replaced });
  const layout = product.layoutOf("model", shape, 0);
  return { shape, layout, arena: randomArena(layout, drawn.seed) };
};

/** Every axis that can be cut but that of tokens (what reads them changes too, and has tests of its own), with what the case keeps of it; `whole` axes stay uncut. */
export const cutsOf = (
  { shape }: Model,
  { keeps }: ModelCase,
  whole: readonly string[] = [],
): PruneStage["cuts"] =>
  [...shape.along.keys()]
    .filter((axis) => !whole.includes(axis) && axis !== tokenAxis(shape))
    .map((axis, i) => {
      const from = shape.axes.find(({ name }) => name === axis)?.size ?? 0;
      const together = shape.paired.has(axis) ? 2 : 1;
      const units = from / together;
      return { axis, from, keep: ((keeps[i] ?? 0) % units || units) * together };
    });

/** Random scores of every axis that can be cut, so few different ones that many tie. */
export const randomScores = ({ shape }: Model, seed: number): readonly AxisScores[] =>
  [...shape.along].map(([axis, along], stream) => {
    const size = shape.axes.find(({ name }) => name === axis)?.size ?? 0;
    const count = along.reduce((product, step) => product * step.size, size);
    const scores = Array.from({ length: count }, (_, i) => randomIndex(seed, stream, i, 5));
    return { axis, criterion: "random", along, size, within: [], runs: false, scores };
  });

const stage = (cuts: PruneStage["cuts"]): PruneStage => ({
  kind: "prune",
  tokens: null,
  name: "cut",
  source: "model",
  scores: "merit",
  cuts,
  rescaled: {},
  folds: [],
  compensations: [],
});

export const keptBy = (
  product: Product,
  { layout }: Model,
  cuts: PruneStage["cuts"],
  tables: readonly AxisScores[],
): Kept => product.decide(stage(cuts), layout, { data: "texts", windows: [0], tables }).kept;

/** The model cut to what is kept. */
export const cutTo = async (
  product: Product,
  { shape, layout, arena }: Model,
  kept: Kept,
): Promise<Model> => {
  const sizes = new Map([...kept.values()].map(({ axis, keep }) => [axis, keep]));
  const target = must(product.resize(shape, sizes, PLACE));
  const to = product.layoutOf("cut", target, 0);
  const weights = product.prune(weightsIn(layout, arena), kept, to);
  return { shape: target, layout: to, arena: await arenaOf(weights) };
};

/** One number of a weight: where it stands by axis (the layer's too), and in the arena. */
export interface Element {
  readonly weight: WeightEntry;
  readonly place: Place;
  readonly at: number;
}

export const elementsOf = (layout: ModelLayout): readonly Element[] =>
  layout.weights.flatMap((weight) => {
    const axes = weight.dims.flat().map(({ axis, size }) => ({ name: axis, size }));
    const layer = weight.layer === null ? {} : { [layout.layerAxis ?? ""]: weight.layer };
    return places(axes).map((place, i) => ({
      weight,
      place: { ...layer, ...place },
      at: weight.offset / 4 + i,
    }));
  });

/** Reads a model's numbers by weight and place. */
export const reader = ({ layout, arena }: Model) => {
  const named = new Map(layout.weights.map((w) => [`${w.weight}@${w.layer}`, w]));
  return (weight: string, layer: number | null, place: Place): number => {
    const entry = named.get(`${weight}@${layer}`);
    const axes = entry?.dims.flat() ?? [];
    const within = axes.reduce(
      (sum, { axis, size }) => sum * size + (place[axis] ?? Number.NaN),
      0,
    );
    return arena[(entry?.offset ?? Number.NaN) / 4 + within] ?? Number.NaN;
  };
};

/** The kept units of an axis at a place, in the source's numbers. */
export const setAt = (kept: Kept, axis: string, place: Place): readonly number[] | null => {
  const cut = kept.get(axis);
  if (cut === undefined) return null;
  const row = cut.along.reduce(
    (sum, { name, size }) => sum * size + (place[name] ?? Number.NaN),
    0,
  );
  return cut.sets[row] ?? null;
};

/** A place of a cut model in the numbers of its source. */
export const sourcePlace = (kept: Kept, place: Place): Place => {
  const unitOf = (axis: string): number => {
    const cut = kept.get(axis);
    const unit = place[axis] ?? Number.NaN;
    if (cut === undefined) return unit;
    const along = Object.fromEntries(cut.along.map(({ name }) => [name, unitOf(name)]));
    return setAt(kept, axis, along)?.[unit] ?? Number.NaN;
  };
  return Object.fromEntries(Object.keys(place).map((axis) => [axis, unitOf(axis)]));
};

/** The axes at this place whose unit is not kept. */
export const removedAt = (kept: Kept, place: Place): readonly string[] =>
  Object.entries(place).flatMap(([axis, unit]) =>
    setAt(kept, axis, place)?.includes(unit) === false ? [axis] : [],
  );

/** The arena with 0 wherever `dead` says so. */
export const zeroed = (model: Model, dead: (element: Element) => boolean): Model => {
  const arena = model.arena.slice();
  for (const element of elementsOf(model.layout)) if (dead(element)) arena[element.at] = 0;
  return { ...model, arena };
};

/** The weights in float64, as the forward pass names them; `scale` multiplies one by name. */
export const weightsOf = (
  product: Product,
  { layout, arena }: Model,
  scale: (weight: string) => number = () => 1,
): ReadonlyMap<string, Dense> =>
  new Map(
    layout.weights.map(({ weight, layer, dims, offset }) => {
      const axes = dims.flat().map(({ axis, size }) => ({ name: axis, size }));
      const count = axes.reduce((sum, axis) => sum * axis.size, 1);
      const data = Float64Array.from(arena.subarray(offset / 4, offset / 4 + count));
      const scaled = data.map((value) => value * scale(weight));
      return [product.weightInput(layout.name, weight, layer), { axes, data: scaled }];
    }),
  );

/** Random tokens, and the labels after them. */
export const feedsOf = ({ words, windows, positions, seed }: ModelCase) => {
  const axes = [
    { name: "window", size: windows },
    { name: "position", size: positions },
  ];
  const drawn = (name: string): Dense => randomIndices(name, axes, seed, words);
  return { axes, values: { tokens: drawn("tokens"), labels: drawn("labels") } };
};

/** Logits over [window, position, vocab] in float64. */
export const logitsOf = (
  product: Product,
  model: Model,
  drawn: ModelCase,
  weights: ReadonlyMap<string, Dense> = weightsOf(product, model),
): Dense => {
  const builder = new product.Builder();
  const { axes, values } = feedsOf(drawn);
  const tokens = builder.input("tokens", axes, "u32");
  const { shape, layout } = model;
  const pass = must(product.forward(shape, builder, { model: layout.name, tokens }));
  const logits = pass.values.get("logits");
  if (logits === undefined) throw new Error("no logits");
  const inputs = new Map([...weights, ["tokens", values.tokens] as const]);
  const found = product.interpret({ outputs: { logits } }, inputs).logits;
  if (found === undefined) throw new Error("no logits");
  return found;
};
