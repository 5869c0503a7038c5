/**
 * The tensor IR's meaning, in float64 on no device: the oracle for kernels, gradients and passes.
 * Attention is in interpret-attention.ts.
 */
import { referenceKthLargest } from "../../kernels/kth-largest.kernel.js";
import { describeAxes, hasAxis, sameAxes } from "./axes.js";
import { evaluateAttention, evaluateAttentionGrad } from "./interpret-attention.js";
import { scalarFunction } from "./scalar.js";
import { offsets, offsetsInto, stridesOf } from "./strides.js";
import {
  type Axis,
  type Compact,
  type Contract,
  type Dense,
  type Expand,
  type Gather,
  type Graph,
  type Input,
  type Kth,
  type MapNode,
  type Node,
  type Reduce,
  type Scatter,
  type Shift,
  sizeOf,
} from "./tensor.js";
import { nodesOf } from "./traverse.js";

/** What the caller got wrong: an input that is missing or of other axes, or an index outside its axis. */
export class InterpretError extends Error {}

type Values = (node: Node) => Float64Array;

const evaluateMap = (node: MapNode, values: Values): Float64Array => {
  const fn = scalarFunction(node.fn);
  const out = new Float64Array(sizeOf(node.axes));
  const [a, b, c] = node.args;
  if (a === undefined) return out;
  const A = values(a);
  const ia = offsetsInto(node.axes, a.axes);
  if (b === undefined) {
    for (let i = 0; i < out.length; i++) out[i] = fn(A[ia[i] as number] as number, 0, 0);
    return out;
  }
  const B = values(b);
  const ib = offsetsInto(node.axes, b.axes);
  if (c === undefined) {
    for (let i = 0; i < out.length; i++)
      out[i] = fn(A[ia[i] as number] as number, B[ib[i] as number] as number, 0);
    return out;
  }
  const C = values(c);
  const ic = offsetsInto(node.axes, c.axes);
  for (let i = 0; i < out.length; i++)
    out[i] = fn(
      A[ia[i] as number] as number,
      B[ib[i] as number] as number,
      C[ic[i] as number] as number,
    );
  return out;
};

const pick = (data: Float64Array, at: Int32Array): Float64Array => {
  const out = new Float64Array(at.length);
  for (let i = 0; i < at.length; i++) out[i] = data[at[i] as number] as number;
  return out;
};

const evaluateReduce = (node: Reduce, values: Values): Float64Array => {
  const { arg, over } = node;
  const data = values(arg);
  const rows = offsetsInto(node.axes, arg.axes);
  const along = offsetsInto(
    arg.axes.filter((a) => over.includes(a.name)),
    arg.axes,
  );
  const out = new Float64Array(rows.length);
  const sum = node.fn === "sum";
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    let total = sum ? 0 : Number.NEGATIVE_INFINITY;
    for (let k = 0; k < along.length; k++) {
      const value = data[row + (along[k] as number)] as number;
      total = sum ? total + value : Math.max(total, value);
    }
    out[i] = total;
  }
  return out;
};

const evaluateContract = (node: Contract, values: Values): Float64Array => {
  const { left, right, over } = node;
  const [L, R] = [values(left), values(right)];
  const rows = left.axes.filter((a) => !over.includes(a.name));
  const columns = right.axes.filter((a) => !hasAxis(left.axes, a.name));
  const inner = left.axes.filter((a) => over.includes(a.name));
  const [leftRow, rightRow] = [offsetsInto(rows, left.axes), offsetsInto(rows, right.axes)];
  const rightColumn = offsetsInto(columns, right.axes);
  const [leftInner, rightInner] = [offsetsInto(inner, left.axes), offsetsInto(inner, right.axes)];
  const width = rightColumn.length;
  const depth = leftInner.length;
  const out = new Float64Array(leftRow.length * width);
  for (let i = 0; i < leftRow.length; i++) {
    const l = leftRow[i] as number;
    for (let j = 0; j < width; j++) {
      const r = (rightRow[i] as number) + (rightColumn[j] as number);
      let total = 0;
      for (let k = 0; k < depth; k++)
        total +=
          (L[l + (leftInner[k] as number)] as number) *
          (R[r + (rightInner[k] as number)] as number);
      out[i * width + j] = total;
    }
  }
  return out;
};

const checkedIndex = (value: number, size: number, from: Input): number => {
  if (Number.isInteger(value) && value >= 0 && value < size) return value;
  throw new InterpretError(`${from.name} holds ${value}, outside an axis of size ${size}`);
};

const evaluateGather = (node: Gather, values: Values): Float64Array => {
  const { table, indices, axis } = node;
  const [data, chosen] = [values(table), values(indices)];
  const strides = new Map(stridesOf(table.axes));
  const along = strides.get(axis) ?? 0;
  strides.delete(axis);
  const size = table.axes.find((a) => a.name === axis)?.size ?? 0;
  const place = offsets(node.axes, strides);
  const which = offsetsInto(node.axes, indices.axes);
  const out = new Float64Array(place.length);
  for (let i = 0; i < out.length; i++) {
    const index = checkedIndex(chosen[which[i] as number] as number, size, indices);
    out[i] = data[(place[i] as number) + index * along] as number;
  }
  return out;
};

const evaluateScatter = (node: Scatter, values: Values): Float64Array => {
  const { value, indices, axis } = node;
  const [data, chosen] = [values(value), values(indices)];
  const strides = new Map(stridesOf(node.axes));
  const along = strides.get(axis) ?? 0;
  strides.delete(axis);
  const size = node.axes.find((a) => a.name === axis)?.size ?? 0;
  const place = offsets(value.axes, strides);
  const which = offsetsInto(value.axes, indices.axes);
  const out = new Float64Array(sizeOf(node.axes));
  for (let i = 0; i < place.length; i++) {
    const index = checkedIndex(chosen[which[i] as number] as number, size, indices);
    const at = (place[i] as number) + index * along;
    out[at] = (out[at] as number) + (data[i] as number);
  }
  return out;
};

const evaluateShift = (node: Shift, values: Values): Float64Array => {
  const data = values(node.arg);
  const stride = stridesOf(node.axes).get(node.axis) ?? 0;
  const size = node.axes.find((a) => a.name === node.axis)?.size ?? 1;
  const out = new Float64Array(data.length);
  for (let i = 0; i < out.length; i++) {
    const at = Math.floor(i / stride) % size;
    out[i] = data[i + (((at + node.by) % size) - at) * stride] as number;
  }
  return out;
};

const alongOf = (axis: string, axes: readonly Axis[]): Int32Array =>
  offsetsInto(
    axes.filter(({ name }) => name === axis),
    axes,
  );

const evaluateKth = ({ axes, arg, axis, k }: Kth, values: Values): Float64Array => {
  const data = values(arg);
  const along = alongOf(axis, arg.axes);
  return Float64Array.from(offsetsInto(axes, arg.axes), (row) => {
    const numbers = Float64Array.from(along, (offset) => data[row + offset] as number);
    return referenceKthLargest({ rows: 1, columns: along.length, k }, numbers)[0] as number;
  });
};

const evaluateCompact = ({ axes, arg, mask, axis }: Compact, values: Values): Float64Array => {
  const [data, marks] = [values(arg), values(mask)];
  const along = alongOf(axis, mask.axes);
  const count = axes.at(-1)?.size ?? 0;
  const rows = offsetsInto(axes.slice(0, -1), mask.axes);
  const out = new Float64Array(rows.length * count);
  for (const [at, row] of rows.entries()) {
    const places = [...along.keys()].filter((place) => marks[row + (along[place] as number)] !== 0);
    for (const [to, place] of places.slice(0, count).entries())
      out[at * count + to] = data[
        arg.axes.length === 1 ? place : row + (along[place] as number)
      ] as number;
  }
  return out;
};

const evaluateExpand = ({ axes, arg, places, fill }: Expand, values: Values): Float64Array => {
  const [data, at, others] = [values(arg), values(places), values(fill)];
  const columns = axes.at(-1)?.size ?? 0;
  const count = arg.axes.at(-1)?.size ?? 0;
  const out = Float64Array.from({ length: sizeOf(axes) }, (_, i) => {
    return others[Math.floor(i / columns)] as number;
  });
  data.forEach((value, i) => {
    out[Math.floor(i / count) * columns + (at[i] as number)] = value;
  });
  return out;
};

const evaluateInput = (node: Input, inputs: ReadonlyMap<string, Dense>): Float64Array => {
  const given = inputs.get(node.name);
  if (given === undefined) throw new InterpretError(`no value for input ${node.name}`);
  if (!sameAxes(given.axes, node.axes) || given.data.length !== sizeOf(node.axes))
    throw new InterpretError(
      `input ${node.name} is ${describeAxes(given.axes)}, not ${describeAxes(node.axes)}`,
    );
  return given.data;
};

const evaluate = (node: Node, values: Values, inputs: ReadonlyMap<string, Dense>): Float64Array => {
  switch (node.op) {
    case "input":
      return evaluateInput(node, inputs);
    case "const":
      return Float64Array.of(node.value);
    case "index":
      return Float64Array.from({ length: sizeOf(node.axes) }, (_, i) => i);
    case "cast":
    case "stop":
    case "rename":
      return values(node.arg);
    case "map":
      return evaluateMap(node, values);
    case "permute":
      return pick(values(node.arg), offsetsInto(node.axes, node.arg.axes));
    case "reduce":
      return evaluateReduce(node, values);
    case "contract":
      return evaluateContract(node, values);
    case "gather":
      return evaluateGather(node, values);
    case "scatter":
      return evaluateScatter(node, values);
    case "shift":
      return evaluateShift(node, values);
    case "kth":
      return evaluateKth(node, values);
    case "compact":
      return evaluateCompact(node, values);
    case "expand":
      return evaluateExpand(node, values);
    case "attention":
      return evaluateAttention(node, values);
    case "attention_grad":
      return evaluateAttentionGrad(node, values);
    default:
      return node satisfies never;
  }
};

/**
 * Evaluates a graph in float64. `inputs` by name; integer inputs hold whole numbers. Outputs by name, with the axes of
 * their nodes. Arrays may be shared between inputs and outputs: treat them as read-only. Throws InterpretError.
 */
export const interpret = (
  graph: Graph,
  inputs: ReadonlyMap<string, Dense>,
): Record<string, Dense> => {
  const known = new Map<Node, Float64Array>();
  const values: Values = (node) => {
    const value = known.get(node);
    if (value === undefined) throw new InterpretError(`${node.op} is read before it is computed`);
    return value;
  };
  for (const node of nodesOf(graph)) known.set(node, evaluate(node, values, inputs));
  const outputs: Record<string, Dense> = {};
  for (const [name, node] of Object.entries(graph.outputs))
    outputs[name] = { axes: node.axes, data: values(node) };
  return outputs;
};
