/**
 * The two 16-bit floats of checkpoints, by their bits: IEEE 754 binary16 ("f16") and the upper half of binary32 ("bf16").
 * To f32 is exact; from f32 rounds to nearest, ties to even; infinities stay and NaN stays NaN.
 */

export type HalfDtype = "f16" | "bf16";

const QUIET_F16 = 0x0200;
const QUIET_BF16 = 0x0040;

/** Bits of the f32 equal to a bf16. */
export const f32FromBf16 = (half: number): number => (half << 16) >>> 0;

/** Bits of the bf16 nearest to an f32. */
export const bf16FromF32 = (bits: number): number => {
  const upper = bits >>> 16;
  const isNan = (bits & 0x7fffffff) >>> 0 > 0x7f800000;
  // A NaN whose payload is in the lower half only would be cut to an infinity.
  if (isNan) return upper | QUIET_BF16;
  return ((bits + 0x7fff + (upper & 1)) >>> 16) & 0xffff;
};

/** Bits of the f32 equal to an f16. */
export const f32FromF16 = (half: number): number => {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  // Subnormal: mantissa × 2^-24, normalised so that its leading bit becomes the hidden one.
  const shift = Math.clz32(mantissa) - 21;
  const normal = (mantissa << shift) & 0x3ff;
  return (sign | ((113 - shift) << 23) | (normal << 13)) >>> 0;
};

/** Shifts right, rounding to nearest, ties to even; `shift` from 1 to 31. */
const shiftRounded = (value: number, shift: number): number => {
  const kept = value >>> shift;
  const rest = value & (2 ** shift - 1);
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
};

/** Bits of the f16 nearest to an f32. */
export const f16FromF32 = (bits: number): number => {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | QUIET_F16 | ((magnitude >>> 13) & 0x3ff);
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Normal in f16: the exponent is rebased, and rounding up may carry into it.
  if (magnitude >= 0x38800000) return sign | shiftRounded(magnitude - 0x38000000, 13);
  const exponent = magnitude >>> 23;
  // Below half of the smallest subnormal.
  if (exponent < 102) return sign;
  return sign | shiftRounded((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
};

/** Widens 16-bit floats into f32, as many as `halves` has. */
export const widen = (dtype: HalfDtype, halves: Uint16Array, into: Float32Array): void => {
  const bits = new Uint32Array(into.buffer, into.byteOffset, halves.length);
  // A loop for each type, as large models are read through them: a call by variable is several times slower.
  if (dtype === "bf16")
    for (let i = 0; i < halves.length; i++) bits[i] = f32FromBf16(halves[i] ?? 0);
  else for (let i = 0; i < halves.length; i++) bits[i] = f32FromF16(halves[i] ?? 0);
};

/** Rounds f32 to 16-bit floats, as many as `floats` has. */
export const narrow = (dtype: HalfDtype, floats: Float32Array, into: Uint16Array): void => {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const convert = dtype === "bf16" ? bf16FromF32 : f16FromF32;
  for (let i = 0; i < bits.length; i++) into[i] = convert(bits[i] ?? 0);
};
