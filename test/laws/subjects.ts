/** Drawn models as the laws are tried on them: by the product's own road from a library and a config.json. */
import type fc from "fast-check";
import type { CriterionUse, Library, ModelShape } from "../../compiler/library/library.js";
import { must } from "../../compiler/planning/outcome.js";
import type { Expr, SourceFile } from "../../grammar/ast.js";
import type { Criteria, Draw, LossUse, Subject, Trial } from "../../laws/law.js";
import type { Model } from "../../laws/model.js";
import { type ModelCase, modelCase } from "../support/arbitraries/model.js";
import { ARCHITECTURES, architectureOf } from "../support/architectures.js";
import { stdlibTexts } from "../support/memory-host.js";
import type { Product } from "./mutant.js";

const stdlib = stdlibTexts();
const parsed = new WeakMap<Product, Map<string, SourceFile>>();
const libraries = new WeakMap<Product, Map<string, Library>>();

const within = <V>(maps: WeakMap<Product, Map<string, V>>, product: Product): Map<string, V> => {
  const own = maps.get(product) ?? new Map<string, V>();
  maps.set(product, own);
  return own;
};

const fileOf = (product: Product, path: string, text: string): SourceFile => {
  const known = within(parsed, product);
  const found = known.get(text);
  if (found !== undefined) return found;
  const { file, diagnostics } = product.parse(path, text);
  if (diagnostics.length > 0) throw new Error(`${path}: ${diagnostics[0]?.message}`);
  known.set(text, file);
  return file;
};

/** The standard library with these files besides. */
export const libraryWith = (product: Product, texts: Readonly<Record<string, string>>): Library => {
  const known = within(libraries, product);
  const key = JSON.stringify(texts);
  const found = known.get(key);
  if (found !== undefined) return found;
  const files = [...stdlib, ...Object.entries(texts)];
  const { library } = product.loadLibrary(files.map(([path, text]) => fileOf(product, path, text)));
  known.set(key, library);
  return library;
};

const PLACE = { path: "config.json", span: { start: 0, end: 0 } };

export const shapeOf = (
  product: Product,
  library: Library,
  config: Readonly<Record<string, unknown>>,
): ModelShape => must(product.readArchitecture(library, config, PLACE));

export const drawnShape = (product: Product, drawn: ModelCase): ModelShape => {
  const { texts, config } = architectureOf(drawn);
  return shapeOf(product, libraryWith(product, texts), config(drawn));
};

/** The drawn model with random weights. */
export const drawnModel = (product: Product, drawn: ModelCase): Model =>
  product.modelOf(drawnShape(product, drawn), drawn.seed);

const expressionOf = (product: Product, text: string): { file: SourceFile; value: Expr } => {
  const { file } = product.parse("spec.prune", `let value = ${text}\n`);
  const [declaration] = file.declarations;
  if (declaration?.kind !== "binding") throw new Error(`${text} is no expression`);
  return { file, value: declaration.value };
};

/** `activation(batch: l2, position: mean)` or a criterion's name alone. */
export const criterionOf = (product: Product, library: Library, text: string): CriterionUse => {
  const { value } = expressionOf(product, text);
  const callee = value.kind === "call" ? value.callee : value;
  const name = callee.kind === "name" ? callee.name : "";
  const definition = library.definitions.criterion.get(name);
  if (definition === undefined) throw new Error(`no criterion ${text}`);
  const args = value.kind === "call" ? value.args : [];
  const named = args.map((arg) => [arg.name?.name ?? "", arg.value] as const);
  return { definition, args: new Map(named), tap: null, text };
};

export const lossOf = (product: Product, text: string): LossUse => {
  const { file, value } = expressionOf(product, text);
  return { expr: { file, decl: value }, layers: null };
};

/** By axis, what scores it: `layers` the axis of layers, `units` all others. */
export const criteriaOf = (
  product: Product,
  shape: ModelShape,
  units: string,
  layers: string,
): Criteria =>
  new Map(
    [...shape.along.keys()].map((axis) => [
      axis,
      criterionOf(product, shape.library, axis === shape.layerAxis ? layers : units),
    ]),
  );

export interface Measured {
  /** Criteria of units, one set for each; layers by the architecture's own. */
  readonly units?: readonly string[];
  readonly losses?: readonly string[];
}

const SMALL: Omit<ModelCase, "kind"> = {
  ...{ layers: 1, width: 1, groups: 1, heads: 1, half: 1, inner: 1, words: 1 },
  ...{ biases: false, tied: false, terse: false, keeps: [], windows: 1, positions: 1, seed: 0 },
};

/** Each of the architectures that laws of models are tried on. */
export const subjectsOf = (
  product: Product,
  { units = [], losses = [] }: Measured,
): readonly Subject<ModelCase>[] =>
  ARCHITECTURES.map(({ layerCriterion }, kind): Subject<ModelCase> => {
    const sizes: fc.Arbitrary<ModelCase> = modelCase.map((drawn) => ({ ...drawn, kind }));
    const any = drawnShape(product, { ...SMALL, kind });
    return {
      name: `architecture ${kind}`,
      sizes,
      shapeAt: (drawn) => drawnShape(product, drawn),
      criteria: units.map((text) => criteriaOf(product, any, text, layerCriterion)),
      losses: losses.map((text) => lossOf(product, text)),
    };
  });

/** The case as the laws take one. */
export const trialOf = (product: Product, drawn: ModelCase): Trial => {
  const { seed, keeps, windows, positions } = drawn;
  const draw: Draw = { seed, keeps, windows, positions, batch: 1, pick: 0 };
  return { ...draw, shape: drawnShape(product, drawn), criteria: [], losses: [] };
};
