/**
 * Builds hash-consed tensor IR and works out the axes of every node (axes.ts).
 * Axis errors are thrown as `AxisError`; the library elaborator turns them into diagnostics at the source's place.
 * Builders do not simplify; `passes/simplify.ts` does.
 */
import {
  AxisError,
  attentionAxes,
  attentionGradAxes,
  axisNames,
  compactAxes,
  contractAxes,
  expandAxes,
  gatherAxes,
  hasAxis,
  mapAxes,
  orderedNames,
  permuteAxes,
  reduceAxes,
  renameAxes,
  requireAxis,
  scatterAxes,
  unionAxes,
  wholeAxes,
  withoutAxes,
} from "./axes.js";
import { axesKey, idsKey, numberKey, ruleKey } from "./key.js";
import type {
  Attention,
  AttentionGrad,
  AttentionRule,
  Axis,
  BinaryFn,
  Input,
  MapFn,
  Node,
  UnaryFn,
} from "./tensor.js";

export { AxisError, unionAxes };

/** A node without what the builder adds: its id and axes. */
type Fields<N extends Node> = N extends Node ? Omit<N, "id" | "axes"> : never;

/** An attention without limits need not say so. */
type AttentionSpec<N extends AttentionRule> = Omit<N, "id" | "op" | "axes" | "cap" | "within"> &
  Partial<Pick<N, "cap" | "within">>;

const attentionRule = (spec: AttentionSpec<AttentionRule>): AttentionRule => {
  const { position, dim, scale, cap = null, within = null } = spec;
  return { position, dim, scale, cap, within };
};
export class Builder {
  private readonly interned = new Map<string, Node>();

  /** `axes` runs, and may throw, only for a node not seen before: equal nodes passed the same checks. */
  private intern<N extends Node>(key: string, fields: Fields<N>, axes: () => readonly Axis[]): N {
    const known = this.interned.get(key);
    if (known !== undefined) return known as N;
    const node = { id: this.interned.size, ...fields, axes: axes() } as unknown as N;
    this.interned.set(key, node);
    return node;
  }

  input(name: string, axes: readonly Axis[], dtype: "f32" | "u32" = "f32"): Input {
    const key = `input ${dtype} ${axesKey(axes)} ${name}`;
    return this.intern<Input>(key, { op: "input", name, dtype }, () => wholeAxes(axes));
  }
  constant(value: number): Node {
    return this.intern(`const ${numberKey(value)}`, { op: "const", value }, () => []);
  }
  index(axis: Axis): Node {
    return this.intern(`index ${axesKey([axis])}`, { op: "index" }, () => wholeAxes([axis]));
  }
  cast(arg: Input): Node {
    return this.intern(`cast ${arg.id}`, { op: "cast", arg }, () => arg.axes);
  }
  map(fn: MapFn, ...args: readonly Node[]): Node {
    return this.intern(`${fn} ${idsKey(args)}`, { op: "map", fn, args }, () => mapAxes(args));
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
  /** `arg` itself where it already has that order. */
  permute(arg: Node, order: readonly string[]): Node {
    const key = `permute ${arg.id} ${order}`;
    const axes = permuteAxes(arg, order);
    if (order.every((name, i) => arg.axes[i]?.name === name)) return arg;
    return this.intern(key, { op: "permute", arg }, () => axes);
  }
  /** Over nothing: `arg` itself. `over` is kept in the order of the argument's axes. */
  reduce(fn: "sum" | "max", arg: Node, over: readonly string[]): Node {
    if (over.length === 0) return arg;
    const names = orderedNames(arg.axes, over);
    const key = `reduce ${fn} ${arg.id} ${names}`;
    return this.intern(key, { op: "reduce", fn, over: names, arg }, () => reduceAxes(arg, names));
  }
  sum(arg: Node, over: readonly string[]): Node {
    return this.reduce("sum", arg, over);
  }
  /** `over` is kept in the order of the left side's axes. */
  contract(left: Node, right: Node, over: readonly string[]): Node {
    const names = orderedNames(left.axes, over);
    const key = `contract ${left.id} ${right.id} ${names}`;
    const axes = () => contractAxes(left, right, names);
    return this.intern(key, { op: "contract", over: names, left, right }, axes);
  }
  gather(table: Node, indices: Input, axis: string): Node {
    const key = `gather ${table.id} ${indices.id} ${axis}`;
    const axes = () => gatherAxes(table, indices, axis);
    return this.intern(key, { op: "gather", table, indices, axis }, axes);
  }
  scatter(value: Node, indices: Input, axis: Axis): Node {
    const key = `scatter ${value.id} ${indices.id} ${axesKey([axis])}`;
    const axes = () => wholeAxes(scatterAxes(value, indices, axis));
    return this.intern(key, { op: "scatter", value, indices, axis: axis.name }, axes);
  }
  /** `by` may be any integer; by a multiple of the size, `arg` itself. */
  shift(arg: Node, axis: string, by: number): Node {
    const { size } = requireAxis(arg.axes, axis);
    const wrapped = ((by % size) + size) % size;
    if (wrapped === 0) return arg;
    const key = `shift ${arg.id} ${wrapped} ${axis}`;
    return this.intern(key, { op: "shift", arg, axis, by: wrapped }, () => arg.axes);
  }
  kth(arg: Node, axis: string, k: number): Node {
    const key = `kth ${arg.id} ${k} ${axis}`;
    return this.intern(key, { op: "kth", arg, axis, k }, () => reduceAxes(arg, [axis]));
  }
  compact(arg: Node, mask: Node, axis: string, into: Axis): Node {
    const key = `compact ${arg.id} ${mask.id} ${axis} ${axesKey([into])}`;
    const axes = () => wholeAxes(compactAxes(arg, mask, axis, into));
    return this.intern(key, { op: "compact", arg, mask, axis }, axes);
  }
  expand(arg: Node, places: Input, fill: Node, axis: string, into: Axis): Node {
    const key = `expand ${arg.id} ${places.id} ${fill.id} ${axis} ${axesKey([into])}`;
    const axes = () => wholeAxes(expandAxes(arg, places, fill, axis, into));
    return this.intern(key, { op: "expand", arg, places, fill, axis }, axes);
  }
  rename(arg: Node, from: string, to: string): Node {
    const key = `rename ${arg.id} ${from} ${to}`;
    return this.intern(key, { op: "rename", arg, from, to }, () => renameAxes(arg, from, to));
  }
  stop(arg: Node): Node {
    return this.intern(`stop ${arg.id}`, { op: "stop", arg }, () => arg.axes);
  }
  attention(spec: AttentionSpec<Attention>): Node {
    const { part, q, k, v } = spec;
    const rule = attentionRule(spec);
    const key = `attention ${part} ${idsKey([q, k, v])} ${ruleKey(rule)}`;
    const fields = { op: "attention", part, ...rule, q, k, v } as const;
    return this.intern<Attention>(key, fields, () => attentionAxes(spec));
  }
  attentionGrad(spec: AttentionSpec<AttentionGrad>): Node {
    const { part, q, k, v, lse, dOut, delta } = spec;
    const rule = attentionRule(spec);
    const key = `attention_grad ${part} ${idsKey([q, k, v, lse, dOut, delta])} ${ruleKey(rule)}`;
    const fields = { op: "attention_grad", part, ...rule, q, k, v, lse, dOut, delta } as const;
    return this.intern<AttentionGrad>(key, fields, () => attentionGradAxes(spec));
  }

  /** Zero at every place of `axes`, as a product of 0 and indices: the IR's broadcasting needs something that has the axes. */
  zeros(axes: readonly Axis[]): Node {
    return axes.reduce((zero, axis) => this.map("mul", zero, this.index(axis)), this.constant(0));
  }

  /** `arg` spread over the axes it lacks, in exactly the order of `axes`, which hold all of its own. */
  broadcast(arg: Node, axes: readonly Axis[]): Node {
    for (const { name } of arg.axes) requireAxis(axes, name);
    const missing = withoutAxes(axes, axisNames(arg.axes));
    if (arg.op === "const" && arg.value === 0) return this.zeros(axes);
    const full = missing.length === 0 ? arg : this.map("add", arg, this.zeros(missing));
    return this.permute(full, axisNames(axes));
  }

  /** Puts the axes of `arg` into the order they have in `axes`, which may hold more. */
  ordered(arg: Node, axes: readonly Axis[]): Node {
    return this.permute(
      arg,
      axisNames(axes).filter((name) => hasAxis(arg.axes, name)),
    );
  }
}
