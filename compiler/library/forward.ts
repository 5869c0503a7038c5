/** Evaluates an architecture's forward pass into tensor IR, layer by layer. */
import type {
  ArchitectureDecl,
  BodyLine,
  EachLine,
  ForwardItem,
  RequireItem,
  StateLine,
  TapLine,
  WeightItem,
} from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { hasAxis } from "../ir/axes.js";
import type { Builder } from "../ir/build.js";
import type { Input, Node } from "../ir/tensor.js";
import { evaluate } from "./elaborate.js";
import { assign, type Environment, nodeOf, type Scope } from "./environment.js";
import type {
  Carried,
  Forward,
  Library,
  Located,
  ModelShape,
  Outcome,
  Run,
  Tap,
} from "./library.js";
import { carriedInput, weightInput } from "./library.js";
import { liveInto, namesIn } from "./live.js";
import { mistake, outcome, recovering } from "./report.js";
import { BROKEN, fromJson, isTrue, NULL, numberValue, tensorValue, type Value } from "./value.js";

export interface ForwardOptions {
  /** Prefix of the weights' input names. */
  readonly model: string;
  /** u32 [window, position] */
  readonly tokens: Input;
  /** Cut the pass before each layer and after the last: values cross as inputs (library.ts, `carriedInput`). */
  readonly cut?: boolean;
  /** Layers that are left out: the next one takes what the first of them would have taken. */
  readonly without?: Run;
  readonly trial?: ForwardTrial;
}

/** A pass that is only tried, where what windows and config.json must be is left aside. */
export interface ForwardTrial {
  /** Where mistakes are gathered, line by line. */
  readonly found: Diagnostic[];
  /** Weights whose shapes have mistakes. */
  readonly broken: ReadonlySet<string>;
}

const weightItems = (shape: ModelShape, perLayer: boolean): readonly WeightItem[] =>
  shape.architecture.decl.items.flatMap((item) =>
    !perLayer && item.kind === "weight"
      ? [item]
      : perLayer && item.kind === "each-item"
        ? item.items.filter((inner): inner is WeightItem => inner.kind === "weight")
        : [],
  );

export const configEnvironment = (
  library: Library,
  builder: Builder,
  shape: Pick<ModelShape, "architecture" | "config" | "axes">,
): Environment => {
  const { file } = shape.architecture;
  const values = new Map<string, Value>();
  for (const key of [...keysOf(shape.architecture).items, ...Object.keys(shape.config)])
    values.set(key, fromJson(shape.config[key]));
  const axes = new Map(shape.axes.map((axis) => [axis.name, axis]));
  return { library, builder, file, values, axisParameters: new Map(), axes, active: [] };
};

/** Keys of config.json that an architecture names. */
interface ConfigKeys {
  /** In all but the forward pass: absent ones read as null, so that `??` can say what then. */
  readonly items: readonly string[];
  /** In the forward pass, where only keys that nothing else defines may read as absent; misspelt names must not. */
  readonly forward: readonly string[];
}

/** Names used as the left side of `??` or through a member are keys of config.json. */
const configKeys = (text: string): ReadonlySet<string> =>
  new Set(Array.from(text.matchAll(/\b(\w+)(?:\s*\?\?|\.)/g), ([, key = ""]) => key));

const findKeys = ({ file, decl }: Located<ArchitectureDecl>): ConfigKeys => {
  const forward = decl.items.filter((item) => item.kind === "forward");
  const assigned = new Set<string>();
  for (const { body } of forward) collectAssigned(body.lines, assigned);
  const keys = configKeys(file.text);
  return {
    items: namesIn(decl.items.filter((item) => item.kind !== "forward" && item.kind !== "gguf")),
    forward: namesIn(forward.map(({ body }) => body)).filter(
      (key) => keys.has(key) && !assigned.has(key),
    ),
  };
};

/** A spec tries an architecture at many sizes, and its keys do not depend on them. */
const knownKeys = new WeakMap<ArchitectureDecl, ConfigKeys>();

const keysOf = (architecture: Located<ArchitectureDecl>): ConfigKeys => {
  const known = knownKeys.get(architecture.decl);
  if (known !== undefined) return known;
  const keys = findKeys(architecture);
  knownKeys.set(architecture.decl, keys);
  return keys;
};

interface Pass extends Scope {
  readonly shape: ModelShape;
  readonly without: Run | null;
  readonly model: string;
  readonly taps: Tap[];
  readonly states: Map<string, Node | readonly Node[]>;
  /** What the segments so far hand on. */
  readonly carried: Carried[];
  /** Whether that comes into the next segment as inputs. */
  readonly cut: boolean;
  /** The axis of the data: what goes along it cannot be had again from weights alone. */
  readonly window: string;
  readonly trial: ForwardTrial | undefined;
}

/** Weights as values: present ones as inputs, absent ones as what they read as. */
const bindWeights = (pass: Pass, layer: number | null): void => {
  const { shape, model } = pass;
  for (const { names, otherwise } of weightItems(shape, layer !== null))
    for (const { name } of names) {
      const present = shape.weights.find((weight) => weight.name === name);
      const input = weightInput(model, name, layer);
      if (pass.trial?.broken.has(name) === true) assign(pass, name, BROKEN);
      else if (present !== undefined)
        assign(pass, name, tensorValue(pass.env.builder.input(input, present.dims.flat())));
      else assign(pass, name, otherwise === null ? numberValue(0) : evaluate(pass.env, otherwise));
    }
};

/** Ends a segment: of the `live` names, values that go along the window axis go on; into a cut pass they come as inputs. */
const endSegment = (pass: Pass, live: ReadonlySet<string>): void => {
  const carried = new Map<string, Node>();
  pass.values.forEach((value, name) => {
    if (live.has(name) && value.kind === "tensor" && hasAxis(value.node.axes, pass.window))
      carried.set(name, value.node);
  });
  pass.carried.push(carried);
  if (!pass.cut) return;
  for (const [name, { axes }] of carried) {
    const input = carriedInput(pass.model, name, pass.carried.length);
    assign(pass, name, tensorValue(pass.env.builder.input(input, axes)));
  }
};

/** The layer's number, under the name of the axis, and its entries of lists in config.json. */
const bindLayer = (pass: Pass, axis: string, layer: number): void => {
  const { layerLists, undecided } = pass.shape;
  assign(pass, axis, numberValue(layer));
  for (const [key, entries] of layerLists)
    assign(pass, key, undecided.has(key) ? { kind: "undecided", key } : (entries[layer] ?? NULL));
};

const runLayer = (pass: Pass, { axis, lines }: EachLine, layer: number): void => {
  const { without } = pass;
  if (without !== null && layer >= without.start && layer < without.start + without.length) return;
  bindLayer(pass, axis.name, layer);
  bindWeights(pass, layer);
  for (const line of lines) runLine(pass, line, layer);
};

/** Runs the lines of the top level, a segment around each layer. */
const runTop = (pass: Pass, lines: readonly BodyLine[]): void => {
  for (const [at, line] of lines.entries()) {
    if (line.kind !== "each") {
      runLine(pass, line, null);
      continue;
    }
    const live = new Set([...liveInto(line.lines), ...liveInto(lines.slice(at + 1))]);
    const count = pass.shape.axes.find((axis) => axis.name === line.axis.name)?.size ?? 0;
    for (let layer = 0; layer < count; layer++) {
      endSegment(pass, live);
      runLayer(pass, line, layer);
    }
    endSegment(pass, live);
  }
};

/** What must hold of the windows of the data. */
const requireHere = ({ env, shape, trial }: Pass, item: RequireItem): void => {
  const { condition } = item;
  if (trial !== undefined || isTrue(evaluate(env, condition))) return;
  const requirement = env.file.text.slice(condition.span.start, condition.span.end);
  const reason = item.reason?.value ?? null;
  const [model = ""] = shape.architecture.decl.classes.map(({ value }) => value);
  mistake("config-unsupported", env.file, condition.span, { model, requirement, reason });
};

const keepTap = (pass: Pass, line: TapLine, layer: number | null): void => {
  const { axis, name, values } = line;
  const { env, taps, trial } = pass;
  const nodes = recovering(
    trial?.found,
    () => values.map((expr) => nodeOf(env, evaluate(env, expr), expr.span)),
    null,
  );
  if (nodes === null) return;
  const into =
    line.into === null
      ? null
      : { weight: line.into.weight.name, bias: line.into.bias?.name ?? null };
  taps.push({ axis: axis.name, name: name?.name ?? null, layer, values: nodes, into });
};

const keepState = (pass: Pass, { name, value }: StateLine, layer: number | null): void => {
  const { env, states, trial } = pass;
  const node = recovering(trial?.found, () => nodeOf(env, evaluate(env, value), value.span), null);
  if (node === null) return;
  const before = states.get(name.name);
  const layers = Array.isArray(before) ? before : [];
  states.set(name.name, layer === null ? node : [...layers, node]);
};

const runLine = (pass: Pass, line: BodyLine, layer: number | null): void => {
  switch (line.kind) {
    case "assign":
      assign(
        pass,
        line.name.name,
        recovering(pass.trial?.found, () => evaluate(pass.env, line.value), BROKEN),
      );
      return;
    case "tap":
      keepTap(pass, line, layer);
      return;
    case "state":
      keepState(pass, line, layer);
      return;
    case "require":
      requireHere(pass, line);
      return;
    case "each": {
      const count = pass.shape.axes.find((axis) => axis.name === line.axis.name)?.size ?? 0;
      for (let at = 0; at < count; at++) runLayer(pass, line, at);
      return;
    }
    default:
      line satisfies never;
  }
};

const forwardItem = (shape: ModelShape): ForwardItem => {
  const { decl, file } = shape.architecture;
  const item = decl.items.find(
    (candidate): candidate is ForwardItem => candidate.kind === "forward",
  );
  return (
    item ??
    mistake("wrong-arguments", file, decl.name.span, {
      reason: `\`${decl.name.name}\` has no forward pass`,
    })
  );
};

/** The axis that the model's tokens are indices along; null where the architecture does not say. */
export const tokenAxis = (shape: ModelShape): string | null =>
  forwardItem(shape).parameters[0]?.indexOf?.name ?? null;

/** The axes that models' tokens are indices along, as wide as the vocabulary, where the architecture says. */
export const wideAxes = (shapes: readonly ModelShape[]): ReadonlySet<string> =>
  new Set(shapes.flatMap((shape) => tokenAxis(shape) ?? []));

/** The forward pass over `tokens`: the tensors assigned at its top level, and the taps of every layer. */
export const forward = (
  shape: ModelShape,
  builder: Builder,
  options: ForwardOptions,
): Outcome<Forward> =>
  outcome(() => {
    const item = forwardItem(shape);
    const [tokens] = item.parameters;
    const env = configEnvironment(shape.library, builder, shape);
    const values = new Map(env.values);
    for (const key of keysOf(shape.architecture).forward)
      if (!values.has(key)) values.set(key, fromJson(shape.config[key]));
    if (tokens !== undefined)
      values.set(tokens.name.name, {
        kind: "indices",
        input: options.tokens,
        of: tokens.indexOf?.name ?? null,
      });
    const axes = new Map(env.axes);
    for (const axis of options.tokens.axes) axes.set(axis.name, axis);
    const pass: Pass = {
      shape,
      without: options.without ?? null,
      model: options.model,
      taps: [],
      states: new Map(),
      cut: options.cut === true,
      carried: [],
      window: options.tokens.axes[0]?.name ?? "",
      trial: options.trial,
      values,
      env: { ...env, values, axes },
    };
    bindWeights(pass, null);
    runTop(pass, item.body.lines);
    const tensors = new Map(
      item.body.lines.flatMap((line) => {
        const value = line.kind === "assign" ? values.get(line.name.name) : undefined;
        return line.kind === "assign" && value?.kind === "tensor"
          ? [[line.name.name, value.node] as const]
          : [];
      }),
    );
    const { states, taps, carried, model } = pass;
    const cut = pass.cut ? { model, carried, losses: new Set<Node>() } : null;
    return { values: tensors, states, taps, carried, cut };
  });

const collectAssigned = (lines: readonly BodyLine[], into: Set<string>): void => {
  for (const line of lines) {
    if (line.kind === "assign") into.add(line.name.name);
    if (line.kind === "each") collectAssigned(line.lines, into);
  }
};
