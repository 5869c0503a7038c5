/** Scalars and elementwise functions of the IR as WGSL expressions. */
import type { MapFn } from "../ir/tensor.js";

/** Finite stand-in for −∞, so that no arithmetic on infinities is needed. */
export const LEAST = "-3.0e38";

export const literal = (value: number): string => {
  if (Object.is(value, -0)) return "0.0";
  if (!Number.isFinite(value)) return value > 0 ? "3.0e38" : LEAST;
  const rounded = Math.fround(value);
  if (rounded === 0 && value !== 0) return "0.0";
  const text = Number(value.toPrecision(9)).toString();
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
};

/** A whole exponent up to this is written as multiplications. */
const MOST_FACTORS = 8;

/** WGSL's pow has no negative bases. */
const power = (base: string, exponent: string): string => {
  const count = Number(exponent.replace(/f$/, ""));
  if (Number.isInteger(count) && count >= 1 && count <= MOST_FACTORS)
    return `(${Array.from({ length: count }, () => base).join(" * ")})`;
  const size = `pow(abs(${base}), ${exponent})`;
  return `select(${size}, -${size}, ${base} < 0.0 && fract(${exponent} * 0.5) != 0.0)`;
};

export const expression = (fn: MapFn, args: readonly string[]): string => {
  const [a = "", b = "", c = ""] = args;
  switch (fn) {
    case "neg":
      return `(-${a})`;
    case "exp":
    case "log":
    case "sqrt":
    case "abs":
    case "sin":
    case "cos":
    case "tanh":
    case "erf":
    case "floor":
      return `${fn}(${a})`;
    case "not":
      return `select(0.0, 1.0, ${a} == 0.0)`;
    case "add":
      return `(${a} + ${b})`;
    case "sub":
      return `(${a} - ${b})`;
    case "mul":
      return `(${a} * ${b})`;
    case "div":
      return `(${a} / ${b})`;
    case "pow":
      return power(a, b);
    case "min":
    case "max":
      return `${fn}(${a}, ${b})`;
    case "less":
      return `select(0.0, 1.0, ${a} < ${b})`;
    case "equal":
      return `select(0.0, 1.0, ${a} == ${b})`;
    case "select":
      return `select(${c}, ${b}, ${a} != 0.0)`;
    default:
      return fn satisfies never;
  }
};

/** What WGSL lacks: near 0 the first terms of the series, further out Abramowitz and Stegun 7.1.26 (to 1.5e-7). */
const ERF = `fn erf(x: f32) -> f32 {
  let z = x * x;
  let near = x * 1.12837917f * (1.0 - z * (1.0 / 3.0 - z * (0.1 - z * (1.0 / 42.0 - z * (1.0 / 216.0 - z / 1320.0)))));
  let t = 1.0 / (1.0 + 0.3275911f * abs(x));
  let tail = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  return select(sign(x) * (1.0 - tail * exp(-z)), near, z < 0.25);
}
`;

/** The functions that lines of a kernel call and WGSL does not have. */
export const functionsFor = (lines: readonly string[]): readonly string[] =>
  lines.some((line) => line.includes("erf(")) ? [ERF] : [];
