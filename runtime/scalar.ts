/** Scalar arithmetic of a plan, in float64: schedules, constants over axis indices, expectations over measures. */
import type { Scalar } from "../compiler/plan.js";

/** Values of the variables, in the order `compileScalar` was given their names. */
export type ScalarFunction = (values: readonly number[]) => number;

const truth = (holds: boolean): number => (holds ? 1 : 0);

const UNARY = {
  neg: (a: number) => -a,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  floor: Math.floor,
  not: (a: number) => truth(a === 0),
} as const;

const BINARY = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  pow: (a: number, b: number) => a ** b,
  min: Math.min,
  max: Math.max,
  less: (a: number, b: number) => truth(a < b),
  equal: (a: number, b: number) => truth(a === b),
  // As the tensor IR has it: the sign of the divisor.
  mod: (a: number, b: number) => a - b * Math.floor(a / b),
} as const;

const isIn = <T extends object>(table: T, op: PropertyKey): op is keyof T =>
  Object.hasOwn(table, op);

/** Makes a function of a scalar, so that a table of many values costs one walk of the tree. */
export const compileScalar = (scalar: Scalar, variables: readonly string[]): ScalarFunction => {
  if (scalar.op === "number") return () => scalar.value;
  if (scalar.op === "variable") {
    const at = variables.indexOf(scalar.name);
    if (at < 0) throw new Error(`the plan uses ${scalar.name}, which has no value here`);
    return (values) => values[at] ?? Number.NaN;
  }
  const { op } = scalar;
  const args = scalar.args.map((arg) => compileScalar(arg, variables));
  const argument = (index: number): ScalarFunction => {
    const found = args[index];
    if (found === undefined) throw new Error(`the plan's ${op} has ${args.length} operands`);
    return found;
  };
  const a = argument(0);
  if (isIn(UNARY, op)) {
    const apply = UNARY[op];
    return (values) => apply(a(values));
  }
  const b = argument(1);
  if (isIn(BINARY, op)) {
    const apply = BINARY[op];
    return (values) => apply(a(values), b(values));
  }
  op satisfies "select";
  const c = argument(2);
  return (values) => (a(values) !== 0 ? b(values) : c(values));
};

/** The value of a scalar where its variables have these values. */
export const evaluateScalar = (
  scalar: Scalar,
  variables: Readonly<Record<string, number>>,
): number => compileScalar(scalar, Object.keys(variables))(Object.values(variables));

/** A table of a scalar over axis indices, row-major in the order of the axes, computed in float64, rounded to f32. */
export const scalarTable = (
  scalar: Scalar,
  axes: readonly { readonly name: string; readonly size: number }[],
): Float32Array => {
  const value = compileScalar(
    scalar,
    axes.map((axis) => axis.name),
  );
  const table = new Float32Array(axes.reduce((count, axis) => count * axis.size, 1));
  const index = axes.map(() => 0);
  for (let at = 0; at < table.length; at++) {
    table[at] = value(index);
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      if ((index[axis] ?? 0) < (axes[axis]?.size ?? 0)) break;
      index[axis] = 0;
    }
  }
  return table;
};
