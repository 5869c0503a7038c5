/**
 * How GGUF packs numbers: blocks of a few bytes that stand for 32 or 256 elements (ggml, ggml-common.h for
 * the layouts, ggml-quants.c for what they mean). Scales are f16; what is computed from them is rounded to f32 as there.
 */
import { f16FromF32, f32FromF16 } from "./float16.js";

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

const f16At = (bytes: Uint8Array, at: number): number => {
  word[0] = f32FromF16((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
  return float[0] ?? 0;
};

const signed = (byte: number): number => (byte << 24) >> 24;

/** Fills `into` from `at` on with the elements of the block at byte `from`. */
type Unpack = (bytes: Uint8Array, from: number, into: Float32Array, at: number) => void;

/** 32 elements: f16 scale, 32 signed bytes. */
const q8_0: Unpack = (bytes, from, into, at) => {
  const scale = f16At(bytes, from);
  for (let i = 0; i < 32; i++) into[at + i] = scale * signed(bytes[from + 2 + i] ?? 0);
};

/** 32 elements: f16 scale, then 16 bytes of the first half's nibbles below those of the second; 8 stands for 0. */
const q4_0: Unpack = (bytes, from, into, at) => {
  const scale = f16At(bytes, from);
  for (let i = 0; i < 16; i++) {
    const byte = bytes[from + 2 + i] ?? 0;
    into[at + i] = scale * ((byte & 15) - 8);
    into[at + i + 16] = scale * ((byte >> 4) - 8);
  }
};

/** 32 elements: f16 scale, f16 least value, nibbles as in Q4_0. */
const q4_1: Unpack = (bytes, from, into, at) => {
  const [scale, least] = [f16At(bytes, from), f16At(bytes, from + 2)];
  for (let i = 0; i < 16; i++) {
    const byte = bytes[from + 4 + i] ?? 0;
    into[at + i] = Math.fround(scale * (byte & 15)) + least;
    into[at + i + 16] = Math.fround(scale * (byte >> 4)) + least;
  }
};

/** The fifth bits of 32 numbers, in four bytes: 16 where element `i` has one. */
const fifthBit = (bytes: Uint8Array, from: number, i: number): number =>
  (((bytes[from + (i >> 3)] ?? 0) >> (i & 7)) & 1) << 4;

/** 32 elements: f16 scale, 4 bytes of fifth bits, nibbles as in Q4_0; 16 stands for 0. */
const q5_0: Unpack = (bytes, from, into, at) => {
  const scale = f16At(bytes, from);
  for (let i = 0; i < 16; i++) {
    const byte = bytes[from + 6 + i] ?? 0;
    into[at + i] = scale * (((byte & 15) | fifthBit(bytes, from + 2, i)) - 16);
    into[at + i + 16] = scale * (((byte >> 4) | fifthBit(bytes, from + 2, i + 16)) - 16);
  }
};

/** 32 elements: f16 scale, f16 least value, fifth bits and nibbles as in Q5_0. */
const q5_1: Unpack = (bytes, from, into, at) => {
  const [scale, least] = [f16At(bytes, from), f16At(bytes, from + 2)];
  for (let i = 0; i < 16; i++) {
    const byte = bytes[from + 8 + i] ?? 0;
    const [low, high] = [
      (byte & 15) | fifthBit(bytes, from + 4, i),
      (byte >> 4) | fifthBit(bytes, from + 4, i + 16),
    ];
    into[at + i] = Math.fround(scale * low) + least;
    into[at + i + 16] = Math.fround(scale * high) + least;
  }
};

/** Where element `i` of 256 has its two bits among 64 bytes: four rows of 32 share a byte each, half by half. */
const twoBits = (bytes: Uint8Array, from: number, i: number): number => {
  const [half, row, column] = [i >> 7, (i >> 5) & 3, i & 31];
  return ((bytes[from + 32 * half + column] ?? 0) >> (2 * row)) & 3;
};

/** 256 elements: 16 bytes with a scale below a least value for each sub-block of 16, 64 of pairs of bits, f16 scales of both. */
const q2_k: Unpack = (bytes, from, into, at) => {
  const [scales, leasts] = [f16At(bytes, from + 80), f16At(bytes, from + 82)];
  for (let i = 0; i < 256; i++) {
    const byte = bytes[from + (i >> 4)] ?? 0;
    const [d, m] = [Math.fround(scales * (byte & 15)), Math.fround(leasts * (byte >> 4))];
    into[at + i] = Math.fround(d * twoBits(bytes, from + 16, i)) - m;
  }
};

/** The 6-bit scale of sub-block `j` of sixteen, 32 of which stands for 0: nibbles of 8 bytes, upper pairs of bits in 4 more. */
const scaleOf16 = (bytes: Uint8Array, from: number, j: number): number => {
  const low = ((bytes[from + (j & 7)] ?? 0) >> (j < 8 ? 0 : 4)) & 15;
  const high = ((bytes[from + 8 + (j & 3)] ?? 0) >> (2 * (j >> 2))) & 3;
  return (low | (high << 4)) - 32;
};

/** 256 elements: 32 bytes of third bits, whose absence takes 4 away, 64 of pairs of bits, 12 of scales, f16 scale of scales. */
const q3_k: Unpack = (bytes, from, into, at) => {
  const scales = f16At(bytes, from + 108);
  for (let i = 0; i < 256; i++) {
    const third = ((bytes[from + (i & 31)] ?? 0) >> (i >> 5)) & 1;
    const d = Math.fround(scales * scaleOf16(bytes, from + 96, i >> 4));
    into[at + i] = d * (twoBits(bytes, from + 32, i) - (third === 1 ? 0 : 4));
  }
};

/** The 6-bit scale and least value of sub-block `j` of eight, packed in 12 bytes: the last four's upper bits stand with the first four. */
const scaleAndLeast = (bytes: Uint8Array, from: number, j: number): readonly [number, number] => {
  const byte = (i: number): number => bytes[from + i] ?? 0;
  if (j < 4) return [byte(j) & 63, byte(j + 4) & 63];
  return [
    (byte(j + 4) & 15) | ((byte(j - 4) >> 6) << 4),
    (byte(j + 4) >> 4) | ((byte(j) >> 6) << 4),
  ];
};

/** 256 elements: f16 scale of scales, f16 scale of least values, 12 bytes of both for 8 sub-blocks, nibbles by pairs of sub-blocks. */
const q4_k: Unpack = (bytes, from, into, at) => {
  const [scales, leasts] = [f16At(bytes, from), f16At(bytes, from + 2)];
  for (let j = 0; j < 8; j++) {
    const [scale, least] = scaleAndLeast(bytes, from + 4, j);
    const [d, m] = [Math.fround(scales * scale), Math.fround(leasts * least)];
    const shift = 4 * (j % 2);
    for (let i = 0; i < 32; i++) {
      const nibble = ((bytes[from + 16 + 32 * (j >> 1) + i] ?? 0) >> shift) & 15;
      into[at + 32 * j + i] = Math.fround(d * nibble) - m;
    }
  }
};

/** 256 elements: as Q4_K, with 32 bytes of fifth bits, one for each sub-block, before the nibbles. */
const q5_k: Unpack = (bytes, from, into, at) => {
  const [scales, leasts] = [f16At(bytes, from), f16At(bytes, from + 2)];
  for (let j = 0; j < 8; j++) {
    const [scale, least] = scaleAndLeast(bytes, from + 4, j);
    const [d, m] = [Math.fround(scales * scale), Math.fround(leasts * least)];
    for (let i = 0; i < 32; i++) {
      const low = ((bytes[from + 48 + 32 * (j >> 1) + i] ?? 0) >> (4 * (j % 2))) & 15;
      const fifth = (((bytes[from + 16 + i] ?? 0) >> j) & 1) << 4;
      into[at + 32 * j + i] = Math.fround(d * (low | fifth)) - m;
    }
  }
};

/** What a nibble stands for in the IQ4 types, before its scale (ggml, kvalues_iq4nl). */
const UNEVEN = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** 16 bytes of nibbles, those of the first half below those of the second, as uneven steps of a scale. */
const unevenSteps = (
  bytes: Uint8Array,
  from: number,
  scale: number,
  into: Float32Array,
  at: number,
): void => {
  for (let i = 0; i < 16; i++) {
    const byte = bytes[from + i] ?? 0;
    into[at + i] = scale * (UNEVEN[byte & 15] ?? 0);
    into[at + i + 16] = scale * (UNEVEN[byte >> 4] ?? 0);
  }
};

/** 32 elements: f16 scale, 16 bytes of nibbles. */
const iq4_nl: Unpack = (bytes, from, into, at) =>
  unevenSteps(bytes, from + 2, f16At(bytes, from), into, at);

/** 256 elements: f16 scale of scales, upper pairs of bits of 8 scales, their nibbles, 16 bytes of nibbles for each. */
const iq4_xs: Unpack = (bytes, from, into, at) => {
  const scales = f16At(bytes, from);
  const upper = (bytes[from + 2] ?? 0) | ((bytes[from + 3] ?? 0) << 8);
  for (let j = 0; j < 8; j++) {
    const low = ((bytes[from + 4 + (j >> 1)] ?? 0) >> (4 * (j & 1))) & 15;
    const scale = Math.fround(scales * ((low | (((upper >> (2 * j)) & 3) << 4)) - 32));
    unevenSteps(bytes, from + 8 + 16 * j, scale, into, at + 32 * j);
  }
};

/** 256 elements: 128 bytes of lower nibbles, 64 of upper pairs of bits, 16 signed scales, f16 scale of scales; 32 stands for 0. */
const q6_k: Unpack = (bytes, from, into, at) => {
  const scales = f16At(bytes, from + 208);
  for (let i = 0; i < 256; i++) {
    const [half, row, column] = [i >> 7, (i >> 5) & 3, i & 31];
    const low = (bytes[from + 64 * half + 32 * (row & 1) + column] ?? 0) >> (row < 2 ? 0 : 4);
    const high = (bytes[from + 128 + 32 * half + column] ?? 0) >> (2 * row);
    const scale = signed(bytes[from + 192 + (i >> 4)] ?? 0);
    into[at + i] = Math.fround(scales * scale) * (((low & 15) | ((high & 3) << 4)) - 32);
  }
};

export interface Blocks {
  /** Elements of a block. */
  readonly elements: number;
  readonly bytes: number;
  readonly unpack: Unpack;
}

/** Packed types by their number in the file. */
export const BLOCKS: ReadonlyMap<number, Blocks & { readonly name: string }> = new Map([
  [2, { name: "Q4_0", elements: 32, bytes: 18, unpack: q4_0 }],
  [3, { name: "Q4_1", elements: 32, bytes: 20, unpack: q4_1 }],
  [6, { name: "Q5_0", elements: 32, bytes: 22, unpack: q5_0 }],
  [7, { name: "Q5_1", elements: 32, bytes: 24, unpack: q5_1 }],
  [8, { name: "Q8_0", elements: 32, bytes: 34, unpack: q8_0 }],
  [10, { name: "Q2_K", elements: 256, bytes: 84, unpack: q2_k }],
  [11, { name: "Q3_K", elements: 256, bytes: 110, unpack: q3_k }],
  [12, { name: "Q4_K", elements: 256, bytes: 144, unpack: q4_k }],
  [13, { name: "Q5_K", elements: 256, bytes: 176, unpack: q5_k }],
  [14, { name: "Q6_K", elements: 256, bytes: 210, unpack: q6_k }],
  [20, { name: "IQ4_NL", elements: 32, bytes: 18, unpack: iq4_nl }],
  [23, { name: "IQ4_XS", elements: 256, bytes: 136, unpack: iq4_xs }],
]);

/** Types that are not read, by the names that files of them are known by. */
export const UNREAD_TYPES: ReadonlyMap<number, string> = new Map([
  [9, "Q8_1"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [24, "I8"],
  [25, "I16"],
  [26, "I32"],
  [27, "I64"],
  [28, "F64"],
  [29, "IQ1_M"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [39, "MXFP4"],
]);

export const Q8_0 = { elements: 32, bytes: 34 } as const;

/** Halves go away from 0, as C's roundf has it. */
const roundAway = (value: number): number => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);

/** Packs 32 elements from `at` on as Q8_0: the largest becomes 127 (ggml-quants.c, quantize_row_q8_0_ref). */
const packBlock = (floats: Float32Array, at: number, into: Uint8Array, to: number): void => {
  let largest = 0;
  for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(floats[at + i] ?? 0));
  const scale = Math.fround(largest / 127);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  float[0] = scale;
  const half = f16FromF32(word[0] ?? 0);
  into[to] = half & 255;
  into[to + 1] = half >> 8;
  for (let i = 0; i < 32; i++)
    into[to + 2 + i] = roundAway(Math.fround((floats[at + i] ?? 0) * inverse)) & 255;
};

/** Elements as Q8_0, a whole number of blocks. */
export const packQ8 = (floats: Float32Array, into: Uint8Array): void => {
  for (let block = 0; block * Q8_0.elements < floats.length; block++)
    packBlock(floats, block * Q8_0.elements, into, block * Q8_0.bytes);
};
