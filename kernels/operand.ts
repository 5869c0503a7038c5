/**
 * How kernels read a tensor as f32, whatever type it is stored in. Numbers of 16 bits lie in pairs in words, the first in
 * the lower half, and every one of them is an f32 exactly: nothing is rounded.
 */

/** The type that a tensor's numbers are stored in. */
export type Dtype = "f32" | "f16" | "bf16";

/**
 * What products are computed in. "f16" lets both operands be rounded to f16; the product of two such numbers is an f32
 * exactly, and sums are f32 either way.
 */
export type Arithmetic = "f32" | "f16";

export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = { f32: 4, f16: 2, bf16: 2 };

/** The type of a binding's elements: numbers one by one, or in fours. */
export const bindingType = (dtype: Dtype, inFours: boolean): string => {
  if (dtype === "f32") return inFours ? "vec4<f32>" : "f32";
  return inFours ? "vec2<u32>" : "u32";
};

/** The four numbers of a binding's element. */
export const numbersOf = (dtype: Dtype, element: string): string =>
  dtype === "f32" ? element : `${dtype}_four(${element})`;

/** A binding's number at `index`, or its four numbers from four times `index` on. */
export const readOperand = (
  dtype: Dtype,
  inFours: boolean,
  binding: string,
  index: string,
): string => {
  if (inFours) return numbersOf(dtype, `${binding}[${index}]`);
  return dtype === "f32"
    ? `${binding}[${index}]`
    : `${dtype}_one(${binding}[(${index}) >> 1u], ${index})`;
};

/**
 * Branchless, as software adapters run both sides; a bf16 is the upper half of its f32. Moved up by a product, as
 * SwiftShader shifts lane by lane.
 */
const READERS: Readonly<Record<Dtype, readonly string[]>> = {
  f32: [],
  f16: [
    "fn f16_one(pair: u32, at: u32) -> f32 { return unpack2x16float(select(pair, pair >> 16u, (at & 1u) != 0u)).x; }",
    "fn f16_four(pairs: vec2<u32>) -> vec4<f32> { return vec4<f32>(unpack2x16float(pairs.x), unpack2x16float(pairs.y)); }",
  ],
  bf16: [
    "fn bf16_one(pair: u32, at: u32) -> f32 { return bitcast<f32>(select(pair * 65536u, pair & 0xffff0000u, (at & 1u) != 0u)); }",
    "fn bf16_four(pairs: vec2<u32>) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(pairs.x * 65536u, pairs.x & 0xffff0000u, pairs.y * 65536u, pairs.y & 0xffff0000u)); }",
  ],
};

/** The functions that `readOperand` calls for bindings of these types. */
export const readersOf = (dtypes: Iterable<Dtype>): readonly string[] =>
  [...new Set(dtypes)].flatMap((dtype) => READERS[dtype]);

/** The functions that `rounded` calls. */
export const ROUNDERS: readonly string[] = [
  "fn rounded_one(value: f32) -> f32 { return f32(f16(value)); }",
  "fn rounded_four(values: vec4<f32>) -> vec4<f32> { return vec4<f32>(vec4<f16>(values)); }",
];

/**
 * A number, or four, as f16 has it: the nearest one, or the one beyond (WGSL leaves that open; a driver's compiler may even
 * leave it as it is, which is more exact). Needs `enable f16`.
 */
export const rounded = (inFours: boolean, value: string): string =>
  `rounded_${inFours ? "four" : "one"}(${value})`;
