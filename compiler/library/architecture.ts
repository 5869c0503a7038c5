/** Reads a config.json through an architecture: sizes of axes, weights that are there, which kept sets may differ. */
import type { ArchitectureDecl, Dimension, Expr, Name, WeightItem } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Span } from "../../grammar/span.js";
import { nearest } from "../../grammar/suggest.js";
import { Builder } from "../ir/build.js";
import { type Axis, sizeOf } from "../ir/tensor.js";
import type { Pairs } from "../plan-model.js";
import { evaluate } from "./elaborate.js";
import { assign, type Environment, numberOf, scopeIn, withValues } from "./environment.js";
import { configEnvironment, forward } from "./forward.js";
import { readLayerLists } from "./layer-list.js";
import type { Forward, Library, Located, ModelShape, Outcome, WeightShape } from "./library.js";
import { namesIn } from "./live.js";
import { countParameters } from "./parameters.js";
import { diagnose, mistake, outcome, recovering } from "./report.js";
import { describeValue, isTrue, numberValue } from "./value.js";

/** Where the config is named in the spec, for diagnostics that are about the model and not the library. */
export interface ConfigPlace {
  readonly path: string;
  readonly span: Span;
}

type Config = Readonly<Record<string, unknown>>;

/** More than any model has; every layer is looked at. */
const MOST_LAYERS = 1000;

const className = (config: Config): string | null => {
  const { architectures } = config;
  const first: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  return typeof first === "string" ? first : null;
};

/** What a class is called before `ForCausalLM` or the like, which all share. */
const stemOf = (name: string): string => name.replace(/(?:For|LM|Model).*$/, "");

/** The known class whose name is nearest, if it is near enough to be of the same family. */
const nearestClass = (name: string, known: readonly string[]): string | null => {
  const stem = nearest(stemOf(name), known.map(stemOf));
  return known.find((candidate) => stemOf(candidate) === stem) ?? null;
};

/** The architecture whose class the config names. */
export const findArchitecture = (
  library: Library,
  config: Config,
): Located<ArchitectureDecl> | undefined =>
  [...library.architectures.values()].find(({ decl }) =>
    decl.classes.some((name) => name.value === className(config)),
  );

/** The keys of config.json that an axis is read from, each with what it says; `known` are names of other things. */
const keysRead = (config: Config, value: Expr, known: readonly Axis[]): readonly string[] =>
  namesIn(value)
    .filter((name) => known.every((axis) => axis.name !== name))
    .map((name) =>
      Object.hasOwn(config, name)
        ? `\`${name}\` = ${JSON.stringify(config[name])}`
        : `\`${name}\`, which is not there`,
    );

/** Reads the axes in order; each is a name for the ones after it. */
const readAxes = (
  env: Environment,
  decl: ArchitectureDecl,
  config: Config,
  place: ConfigPlace,
): Axis[] => {
  const scope = scopeIn(env);
  const axes: Axis[] = [];
  for (const item of decl.items) {
    if (item.kind !== "axis") continue;
    const value = evaluate(scope.env, item.value);
    const size = value.kind === "number" ? value.value : Number.NaN;
    if (!Number.isSafeInteger(size) || size < 1)
      return mistake("config-value", place, place.span, {
        axis: item.name.name,
        value: describeValue(value),
        reads: keysRead(config, item.value, axes),
      });
    axes.push({ name: item.name.name, size });
    assign(scope, item.name.name, numberValue(size));
  }
  return axes;
};

/** Which units of each axis come in pairs. */
const readPairs = (
  env: Environment,
  decl: ArchitectureDecl,
  config: Config,
  axes: readonly Axis[],
  place: ConfigPlace,
): ReadonlyMap<string, Pairs> => {
  const paired = new Map<string, Pairs>();
  for (const item of decl.items) {
    if (item.kind !== "axis" || item.pairs === null) continue;
    const { share: part, adjacent } = item.pairs;
    const value = part === null ? numberValue(1) : evaluate(env, part);
    const share = value.kind === "number" ? value.value : Number.NaN;
    if (!(share >= 0 && share <= 1))
      return mistake("config-value", place, place.span, {
        axis: item.name.name,
        value: describeValue(value),
        reads: part === null ? [] : keysRead(config, part, axes),
      });
    if (share > 0) paired.set(item.name.name, { share, adjacent });
  }
  return paired;
};

const textOf = (env: Environment, expr: Expr): string =>
  env.file.text.slice(expr.span.start, expr.span.end);

const checkRequirements = (
  env: Environment,
  { decl }: Located<ArchitectureDecl>,
  config: Config,
  place: ConfigPlace,
): void => {
  for (const item of decl.items) {
    if (item.kind !== "require") continue;
    const value = evaluate(env, item.condition);
    if (value.kind === "number" && value.value !== 0) continue;
    const requirement = textOf(env, item.condition);
    const reason = item.reason?.value ?? null;
    const model = className(config) ?? decl.name.name;
    mistake("config-unsupported", place, place.span, { model, requirement, reason });
  }
};

const axesOf = (env: Environment, axes: readonly Axis[], names: readonly Name[]): Axis[] =>
  names.map(
    (name) =>
      axes.find((axis) => axis.name === name.name) ??
      mistake("axis-missing", env.file, name.span, {
        axis: name.name,
        has: axes.map((axis) => axis.name).join(", "),
      }),
  );

/** Axes of each weight of a tensor, and where it stands among the others. */
const placesOf = (
  env: Environment,
  axes: readonly Axis[],
  item: WeightItem,
): Pick<WeightShape, "dims" | "part">[] => {
  const { names, dims } = item;
  const dimension = dims.findIndex(({ parts }) => parts.length > 0);
  const split = dims[dimension];
  const count = split?.parts.length ?? 1;
  const twice = dims.findIndex(({ parts }, at) => at > dimension && parts.length > 0) >= 0;
  if (count !== names.length || (split !== undefined && twice))
    return mistake("wrong-arguments", env.file, item.span, {
      reason: twice
        ? "weights stand one after another along one dimension of a tensor only"
        : `this tensor holds ${count} weights, and ${names.length} are named`,
    });
  const own = (dim: Dimension, index: number): Axis[] =>
    axesOf(env, axes, [...dim.axes, ...(dim.parts[index] ?? [])]);
  const sizes = (split?.parts ?? []).map((part) => sizeOf(axesOf(env, axes, part)));
  const shared = split?.axes.length ?? 0;
  return names.map((_, index) => ({
    dims: dims.map((dim) => own(dim, index)),
    part: split === undefined ? null : { dimension, shared, sizes, index },
  }));
};

const weightOf = (
  env: Environment,
  axes: readonly Axis[],
  item: WeightItem,
  perLayer: Name | null,
  every: boolean,
): WeightShape[] => {
  const isThere = item.condition === null || isTrue(evaluate(env, item.condition));
  if (!isThere && !every) return [];
  const file = item.file.value;
  if (perLayer !== null && !file.includes("{layer}"))
    return mistake("weight-layerless", env.file, item.file.span, {
      weight: item.names.map(({ name }) => name).join(", "),
      axis: perLayer.name,
    });
  const start =
    item.start === null ? null : numberOf(env, evaluate(env, item.start), item.start.span);
  return placesOf(env, axes, item).map((place, at) => ({
    name: item.names[at]?.name ?? "",
    file,
    perLayer: perLayer !== null,
    // What is added to products and norms starts at nothing.
    start: start ?? (place.dims.length === 1 ? 0 : null),
    ...place,
  }));
};

const readWeights = (
  env: Environment,
  decl: ArchitectureDecl,
  axes: readonly Axis[],
  trial: ReadingTrial | null,
  broken: Set<string>,
): WeightShape[] => {
  const read = (item: WeightItem, perLayer: Name | null): WeightShape[] => {
    const every = trial?.everyWeight ?? false;
    const shapes = recovering(trial?.found, () => weightOf(env, axes, item, perLayer, every), null);
    if (shapes === null) for (const { name } of item.names) broken.add(name);
    return shapes ?? [];
  };
  return decl.items.flatMap((item) => {
    if (item.kind === "weight") return read(item, null);
    return item.kind === "each-item"
      ? item.items.flatMap((inner) => (inner.kind === "weight" ? read(inner, item.axis) : []))
      : [];
  });
};

/** For each tapped axis, the axes along which its kept sets may differ. */
const alongOf = (
  weights: readonly WeightShape[],
  layerAxis: Axis | undefined,
  taps: Forward["taps"],
) => {
  const along = new Map<string, Axis[]>();
  for (const axis of new Set(taps.map((tap) => tap.axis))) {
    const carriers = weights.filter((weight) => weight.dims.flat().some((a) => a.name === axis));
    const own = taps.filter((tap) => tap.axis === axis);
    const [first] = own;
    const perLayer =
      carriers.every((weight) => weight.perLayer) && own.every((tap) => tap.layer !== null);
    const candidates = (first?.values[0]?.axes ?? []).filter(
      (a) =>
        a.name !== axis &&
        carriers.every((weight) => weight.dims.flat().some((d) => d.name === a.name)),
    );
    const shared = candidates.filter((a) =>
      own.every((tap) => tap.values[0]?.axes.some((b) => b.name === a.name)),
    );
    along.set(
      axis,
      axis === layerAxis?.name
        ? []
        : [...(perLayer && layerAxis !== undefined ? [layerAxis] : []), ...shared],
    );
  }
  return along;
};

const SMALL = [
  { name: "window", size: 1 },
  { name: "position", size: 2 },
];

/** A reading of a made-up config.json, for what is wrong with the architecture itself. */
export interface ReadingTrial {
  /** Also those whose condition does not hold. */
  readonly everyWeight: boolean;
  /** Where mistakes are gathered; what the architecture requires is left aside. */
  readonly found: Diagnostic[];
}

const read = (
  library: Library,
  architecture: Located<ArchitectureDecl>,
  config: Config,
  place: ConfigPlace,
  trial: ReadingTrial | null,
): ModelShape => {
  const { decl, file } = architecture;
  const builder = new Builder();
  const bare = configEnvironment(library, builder, { architecture, config, axes: [] });
  if (trial === null) checkRequirements(bare, architecture, config, place);
  const axes = readAxes(bare, decl, config, place);
  const sized = withValues(
    bare,
    axes.map(({ name, size }) => [name, numberValue(size)]),
  );
  const broken = new Set<string>();
  const weights = readWeights(sized, decl, axes, trial, broken);
  const each = decl.items.find((item) => item.kind === "each-item");
  const layerAxis = axes.find((axis) => each?.kind === "each-item" && axis.name === each.axis.name);
  if (layerAxis !== undefined && layerAxis.size > MOST_LAYERS)
    mistake("config-value", place, place.span, {
      axis: layerAxis.name,
      value: describeValue(numberValue(layerAxis.size)),
      reads: [],
      most: MOST_LAYERS,
    });
  if (each !== undefined && layerAxis === undefined)
    return mistake("axis-missing", file, decl.name.span, {
      axis: "of `each`",
      has: axes.map((axis) => axis.name).join(", "),
    });
  const shape: ModelShape = {
    library,
    architecture,
    config,
    axes,
    paired: readPairs(bare, decl, config, axes, place),
    layerAxis: layerAxis?.name ?? null,
    weights,
    along: new Map(),
    layerLists: readLayerLists(sized, { architecture, config, axes }, place),
    undecided: new Set(),
    parameters: countParameters(weights, layerAxis?.size ?? 0),
  };
  // One layer shows every tap.
  const thin = {
    ...shape,
    axes: axes.map((axis) => (axis === layerAxis ? { ...axis, size: 1 } : axis)),
  };
  const pass = forward(thin, builder, {
    model: "model",
    tokens: builder.input("tokens", SMALL, "u32"),
    ...(trial === null ? {} : { trial: { found: trial.found, broken } }),
  });
  if (!pass.ok) throw new ForwardFailed(pass.diagnostics);
  return { ...shape, along: alongOf(weights, layerAxis, pass.value.taps) };
};

class ForwardFailed extends Error {
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super();
  }
}

/** Reads a config.json; what is wrong with it is placed at `place`. */
export const readArchitecture = (
  library: Library,
  config: Config,
  place: ConfigPlace,
): Outcome<ModelShape> => {
  const architecture = findArchitecture(library, config);
  if (architecture === undefined) {
    const name = className(config);
    const known = [...library.architectures.values()].flatMap(({ decl }) =>
      decl.classes.map(({ value }) => value),
    );
    return {
      ok: false,
      diagnostics: [
        diagnose("unknown-architecture", place, place.span, {
          name,
          near: name === null ? null : nearestClass(name, known),
          known,
        }),
      ],
    };
  }
  return reading(() => read(library, architecture, config, place, null));
};

const reading = (work: () => ModelShape): Outcome<ModelShape> => {
  try {
    return outcome(work);
  } catch (error) {
    if (error instanceof ForwardFailed) return { ok: false, diagnostics: error.diagnostics };
    throw error;
  }
};

/** Reads a made-up config.json through an architecture. */
export const tryArchitecture = (
  library: Library,
  architecture: Located<ArchitectureDecl>,
  config: Config,
  trial: ReadingTrial,
): Outcome<ModelShape> => {
  const { path } = architecture.file;
  const place = { path, span: architecture.decl.name.span };
  return reading(() => read(library, architecture, config, place, trial));
};

/** The axes that a config.json gives, or why it gives none. */
export const axesIn = (
  library: Library,
  architecture: Located<ArchitectureDecl>,
  config: Config,
  place: ConfigPlace,
): Outcome<readonly Axis[]> =>
  outcome(() => {
    const env = configEnvironment(library, new Builder(), { architecture, config, axes: [] });
    return readAxes(env, architecture.decl, config, place);
  });
