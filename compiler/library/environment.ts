/** Where library expressions are evaluated: names, axes, and the builder they build into. */
import type { DefinitionDecl, Name, SourceFile } from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Span } from "../../grammar/span.js";
import { AxisError, type Builder } from "../ir/build.js";
import type { Axis, Node } from "../ir/tensor.js";
import type { CutPass, Library } from "./library.js";
import { mistake } from "./report.js";
import { axesText, describeValue, tensorValue, type Value } from "./value.js";

/** Where an expression is evaluated. */
export interface Environment {
  readonly library: Library;
  readonly builder: Builder;
  /** The file the expression stands in. */
  readonly file: SourceFile;
  readonly values: ReadonlyMap<string, Value>;
  /** Axis parameters of the definition being evaluated, and what they are bound to. */
  readonly axisParameters: ReadonlyMap<string, readonly string[]>;
  /** Axes whose size is known here. */
  readonly axes: ReadonlyMap<string, Axis>;
  /** Definitions being evaluated, to refuse recursion. */
  readonly active: readonly DefinitionDecl[];
  /** Where mistakes in lines of the definition applied here are gathered; without it the first one ends everything. */
  readonly found?: Diagnostic[] | undefined;
  /** The pass that gradients lead through, where it is cut. */
  readonly cut?: CutPass | null | undefined;
}

/** With the axes that a value shows. */
const seeing = (env: Environment, value: Value): Environment => {
  if (value.kind !== "tensor") return env;
  const { axes } = value.node;
  if (axes.every((axis) => env.axes.get(axis.name)?.size === axis.size)) return env;
  const all = new Map(env.axes);
  for (const axis of axes) all.set(axis.name, axis);
  return { ...env, axes: all };
};

/** An environment whose values grow in place: copying them for each assignment costs more than all else. */
export interface Scope {
  /** Those of `env`. */
  readonly values: Map<string, Value>;
  env: Environment;
}

export const scopeIn = (env: Environment): Scope => {
  const values = new Map(env.values);
  return { values, env: { ...env, values } };
};

export const assign = (scope: Scope, name: string, value: Value): void => {
  scope.values.set(name, value);
  scope.env = seeing(scope.env, value);
};

/** With further values, of which the last of a name holds. */
export const withValues = (
  env: Environment,
  entries: Iterable<readonly [string, Value]>,
): Environment => {
  const scope = scopeIn(env);
  for (const [name, value] of entries) assign(scope, name, value);
  return scope.env;
};

export const withValue = (env: Environment, name: string, value: Value): Environment =>
  seeing({ ...env, values: new Map(env.values).set(name, value) }, value);

/** What to do where nothing stands in a number's place: mostly a key that config.json lacks. */
const hintFor = (env: Environment, value: Value, span: Span): { readonly hint?: string } => {
  if (value.kind !== "null") return {};
  const text = env.file.text.slice(span.start, span.end);
  return {
    hint: `\`${text}\` is not there; \`${text} ?? …\` says what stands for a key that config.json may lack`,
  };
};

/** A tensor or a number as a node. */
export const nodeOf = (env: Environment, value: Value, span: Span): Node => {
  if (value.kind === "tensor") return value.node;
  if (value.kind === "number") return env.builder.constant(value.value);
  return mistake("wrong-value", env.file, span, {
    wanted: "a tensor or a number",
    found: describeValue(value),
    ...hintFor(env, value, span),
  });
};

export const numberOf = (env: Environment, value: Value, span: Span): number =>
  value.kind === "number"
    ? value.value
    : mistake("wrong-value", env.file, span, {
        wanted: "a number",
        found: describeValue(value),
        ...hintFor(env, value, span),
      });

/** Turns the builder's axis errors into a diagnostic at the expression. */
export const building = (
  env: Environment,
  span: Span,
  operands: readonly Node[],
  work: () => Node,
): Value => {
  try {
    return tensorValue(work());
  } catch (error) {
    if (!(error instanceof AxisError)) throw error;
    const has = operands.map((node) => axesText(node.axes)).join(" and ");
    if (error.reason === "missing")
      return mistake("axis-missing", env.file, span, { axis: error.axis, has });
    return mistake("axes-differ", env.file, span, {
      wants: `axes that agree (${error.message})`,
      has: `over ${has}`,
    });
  }
};

/** What stands in a call's brackets; null where there are none. */
export type BracketedAxes = readonly string[] | null;

/** The axes that bracketed names stand for. */
export const axesNamed = (env: Environment, names: readonly Name[]): string[] =>
  names.flatMap((name) => [...(env.axisParameters.get(name.name) ?? [name.name])]);
