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
  [8, { name: "Q8_0", elements: 32, bytes: 34, unpack: q8_0 }],
  [12, { name: "Q4_K", elements: 256, bytes: 144, unpack: q4_k }],
  [14, { name: "Q6_K", elements: 256, bytes: 210, unpack: q6_k }],
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
