/** The functions that library expressions start from; everything else is defined in `.prune`. */
import type { CallExpr, Expr } from "../../grammar/ast.js";
import type { Builder } from "../ir/build.js";
import { interpret } from "../ir/interpret.js";
import { largestMask } from "../ir/largest.js";
import { scalarFunction } from "../ir/scalar.js";
import type { Axis, BinaryFn, MapFn, Node, UnaryFn } from "../ir/tensor.js";
import { reachable, reads } from "../ir/traverse.js";
import { differentiate, NotDifferentiable } from "../passes/differentiate.js";
import { cutGradient } from "./cut-gradient.js";
import { type BracketedAxes, building, type Environment, nodeOf, numberOf } from "./environment.js";
import { mapInput } from "./library.js";
import { mistake } from "./report.js";
import { describeValue, isTrue, NULL, numberValue, tensorValue, type Value } from "./value.js";

type Evaluate = (env: Environment, expr: Expr) => Value;

const UNARY: ReadonlySet<string> = new Set([
  "exp",
  "log",
  "sqrt",
  "abs",
  "sin",
  "cos",
  "tanh",
  "erf",
  "floor",
] satisfies UnaryFn[]);
const BINARY: ReadonlySet<string> = new Set(["min", "max"] satisfies BinaryFn[]);

export const builtins: ReadonlySet<string> = new Set([
  ...UNARY,
  ...BINARY,
  ...[
    "sum",
    "select",
    "mod",
    "size",
    "index",
    "shift",
    "rename",
    "dot",
    "largest",
    "stop",
    "attention",
    "learned_map",
    "gradient",
    "record",
  ],
]);

interface Call {
  readonly env: Environment;
  readonly expr: CallExpr;
  readonly axes: BracketedAxes;
  readonly args: readonly Value[];
}

const wrong = ({ env, expr }: Call, reason: string): never =>
  mistake("wrong-arguments", env.file, expr.span, { reason });

const argument = (call: Call, at: number): Value => {
  const value = call.args[at];
  return value ?? wrong(call, `this call needs ${at + 1} arguments`);
};

const tensor = (call: Call, at: number): Node =>
  nodeOf(call.env, argument(call, at), call.expr.args[at]?.span ?? call.expr.span);

const onNumbers = (fn: MapFn, values: readonly Value[]): number => {
  const [a = 0, b = 0, c = 0] = values.map((value) => (value.kind === "number" ? value.value : 0));
  const apply: (a: number, b: number, c: number) => number = scalarFunction(fn);
  return apply(a, b, c);
};

const map = (call: Call, fn: MapFn, count: number): Value => {
  const values = Array.from({ length: count }, (_, at) => argument(call, at));
  if (call.args.length > count) return wrong(call, `this call takes ${count} arguments`);
  if (values.every((value) => value.kind === "number")) return numberValue(onNumbers(fn, values));
  const nodes = values.map((_, at) => tensor(call, at));
  return building(call.env, call.expr.span, nodes, () => call.env.builder.map(fn, ...nodes));
};

/** A single number that no weight and no data has a part in is known at once. */
const known = (value: Value): Value => {
  if (value.kind !== "tensor" || value.node.axes.length > 0) return value;
  if (reads(value.node, ({ op }) => op === "input")) return value;
  const { number } = interpret({ outputs: { number: value.node } }, new Map());
  return numberValue(number?.data[0] ?? Number.NaN);
};

const reduce = (call: Call, fn: "sum" | "max"): Value => {
  const node = tensor(call, 0);
  return known(
    building(call.env, call.expr.span, [node], () =>
      call.env.builder.reduce(fn, node, call.axes ?? []),
    ),
  );
};

/** The arguments by their names, those that are nothing left out. */
const record = (call: Call): Value => {
  const { args } = call.expr;
  const members = args.map(({ name }, at) => {
    if (name === null) return wrong(call, "write record(name: value, …)");
    return [name.name, call.args[at] ?? NULL] as const;
  });
  return { kind: "record", members: new Map(members.filter(([, { kind }]) => kind !== "null")) };
};

/** Where the condition is known, the choice not taken is not looked at: it may make no sense. */
const choose = (env: Environment, expr: CallExpr, evaluate: Evaluate): Value => {
  const [condition, then, otherwise, more] = expr.args;
  if (!condition || !then || !otherwise || more)
    return mistake("wrong-arguments", env.file, expr.span, {
      reason: "write select(condition, then, otherwise)",
    });
  const known = evaluate(env, condition.value);
  if (known.kind !== "tensor") return evaluate(env, (isTrue(known) ? then : otherwise).value);
  const args = [known, evaluate(env, then.value), evaluate(env, otherwise.value)];
  return map({ env, expr, axes: null, args }, "select", 3);
};

/** a − b · floor(a / b) */
const mod = (call: Call): Value => {
  const [a, b] = [argument(call, 0), argument(call, 1)];
  if (a.kind === "number" && b.kind === "number")
    return numberValue(a.value - b.value * Math.floor(a.value / b.value));
  const { builder } = call.env;
  const [left, right] = [tensor(call, 0), tensor(call, 1)];
  return building(call.env, call.expr.span, [left, right], () =>
    builder.binary(
      "sub",
      left,
      builder.binary("mul", right, builder.unary("floor", builder.binary("div", left, right))),
    ),
  );
};

/** The names given as arguments: `size(window, position)`. */
const axisArguments = ({ env, expr }: Call): string[] =>
  expr.args.flatMap(({ value }) =>
    value.kind === "name"
      ? [...(env.axisParameters.get(value.name) ?? [value.name])]
      : mistake("wrong-value", env.file, value.span, { wanted: "an axis", found: "an expression" }),
  );

const axisOf = (call: Call, name: string) =>
  call.env.axes.get(name) ??
  mistake("axis-missing", call.env.file, call.expr.span, {
    axis: name,
    has: [...call.env.axes.keys()].join(", "),
  });

const attention = (call: Call): Value => {
  const [dim, position] = call.axes ?? [];
  if (dim === undefined || position === undefined)
    return wrong(call, "write attention[dim, position](q, k, v)");
  const [q, k, v] = [tensor(call, 0), tensor(call, 1), tensor(call, 2)];
  const sizeAt = (name: string): number => q.axes.find((axis) => axis.name === name)?.size ?? 1;
  const given = (name: string): number | null => {
    const at = call.expr.args.findIndex((arg) => arg.name?.name === name);
    const value = at < 0 ? null : argument(call, at);
    return value === null || value.kind === "null"
      ? null
      : numberOf(call.env, value, call.expr.span);
  };
  const scale = given("scale") ?? 1 / Math.sqrt(sizeAt(dim));
  const [cap, within] = [given("cap"), given("within")];
  if (cap !== null && cap <= 0) return wrong(call, `a cap of ${cap} is not more than 0`);
  if (within !== null && !(Number.isInteger(within) && within > 0))
    return wrong(call, `${within} is not a whole number of positions`);
  const sees = within === null || within >= sizeAt(position) ? null : within;
  return building(call.env, call.expr.span, [q, k, v], () =>
    call.env.builder.attention({ part: "out", position, dim, scale, cap, within: sees, q, k, v }),
  );
};

const shift = (call: Call): Value => {
  const [axis] = call.axes ?? [];
  if (axis === undefined) return wrong(call, "write shift[axis](x, by)");
  const node = tensor(call, 0);
  const by = numberOf(call.env, argument(call, 1), call.expr.span);
  if (!Number.isInteger(by)) return wrong(call, `a shift by ${by} is not a whole number`);
  return building(call.env, call.expr.span, [node], () => call.env.builder.shift(node, axis, by));
};

const rename = (call: Call): Value => {
  const [from, to, more] = call.axes ?? [];
  if (from === undefined || to === undefined || more !== undefined)
    return wrong(call, "write rename[axis, name](x)");
  const node = tensor(call, 0);
  return building(call.env, call.expr.span, [node], () => call.env.builder.rename(node, from, to));
};

/** Σ over the axes of a · b; what else both have is kept, where `a . b` would sum over it too. */
const dot = (call: Call): Value => {
  const { axes } = call;
  if (axes === null || axes.length === 0) return wrong(call, "write dot[axis](a, b)");
  const [a, b] = [tensor(call, 0), tensor(call, 1)];
  return building(call.env, call.expr.span, [a, b], () => call.env.builder.contract(a, b, axes));
};

/** 1 at the k largest along the axis, of equal ones the first, else 0. */
const largest = (call: Call): Value => {
  const [axis, more] = call.axes ?? [];
  if (axis === undefined || more !== undefined) return wrong(call, "write largest[axis](x, k)");
  const x = tensor(call, 0);
  const k = numberOf(call.env, argument(call, 1), call.expr.span);
  if (!(Number.isInteger(k) && k > 0)) return wrong(call, `${k} is not a whole number above 0`);
  const along = x.axes.find(({ name }) => name === axis) ?? axisOf(call, axis);
  if (k >= along.size) return numberValue(1);
  const { env, expr } = call;
  return building(env, expr.span, [x], () => largestMask(env.builder, x, along, k));
};

/** Σ over the axis of x · a trained matrix, as long along it as `like`; x itself where it is as long already. */
const learnedMap = (call: Call): Value => {
  const [axis, more] = call.axes ?? [];
  if (axis === undefined || more !== undefined)
    return wrong(call, "write learned_map[axis](x, like)");
  const [x, like] = [tensor(call, 0), tensor(call, 1)];
  const sizeOf = (node: Node): number =>
    node.axes.find(({ name }) => name === axis)?.size ?? axisOf(call, axis).size;
  const [from, to] = [sizeOf(x), sizeOf(like)];
  if (from === to) return tensorValue(x);
  const { builder } = call.env;
  return building(call.env, call.expr.span, [x, like], () => {
    const inner = `${axis}'`;
    const axes = [
      { name: axis, size: to },
      { name: inner, size: from },
    ];
    const map = builder.input(mapInput(axis, from, to), axes);
    return builder.contract(builder.rename(x, axis, inner), map, [inner]);
  });
};
/** The place along several axes together, the last one fastest. */
const rowMajor = (builder: Builder, axes: readonly Axis[]): Node =>
  axes
    .map((axis) => builder.index(axis))
    .reduce((place, index, at) => {
      const size = builder.constant(axes[at]?.size ?? 1);
      return builder.binary("add", builder.binary("mul", place, size), index);
    });

const onAxes = (call: Call, name: "size" | "index"): Value => {
  const axes = axisArguments(call).map((axis) => axisOf(call, axis));
  if (name === "size") return numberValue(axes.reduce((product, axis) => product * axis.size, 1));
  return axes.length === 0 ? numberValue(0) : tensorValue(rowMajor(call.env.builder, axes));
};

/** Null where the value was not made from `by`. */
const gradientOf = ({ builder, cut }: Environment, value: Node, by: Node): Node | null => {
  if (cut != null) return cutGradient(builder, cut, value, by);
  if (!reachable([value]).includes(by)) return null;
  return differentiate(builder, value, [by]).get(by) ?? null;
};

/** The derivative of a value without axes by another value that it was made from, at each of that one's places. */
const gradient = (call: Call): Value => {
  const [value, by] = [tensor(call, 0), tensor(call, 1)];
  if (value.axes.length > 0)
    return wrong(call, "only a single number has a gradient; sum it first");
  try {
    const found = gradientOf(call.env, value, by);
    return found === null
      ? wrong(
          call,
          "this gradient is 0 everywhere, as the value was not made from what it is taken by; tap what the forward pass goes on with",
        )
      : tensorValue(found);
  } catch (error) {
    if (!(error instanceof NotDifferentiable)) throw error;
    return wrong(call, error.message);
  }
};

/** Calls a builtin. */
export const callBuiltin = (
  env: Environment,
  name: string,
  expr: CallExpr,
  axes: BracketedAxes,
  evaluate: Evaluate,
): Value => {
  if (name === "size" || name === "index") return onAxes({ env, expr, axes, args: [] }, name);
  if (name === "select") return choose(env, expr, evaluate);
  const args = expr.args.map((arg) => evaluate(env, arg.value));
  const call: Call = { env, expr, axes, args };
  if (UNARY.has(name)) return map(call, name as UnaryFn, 1);
  if (name === "max" && axes !== null) return reduce(call, "max");
  if (BINARY.has(name)) return map(call, name as BinaryFn, 2);
  switch (name) {
    case "sum":
      return axes === null ? wrong(call, "write sum[axis](x)") : reduce(call, "sum");
    case "mod":
      return mod(call);
    case "shift":
      return shift(call);
    case "rename":
      return rename(call);
    case "dot":
      return dot(call);
    case "largest":
      return largest(call);
    case "stop": {
      const value = argument(call, 0);
      return value.kind === "number" ? value : tensorValue(env.builder.stop(tensor(call, 0)));
    }
    case "attention":
      return attention(call);
    case "learned_map":
      return learnedMap(call);
    case "gradient":
      return gradient(call);
    case "record":
      return record(call);
    default:
      return mistake("wrong-value", env.file, expr.span, {
        wanted: "a builtin",
        found: describeValue({ kind: "builtin", name }),
      });
  }
};
