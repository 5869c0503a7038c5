/** The uniform of every matrix product: sizes, and where the (pieces of the) operands lie in their bindings. */

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
