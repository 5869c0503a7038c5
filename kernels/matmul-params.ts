/** The uniform of every matrix product: sizes, and where the (pieces of the) operands lie in their bindings; how those are bound and read. */
import {
  type Arithmetic,
  bindingType,
  type Dtype,
  ROUNDERS,
  readersOf,
  readOperand,
  rounded,
} from "./operand.js";

/** "nn": A [m, k] B [k, n]; "nt": A [m, k] B [n, k]; "tn": A [k, m] B [k, n]; C [m, n]. */
export type Layout = "nn" | "nt" | "tn";

/** In elements: the first one, from one stored row to the next, and from one matrix of the batch to the next. */
export interface MatrixPlace {
  readonly offset: number;
  readonly row: number;
  readonly step: number;
}

export const MATMUL_PARAMS = `struct Params { m: u32, n: u32, k: u32, batch: u32, tilesN: u32, tiles: u32, add: u32, unused: u32,
  lda: u32, ldb: u32, ldc: u32, offA: u32, offB: u32, offC: u32, stepA: u32, stepB: u32, stepC: u32, u0: u32, u1: u32, u2: u32 }`;

/** The types that the operands are stored in, and what their products are computed in (f32 where nothing is said). */
export interface OperandTypes {
  readonly a: Dtype;
  readonly b: Dtype;
  readonly arithmetic?: Arithmetic;
}

export const F32_OPERANDS: OperandTypes = { a: "f32", b: "f32" };

/** How an operand is read: one by one, in fours, or in eights of 16 bits each. */
export type Width = boolean | 8;

const elementType = (dtype: Dtype, width: Width): string =>
  width === 8 ? "vec4<u32>" : bindingType(dtype, width);

/** Bindings of every matrix product, and the functions that read them; `toFours`: the result is written in fours. */
export const matmulBindings = (
  types: OperandTypes,
  width: Width | Readonly<Record<"a" | "b", Width>>,
  toFours = false,
): string => `@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<${elementType(types.a, typeof width === "object" ? width.a : width)}>;
@group(0) @binding(2) var<storage, read> b: array<${elementType(types.b, typeof width === "object" ? width.b : width)}>;
@group(0) @binding(3) var<storage, read_write> c: array<${toFours ? "vec4<f32>" : "f32"}>;
${[...readersOf([types.a, types.b]), ...(types.arithmetic === "f16" ? ROUNDERS : [])]
  .map((line) => `${line}\n`)
  .join("")}`;

/** An operand's number at an index, or its four numbers, as they are multiplied. */
export const readFrom =
  (types: OperandTypes, inFours: boolean) =>
  (operand: "a" | "b", index: string): string => {
    const value = readOperand(types[operand], inFours, operand, index);
    return types.arithmetic === "f16" && types[operand] !== "f16" ? rounded(inFours, value) : value;
  };
