/** What every kernel family gives: WGSL text for each schedule, and the cost of the work. Nothing here knows the compiler. */

export interface Variant {
  /** Names the schedule within its family, e.g. "r8c4" or "lanes1". */
  readonly name: string;
  readonly wgsl: string;
  readonly workgroup: readonly [number, number, number];
  readonly workgroups: readonly [number, number, number];
  readonly features: readonly string[];
}

/**
 * One call of a family on given sizes. Bindings follow the order of `operands` from @binding(1) on; all are storage
 * buffers; @binding(0) is a uniform struct holding `params` as 32-bit words.
 */
export interface KernelCall {
  readonly family: string;
  /** What matters for tuning, the same for calls that one schedule suits, e.g. "nt in fours 512 x 512 x 128". */
  readonly shape: string;
  readonly operands: readonly { readonly name: string; readonly access: "read" | "read_write" }[];
  readonly params: readonly number[];
  readonly variants: readonly Variant[];
  readonly flops: number;
  readonly bytes: number;
}

/** Workgroups for `groups` one-dimensional groups, folded into two dimensions where one has more than 65535.
 *  Shaders read `wid.x + wid.y * 65535u` when folded; they must guard against the overshoot. */
export const foldGroups = (groups: number): readonly [number, number, number] =>
  groups <= 65535 ? [Math.max(1, groups), 1, 1] : [65535, Math.ceil(groups / 65535), 1];

/** The bits of a float as an unsigned word, for `params`. */
export const floatBits = (value: number): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0);
};

/** Sizes up to the next power of two are alike to every schedule, and so are those from `most` on. */
export const sizeClass = (size: number, most: number): number =>
  Math.min(most, 2 ** Math.ceil(Math.log2(size)));
