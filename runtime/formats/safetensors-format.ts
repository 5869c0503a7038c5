/** What any reader of safetensors files must know: how long headers are, and how they spell the types of weights. */
import type { Dtype } from "./stored-tensor.js";

/** The cap of the reference implementation. */
export const HEADER_LIMIT = 100_000_000;

/** Types that weights are read from, as headers spell them. */
export const READABLE: ReadonlyMap<string, Dtype> = new Map([
  ["F32", "f32"],
  ["F16", "f16"],
  ["BF16", "bf16"],
]);

/** Types of whole numbers, and how they are read; those beyond 2^53 are rounded. */
export const INTEGERS: ReadonlyMap<string, (bytes: ArrayBuffer) => readonly number[]> = new Map([
  ["I32", (bytes: ArrayBuffer) => [...new Int32Array(bytes)]],
  ["U32", (bytes: ArrayBuffer) => [...new Uint32Array(bytes)]],
  ["I64", (bytes: ArrayBuffer) => [...new BigInt64Array(bytes)].map(Number)],
]);
