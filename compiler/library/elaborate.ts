/**
 * Evaluates library expressions into tensor IR. Total: no recursion, no loops but `each`. Numbers stay numbers until a
 * tensor meets them; every mistake is a diagnostic at the expression's place.
 */
import type {
  Argument,
  BodyLine,
  CallExpr,
  DefinitionDecl,
  Expr,
  Name,
  SourceFile,
} from "../../grammar/ast.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import type { Span } from "../../grammar/span.js";
import { nearest } from "../../grammar/suggest.js";
import type { Node } from "../ir/tensor.js";
import { applied } from "./applied.js";
import { arithmetic } from "./arithmetic.js";
import { builtins, callBuiltin } from "./builtins.js";
import {
  assign,
  axesNamed,
  type BracketedAxes,
  building,
  type Environment,
  nodeOf,
  numberOf,
  type Scope,
  scopeIn,
} from "./environment.js";
import type { Library, Located } from "./library.js";
import { calling, mistake, recovering, unsaid } from "./report.js";
import {
  axesText,
  BROKEN,
  describeValue,
  NULL,
  numberValue,
  tensorValue,
  type Value,
} from "./value.js";

const lookUp = (env: Environment, { name, span }: Name): Value => {
  if (name === "null") return NULL;
  if (name === "true" || name === "false") return numberValue(name === "true" ? 1 : 0);
  const value = env.values.get(name);
  if (value?.kind === "undecided")
    return mistake("layers-undecided", env.file, span, { key: value.key });
  if (value?.kind === "broken") return unsaid();
  if (value !== undefined) return value;
  const definition = functionNamed(env.library, env.file, name);
  if (definition !== undefined) return { kind: "function", definition };
  if (builtins.has(name)) return { kind: "builtin", name };
  const known = [...env.values.keys(), ...env.library.definitions.function.keys(), ...builtins];
  return mistake("unknown-in-library", env.file, span, { name, near: nearest(name, known) });
};

export const functionNamed = (
  library: Library,
  file: SourceFile,
  name: string,
): Located<DefinitionDecl> | undefined =>
  library.privates.get(file.path)?.get(name) ?? library.definitions.function.get(name);

const member = (env: Environment, expr: Extract<Expr, { kind: "member" }>): Value => {
  const target = evaluate(env, expr.target);
  if (target.kind === "null") return NULL;
  if (target.kind === "list" && expr.member.name === "count")
    return numberValue(target.items.length);
  if (target.kind !== "record")
    return mistake("wrong-value", env.file, expr.target.span, {
      wanted: "something with members",
      found: describeValue(target),
    });
  const { name, span } = expr.member;
  const value = target.members.get(name);
  if (value !== undefined) return value;
  // Objects of config.json may lack any key.
  if (![...target.members.values()].some((inner) => inner.kind === "tensor")) return NULL;
  return mistake("unknown-in-library", env.file, span, {
    name,
    near: nearest(name, target.members.keys()),
  });
};

type List = Extract<Value, { kind: "list" }>;

/** The numbers at the places that a tensor holds, by halves; before the first and after the last, those. */
const entriesAt = (env: Environment, { items }: List, at: Node, span: Span): Value => {
  const { builder } = env;
  const numbers = items.map((item) => builder.constant(numberOf(env, item, span)));
  const among = (from: number, to: number): Node => {
    const only = numbers[from];
    if (only !== undefined && to - from === 1) return only;
    const middle = Math.floor((from + to) / 2);
    const isLow = builder.binary("less", at, builder.constant(middle));
    return builder.select(isLow, among(from, middle), among(middle, to));
  };
  if (numbers.length === 0)
    return mistake("wrong-value", env.file, span, { wanted: "an entry", found: "an empty list" });
  return tensorValue(among(0, numbers.length));
};

const entryOf = (env: Environment, list: List, expr: Expr): Value => {
  const { items } = list;
  const index = evaluate(env, expr);
  if (index.kind === "tensor") return entriesAt(env, list, index.node, expr.span);
  const at = numberOf(env, index, expr.span);
  const found = items[at];
  const wanted = `a whole number from 0 to ${items.length - 1}`;
  return (
    found ?? mistake("wrong-value", env.file, expr.span, { wanted, found: `the number ${at}` })
  );
};

const index = (env: Environment, expr: Extract<Expr, { kind: "index" }>): Value => {
  const target = evaluate(env, expr.target);
  if (target.kind === "null") return NULL;
  if (target.kind === "list") return entryOf(env, target, expr.index);
  const table = nodeOf(env, target, expr.target.span);
  const indices = evaluate(env, expr.index);
  if (indices.kind !== "indices")
    return mistake("wrong-value", env.file, expr.index.span, {
      wanted: "indices",
      found: describeValue(indices),
    });
  const axis = table.axes.find(({ name }) =>
    indices.of === null ? indices.input.axes.every((a) => a.name !== name) : name === indices.of,
  )?.name;
  if (axis === undefined)
    return mistake("axes-differ", env.file, expr.span, {
      wants: indices.of === null ? "an axis to index" : `the axis \`${indices.of}\` to index`,
      has: `over ${axesText(table.axes)}`,
    });
  return building(env, expr.span, [table], () => env.builder.gather(table, indices.input, axis));
};

/** Evaluates an expression. */
export const evaluate = (env: Environment, expr: Expr): Value => {
  switch (expr.kind) {
    case "name":
      return lookUp(env, expr);
    case "number":
      return numberValue(expr.value);
    case "quantity":
      return numberValue(expr.unit === "%" ? expr.value / 100 : expr.value);
    case "string":
      return { kind: "text", value: expr.value };
    case "member":
      return member(env, expr);
    case "index":
      return index(env, expr);
    case "call":
      return call(env, expr);
    case "unary":
    case "binary":
      return arithmetic(env, expr, evaluate);
    case "list":
    case "arrow":
    case "range":
      return mistake("wrong-value", env.file, expr.span, {
        wanted: "a value",
        found: `a ${expr.kind}`,
      });
    default:
      return expr satisfies never;
  }
};

const noFunction = (env: Environment, callee: Expr, found: Value): never => {
  const name = callee.kind === "name" ? callee.name : null;
  const isHidden = name !== null && functionNamed(env.library, env.file, name) !== undefined;
  const hint = `the function \`${name}\` is hidden here by what else is called so: give that another name`;
  return mistake("wrong-value", env.file, callee.span, {
    wanted: "a function",
    found: describeValue(found),
    ...(isHidden ? { hint } : {}),
  });
};

const call = (env: Environment, expr: CallExpr): Value => {
  const callee = evaluate(env, expr.callee);
  const axes = expr.axes.length === 0 ? null : axesNamed(env, expr.axes);
  if (callee.kind === "builtin") return callBuiltin(env, callee.name, expr, axes, evaluate);
  if (callee.kind !== "function") return noFunction(env, expr.callee, callee);
  return apply(env, callee.definition, axes, expr.args, expr.span);
};

const NO_AXES: ReadonlyMap<string, readonly string[]> = new Map();

/** A single name in brackets may stand for any number of axes, none among them. */
export const bindAxes = (
  file: SourceFile,
  decl: DefinitionDecl,
  axes: BracketedAxes,
  span: Span,
): ReadonlyMap<string, readonly string[]> => {
  const { length } = decl.axes;
  if (length === 0 && axes === null) return NO_AXES;
  const [only] = decl.axes;
  if (length === 1 && only !== undefined && axes !== null) return new Map([[only.name, axes]]);
  const given = axes ?? [];
  if (given.length !== length)
    return mistake("wrong-arguments", file, span, {
      reason: `\`${decl.name.name}\` takes ${length} axes in brackets, not ${given.length}`,
    });
  return new Map(decl.axes.map((name, i) => [name.name, [given[i] ?? ""]]));
};

const parametersText = ({ parameters }: DefinitionDecl): string =>
  parameters.map(({ name }) => name.name).join(", ") || "none";

const superfluous = (file: SourceFile, decl: DefinitionDecl, { name, span }: Argument): never => {
  const callee = decl.name.name;
  if (name === null)
    return mistake("wrong-arguments", file, span, {
      reason: `\`${callee}\` takes fewer arguments: ${parametersText(decl)}`,
    });
  const parameters = decl.parameters.map((parameter) => parameter.name.name);
  const near = nearest(name.name, parameters);
  return mistake("wrong-arguments", file, name.span, {
    reason: `\`${callee}\` has no parameter \`${name.name}\`; it has ${parametersText(decl)}`,
    ...(near === null ? {} : { hint: `did you mean \`${near}\`?` }),
  });
};

/** Arguments by parameter: positional ones in order, then named ones. */
export const matchArguments = (
  file: SourceFile,
  decl: DefinitionDecl,
  args: readonly Argument[],
  span: Span,
): ReadonlyMap<string, Argument> => {
  const matched = new Map<string, Argument>();
  let next = 0;
  for (const argument of args) {
    const parameter =
      argument.name === null
        ? decl.parameters[next++]
        : decl.parameters.find((p) => p.name.name === argument.name?.name);
    if (parameter === undefined) return superfluous(file, decl, argument);
    matched.set(parameter.name.name, argument);
  }
  const missing = decl.parameters.find((p) => p.fallback === null && !matched.has(p.name.name));
  if (missing !== undefined)
    return mistake("wrong-arguments", file, span, {
      reason: `\`${decl.name.name}\` also needs \`${missing.name.name}\``,
    });
  return matched;
};

/** An argument that only names a function is looked up beside the definition first: `position: mean`. */
const argumentValue = (
  env: Environment,
  definition: Located<DefinitionDecl>,
  expr: Expr,
): Value => {
  if (expr.kind === "name" && !env.values.has(expr.name)) {
    const beside = functionNamed(env.library, definition.file, expr.name);
    if (beside !== undefined) return { kind: "function", definition: beside };
  }
  return evaluate(env, expr);
};

const checkDims = (env: Environment, span: Span, value: Value, dims: readonly string[]): void => {
  if (value.kind !== "tensor" || dims.length === 0) return;
  const has = value.node.axes.map((axis) => axis.name);
  if (dims.every((dim) => has.includes(dim)) && has.length === dims.length) return;
  mistake("axes-differ", env.file, span, {
    wants: `a tensor over [${dims.join(", ")}]`,
    has: `over [${has.join(", ")}]`,
  });
};

/** Applies a definition to arguments, in the definition's own file. */
export const apply = (
  env: Environment,
  definition: Located<DefinitionDecl>,
  axes: BracketedAxes,
  args: readonly Argument[],
  span: Span,
  given: ReadonlyMap<string, Value> = new Map(),
  evaluateArgument: (expr: Expr) => Value = (expr) => argumentValue(env, definition, expr),
): Value => {
  const { decl, file } = definition;
  if (env.active.includes(decl))
    return mistake("recursion", env.file, span, { name: decl.name.name });
  const matched = matchArguments(env.file, decl, args, span);
  const { library, builder, found } = env;
  const inner: Environment = {
    library,
    builder,
    file,
    values: given,
    axisParameters: bindAxes(env.file, decl, axes, span),
    axes: env.axes,
    active: [...env.active, decl],
    cut: env.cut,
  };
  const scope = scopeIn(inner);
  return calling(env.file, file, span, () => {
    const values = decl.parameters.map((parameter) => {
      const argument = matched.get(parameter.name.name);
      const dims = parameter.dims?.flatMap((dim) => dim.axes.map((axis) => axis.name)) ?? [];
      const value =
        argument === undefined
          ? evaluate(scope.env, parameter.fallback as Expr)
          : evaluateArgument(argument.value);
      if (argument === undefined) checkDims(scope.env, parameter.span, value, dims);
      else checkDims(env, argument.value.span, value, dims);
      assign(scope, parameter.name.name, value);
      return value;
    });
    const body = (): Value => evaluateBody(scope, decl, found);
    // Of what else is given, or where mistakes are gathered, nothing is remembered.
    return given.size > 0 || found !== undefined ? body() : applied(inner, decl, values, body);
  });
};

/** Assignments in order, then the result; `found` takes mistakes of the assignments. */
const evaluateBody = (scope: Scope, decl: DefinitionDecl, found?: Diagnostic[]): Value => {
  for (const line of decl.body.lines) assignLine(scope, line, found);
  if (decl.body.result === null)
    return mistake("wrong-arguments", scope.env.file, decl.name.span, {
      reason: `\`${decl.name.name}\` gives no value`,
    });
  return evaluate(scope.env, decl.body.result);
};

const assignLine = (scope: Scope, line: BodyLine, found?: Diagnostic[]): void => {
  const { env } = scope;
  if (line.kind !== "assign")
    mistake("wrong-arguments", env.file, line.span, {
      reason: `\`${line.kind}\` belongs in a forward pass`,
    });
  else
    assign(
      scope,
      line.name.name,
      recovering(found, () => evaluate(env, line.value), BROKEN),
    );
};
