/** Every 16-bit float both ways, and rounding at every boundary between two of them. */
import { describe, expect, test } from "vitest";
import {
  bf16FromF32,
  f16FromF32,
  f32FromBf16,
  f32FromF16,
  narrow,
  widen,
} from "../../runtime/formats/float16.js";

const word = new DataView(new ArrayBuffer(4));
const floatOf = (bits: number): number => {
  word.setUint32(0, bits);
  return word.getFloat32(0);
};
const bitsOf = (value: number): number => {
  word.setFloat32(0, value);
  return word.getUint32(0);
};

/** A 16-bit float by its definition; all ones in the exponent read as if it went on. */
const defined = (half: number, exponentBits: number, unbounded = false): number => {
  const mantissaBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (half & 0x7fff) >> mantissaBits;
  const fraction = (half & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const sign = half & 0x8000 ? -1 : 1;
  if (!unbounded && exponent === 2 ** exponentBits - 1)
    return fraction === 0 ? sign / 0 : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
};

const formats = [
  {
    dtype: "f16",
    exponentBits: 5,
    up: f32FromF16,
    down: f16FromF32,
    quiet: 0x200,
    infinity: 0x7c00,
  },
  {
    dtype: "bf16",
    exponentBits: 8,
    up: f32FromBf16,
    down: bf16FromF32,
    quiet: 0x40,
    infinity: 0x7f80,
  },
] as const;

describe.each(formats)("$dtype", ({ dtype, exponentBits, up, down, quiet, infinity }) => {
  const all = Array.from({ length: 0x10000 }, (_, half) => half);
  const isNan = (half: number): boolean => (half & 0x7fff) > infinity;

  test("each of the 65536 reads as it is defined", () => {
    const wrong = all.filter((half) => !Object.is(floatOf(up(half)), defined(half, exponentBits)));
    expect(wrong).toEqual([]);
  });

  test("each comes back, NaN as a quiet NaN of the same payload", () => {
    const wrong = all.filter((half) => down(up(half)) !== (isNan(half) ? half | quiet : half));
    expect(wrong).toEqual([]);
  });

  test("between each two neighbours: to the nearer, and the middle to the even one", () => {
    const wrong: number[] = [];
    for (const sign of [0, 0x8000])
      for (let half = sign; half < (sign | infinity); half++) {
        const [low, high] = [half, half + 1].map((h) => defined(h, exponentBits, true));
        const middle = bitsOf(((low ?? 0) + (high ?? 0)) / 2);
        const even = half % 2 === 0 ? half : half + 1;
        if (down(middle - 1) !== half || down(middle) !== even || down(middle + 1) !== half + 1)
          wrong.push(half);
      }
    expect(wrong).toEqual([]);
  });

  test("what is too large or too small", () => {
    expect(down(bitsOf(3.4e38))).toBe(infinity);
    expect(down(bitsOf(-3.4e38))).toBe(infinity | 0x8000);
    expect(down(1)).toBe(0);
    expect(down(0x80000001)).toBe(0x8000);
    // A NaN all of whose payload would be cut off.
    expect(down(0x7f800001)).toBe(infinity | quiet);
    expect(down(0xff800001)).toBe(infinity | quiet | 0x8000);
  });

  test("arrays, parts of larger ones too", () => {
    const halves = Uint16Array.from(all);
    const floats = new Float32Array(0x10000 + 3);
    widen(dtype, halves, floats.subarray(3));
    const back = new Uint16Array(0x10000);
    narrow(dtype, floats.subarray(3), back);
    expect(all.filter((half) => back[half] !== (isNan(half) ? half | quiet : half))).toEqual([]);
    expect([...floats.subarray(0, 3)]).toEqual([0, 0, 0]);
  });
});
