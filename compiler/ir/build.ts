/**
 * Builds hash-consed tensor IR and works out the axes of every node.
 * Axis errors are thrown as `AxisError`; the library elaborator turns them into diagnostics at the source's place.
 * Builders do not simplify; `passes/simplify.ts` does.
 */
import type {
  Attention,
  AttentionGrad,
  Axis,
  BinaryFn,
  Contract,
  Gather,
  Input,
  MapFn,
  Node,
  UnaryFn,
} from "./tensor.js";

export class AxisError extends Error {
  constructor(
    readonly reason: "missing" | "sizes-differ" | "repeated" | "not-indices",
    readonly axis: string,
    message: string,
  ) {
    super(message);
  }
}

const describe = (axes: readonly Axis[]): string =>
  `[${axes.map((a) => `${a.name}: ${a.size}`).join(", ")}]`;

const without = (axes: readonly Axis[], names: readonly string[]): Axis[] =>
  axes.filter((a) => !names.includes(a.name));

/** Union in order of first appearance; equal names must have equal sizes. */
export const unionAxes = (...lists: readonly (readonly Axis[])[]): Axis[] => {
  const union: Axis[] = [];
  for (const axis of lists.flat()) {
    const seen = union.find((a) => a.name === axis.name);
    if (seen === undefined) union.push(axis);
    else if (seen.size !== axis.size)
      throw new AxisError(
        "sizes-differ",
        axis.name,
        `axis ${axis.name} has size ${seen.size} on one side and ${axis.size} on the other`,
      );
  }
  return union;
};

const requireAxis = (axes: readonly Axis[], name: string): Axis => {
  const axis = axes.find((a) => a.name === name);
  if (axis === undefined)
    throw new AxisError("missing", name, `no axis ${name} in ${describe(axes)}`);
  return axis;
};

type Draft = Node extends infer N ? (N extends Node ? Omit<N, "id"> : never) : never;

export class Builder {
  private readonly interned = new Map<string, Node>();

  private intern(draft: Draft): Node {
    const key = JSON.stringify(draft, (field, value: unknown) =>
      field !== "" && typeof value === "object" && value !== null && "op" in value && "id" in value
        ? `#${(value as Node).id}`
        : Object.is(value, -0)
          ? "-0"
          : typeof value === "number" && !Number.isFinite(value)
            ? String(value)
            : value,
    );
    const known = this.interned.get(key);
    if (known !== undefined) return known;
    const node = { id: this.interned.size, ...draft } as Node;
    this.interned.set(key, node);
    return node;
  }

  input(name: string, axes: readonly Axis[], dtype: "f32" | "u32" = "f32"): Input {
    return this.intern({ op: "input", name, dtype, axes }) as Input;
  }
  constant(value: number): Node {
    return this.intern({ op: "const", value, axes: [] });
  }
  index(axis: Axis): Node {
    return this.intern({ op: "index", axes: [axis] });
  }
  cast(arg: Input): Node {
    return this.intern({ op: "cast", arg, axes: arg.axes });
  }
  map(fn: MapFn, ...args: readonly Node[]): Node {
    return this.intern({ op: "map", fn, args, axes: unionAxes(...args.map((a) => a.axes)) });
  }
  unary(fn: UnaryFn, arg: Node): Node {
    return this.map(fn, arg);
  }
  binary(fn: BinaryFn, left: Node, right: Node): Node {
    return this.map(fn, left, right);
  }
  select(condition: Node, then: Node, otherwise: Node): Node {
    return this.map("select", condition, then, otherwise);
  }
  permute(arg: Node, order: readonly string[]): Node {
    if (order.length !== arg.axes.length)
      throw new AxisError(
        "missing",
        order[0] ?? "",
        `cannot order ${describe(arg.axes)} by ${order}`,
      );
    if (order.every((name, i) => arg.axes[i]?.name === name)) return arg;
    return this.intern({ op: "permute", arg, axes: order.map((n) => requireAxis(arg.axes, n)) });
  }
  reduce(fn: "sum" | "max", arg: Node, over: readonly string[]): Node {
    for (const name of over) requireAxis(arg.axes, name);
    if (over.length === 0) return arg;
    return this.intern({ op: "reduce", fn, over, arg, axes: without(arg.axes, over) });
  }
  sum(arg: Node, over: readonly string[]): Node {
    return this.reduce("sum", arg, over);
  }
  contract(left: Node, right: Node, over: readonly string[]): Node {
    const all = unionAxes(left.axes, right.axes);
    for (const name of over) {
      requireAxis(left.axes, name);
      requireAxis(right.axes, name);
    }
    return this.intern({
      op: "contract",
      over,
      left,
      right,
      axes: without(all, over),
    } satisfies Omit<Contract, "id">);
  }
  gather(table: Node, indices: Input, axis: string): Node {
    requireAxis(table.axes, axis);
    if (indices.dtype !== "u32")
      throw new AxisError("not-indices", axis, `${indices.name} does not hold indices`);
    const axes = unionAxes(indices.axes, without(table.axes, [axis]));
    return this.intern({ op: "gather", table, indices, axis, axes } satisfies Omit<Gather, "id">);
  }
  scatter(value: Node, indices: Input, axis: Axis): Node {
    const rest = without(
      value.axes,
      indices.axes.map((a) => a.name),
    );
    return this.intern({ op: "scatter", value, indices, axis: axis.name, axes: [axis, ...rest] });
  }
  shift(arg: Node, axis: string, by: number): Node {
    const { size } = requireAxis(arg.axes, axis);
    const wrapped = ((by % size) + size) % size;
    return wrapped === 0
      ? arg
      : this.intern({ op: "shift", arg, axis, by: wrapped, axes: arg.axes });
  }
  rename(arg: Node, from: string, to: string): Node {
    requireAxis(arg.axes, from);
    if (arg.axes.some((a) => a.name === to))
      throw new AxisError("repeated", to, `axis ${to} is already in ${describe(arg.axes)}`);
    const axes = arg.axes.map((a) => (a.name === from ? { name: to, size: a.size } : a));
    return this.intern({ op: "rename", arg, from, to, axes });
  }
  stop(arg: Node): Node {
    return this.intern({ op: "stop", arg, axes: arg.axes });
  }
  attention(spec: Omit<Attention, "id" | "op" | "axes">): Node {
    const { q, k, v, position, dim } = spec;
    unionAxes(q.axes, k.axes, v.axes);
    for (const operand of [q, k, v]) {
      requireAxis(operand.axes, position);
      requireAxis(operand.axes, dim);
      for (const axis of operand.axes) requireAxis(q.axes, axis.name);
    }
    const axes = spec.part === "out" ? q.axes : without(q.axes, [dim]);
    return this.intern({ op: "attention", ...spec, axes });
  }
  attentionGrad(spec: Omit<AttentionGrad, "id" | "op" | "axes">): Node {
    const operand = { q: spec.q, k: spec.k, v: spec.v }[spec.part];
    return this.intern({ op: "attention_grad", ...spec, axes: operand.axes });
  }
}
