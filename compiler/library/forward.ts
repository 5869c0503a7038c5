/** Evaluates an architecture's forward pass into tensor IR, layer by layer. */
import type { BodyLine, ForwardItem, WeightItem } from "../../grammar/ast.js";
import type { Builder } from "../ir/build.js";
import type { Input } from "../ir/tensor.js";
import { evaluate } from "./elaborate.js";
import { type Environment, nodeOf, withValue } from "./environment.js";
import type { Forward, Library, ModelShape, Outcome, Tap } from "./library.js";
import { weightInput } from "./library.js";
import { mistake, outcome } from "./report.js";
import { fromJson, numberValue, tensorValue, type Value } from "./value.js";

export interface ForwardOptions {
  /** Prefix of the weights' input names. */
  readonly model: string;
  /** u32 [window, position] */
  readonly tokens: Input;
}

const weightItems = (shape: ModelShape, perLayer: boolean): readonly WeightItem[] =>
  shape.architecture.decl.items.flatMap((item) =>
    !perLayer && item.kind === "weight"
      ? [item]
      : perLayer && item.kind === "each-item"
        ? item.items
        : [],
  );

/** Weights as values: present ones as inputs, absent ones as what they read as. */
const bindWeights = (
  env: Environment,
  shape: ModelShape,
  model: string,
  layer: number | null,
): Environment => {
  let bound = env;
  for (const item of weightItems(shape, layer !== null)) {
    const name = item.name.name;
    const present = shape.weights.find((weight) => weight.name === name);
    let value: Value;
    if (present !== undefined)
      value = tensorValue(env.builder.input(weightInput(model, name, layer), present.dims.flat()));
    else value = item.otherwise === null ? numberValue(0) : evaluate(bound, item.otherwise);
    bound = withValue(bound, name, value);
  }
  return bound;
};

export const configEnvironment = (
  library: Library,
  builder: Builder,
  shape: Pick<ModelShape, "architecture" | "config" | "axes">,
): Environment => {
  const { file, decl } = shape.architecture;
  const keys = configKeys(decl.items.flatMap((item) => (item.kind === "forward" ? [] : [item])));
  const values = new Map<string, Value>();
  for (const key of [...keys, ...Object.keys(shape.config)])
    values.set(key, fromJson(shape.config[key]));
  const axes = new Map(shape.axes.map((axis) => [axis.name, axis]));
  return { library, builder, file, values, axisParameters: new Map(), axes, active: [] };
};

/** Keys that items name: absent ones read as null, so that `??` can say what then. */
const configKeys = (items: readonly unknown[]): string[] => {
  const keys = new Set<string>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const inner of node) visit(inner);
      return;
    }
    if (typeof node !== "object" || node === null) return;
    if ("kind" in node && node.kind === "name" && "name" in node) keys.add(String(node.name));
    // A callee is a function, never a key.
    for (const [field, inner] of Object.entries(node)) if (field !== "callee") visit(inner);
  };
  visit(items);
  return [...keys];
};

interface Pass {
  readonly shape: ModelShape;
  readonly model: string;
  readonly taps: Tap[];
  env: Environment;
}

const runLine = (pass: Pass, line: BodyLine, layer: number | null): void => {
  switch (line.kind) {
    case "assign":
      pass.env = withValue(pass.env, line.name.name, evaluate(pass.env, line.value));
      return;
    case "tap":
      pass.taps.push({
        axis: line.axis.name,
        layer,
        values: line.values.map((expr) => nodeOf(pass.env, evaluate(pass.env, expr), expr.span)),
      });
      return;
    case "each": {
      const count = pass.shape.axes.find((axis) => axis.name === line.axis.name)?.size ?? 0;
      for (let at = 0; at < count; at++) {
        pass.env = bindWeights(pass.env, pass.shape, pass.model, at);
        for (const inner of line.lines) runLine(pass, inner, at);
      }
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

/** Config keys that the forward pass names. */
const forwardKeys = (item: ForwardItem): string[] => configKeys([item.body]);

/** The forward pass over `tokens`: the tensors assigned at its top level, and the taps of every layer. */
export const forward = (
  shape: ModelShape,
  builder: Builder,
  options: ForwardOptions,
): Outcome<Forward> =>
  outcome(() => {
    const item = forwardItem(shape);
    const [tokens] = item.parameters;
    let env = configEnvironment(shape.library, builder, shape);
    const assigned = new Set<string>();
    collectAssigned(item.body.lines, assigned);
    // Only keys that nothing else defines may read as absent; misspelt names must not.
    const absent = forwardKeys(item).filter(
      (key) => isConfigKey(shape, key) && !env.values.has(key) && !assigned.has(key),
    );
    for (const key of absent) env = withValue(env, key, fromJson(shape.config[key]));
    if (tokens !== undefined)
      env = withValue(env, tokens.name.name, {
        kind: "indices",
        input: options.tokens,
        of: tokens.indexOf?.name ?? null,
      });
    const sizes = new Map(env.axes);
    for (const axis of options.tokens.axes) sizes.set(axis.name, axis);
    const pass: Pass = {
      shape,
      model: options.model,
      taps: [],
      env: bindWeights({ ...env, axes: sizes }, shape, options.model, null),
    };
    for (const line of item.body.lines) runLine(pass, line, null);
    const values = new Map(
      item.body.lines.flatMap((line) => {
        const value = line.kind === "assign" ? pass.env.values.get(line.name.name) : undefined;
        return line.kind === "assign" && value?.kind === "tensor"
          ? [[line.name.name, value.node] as const]
          : [];
      }),
    );
    return { values, taps: pass.taps };
  });

const collectAssigned = (lines: readonly BodyLine[], into: Set<string>): void => {
  for (const line of lines) {
    if (line.kind === "assign") into.add(line.name.name);
    if (line.kind === "each") collectAssigned(line.lines, into);
  }
};

/** Names used as the left side of `??` or through a member are keys of config.json. */
const isConfigKey = (shape: ModelShape, key: string): boolean => {
  const text = shape.architecture.file.text;
  return new RegExp(`\\b${key}\\s*\\?\\?|\\b${key}\\.`).test(text);
};
