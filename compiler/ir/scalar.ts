/** What each elementwise function means on numbers, in float64. */
import { erf } from "./erf.js";
import type { MapFn, Node } from "./tensor.js";

type Scalar = (a: number, b: number, c: number) => number;

const FUNCTIONS: Readonly<Record<MapFn, Scalar>> = {
  neg: (a) => -a,
  exp: (a) => Math.exp(a),
  log: (a) => Math.log(a),
  sqrt: (a) => Math.sqrt(a),
  abs: (a) => Math.abs(a),
  sin: (a) => Math.sin(a),
  cos: (a) => Math.cos(a),
  tanh: (a) => Math.tanh(a),
  erf,
  floor: (a) => Math.floor(a),
  not: (a) => (a === 0 ? 1 : 0),
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  less: (a, b) => (a < b ? 1 : 0),
  equal: (a, b) => (a === b ? 1 : 0),
  select: (a, b, c) => (a !== 0 ? b : c),
};

const ARITY: Readonly<Record<MapFn, 1 | 2 | 3>> = {
  neg: 1,
  exp: 1,
  log: 1,
  sqrt: 1,
  abs: 1,
  sin: 1,
  cos: 1,
  tanh: 1,
  erf: 1,
  floor: 1,
  not: 1,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  pow: 2,
  min: 2,
  max: 2,
  less: 2,
  equal: 2,
  select: 3,
};

/** `fn` on numbers; arguments beyond its arity are not read. */
export const scalarFunction = (fn: MapFn): Scalar => FUNCTIONS[fn];

export const arityOf = (fn: MapFn): 1 | 2 | 3 => ARITY[fn];

/** The value of a node made of literals alone, or null. */
export const constantOf = (node: Node): number | null => {
  if (node.op === "const") return node.value;
  if (node.op === "stop") return constantOf(node.arg);
  if (node.op !== "map" || node.axes.length > 0) return null;
  const values: number[] = [];
  for (const arg of node.args) {
    const value = constantOf(arg);
    if (value === null) return null;
    values.push(value);
  }
  const [a = 0, b = 0, c = 0] = values;
  return FUNCTIONS[node.fn](a, b, c);
};

/** 0 at every place: a literal, or what `Builder.zeros` makes. */
export const isZero = (node: Node): boolean => {
  if (node.op === "const") return node.value === 0;
  const first = node.op === "map" && node.fn === "mul" ? node.args[0] : undefined;
  return first !== undefined && isZero(first);
};
