/** Weights side by side in one tensor: each read from it, and it from them, against their definition by coordinates. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { TensorPart } from "../../compiler/plan.js";
import { joined, partOf } from "../../runtime/formats/parts.js";
import {
  DTYPE_BYTES,
  type Dtype,
  ofFloats,
  readFloats,
  type StoredTensor,
} from "../../runtime/formats/stored-tensor.js";

interface Case {
  readonly rows: number;
  readonly lengths: readonly number[];
  readonly cuts: readonly number[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  rows: fc.integer({ min: 1, max: 5 }),
  lengths: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
  cuts: fc.array(fc.nat(120), { maxLength: 4 }),
});

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const partsIn = ({ rows, lengths }: Case): TensorPart[] => {
  const row = sum(lengths);
  return lengths.map((length, at) => {
    const start = sum(lengths.slice(0, at));
    return { shape: [rows, row], rows, row, start, length };
  });
};

/** 0, 1, 2, … in order of storage. */
const counting = (count: number): StoredTensor =>
  ofFloats(Float32Array.from({ length: count }, (_, i) => i));

/** The elements, read in pieces that end at the cuts. */
const inPieces = async (
  tensor: StoredTensor,
  cuts: readonly number[],
): Promise<readonly number[]> => {
  const size = DTYPE_BYTES[tensor.dtype];
  const ends = [...cuts.filter((cut) => cut < tensor.count), tensor.count].sort((a, b) => a - b);
  const found = new Float32Array(tensor.count);
  let start = 0;
  for (const end of ends) {
    const into = new Uint8Array(found.buffer, start * size, (end - start) * size);
    if (end > start) await tensor.read(start, into);
    start = end;
  }
  return [...found];
};

test("a part has its columns of every row", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (drawn) => {
      for (const part of partsIn(drawn)) {
        const { rows, row, start, length } = part;
        const expected = Array.from(
          { length: rows * length },
          (_, i) => Math.floor(i / length) * row + start + (i % length),
        );
        const view = partOf(counting(rows * row), part);
        expect(view.count).toBe(expected.length);
        expect(await inPieces(view, drawn.cuts)).toEqual(expected);
      }
    }),
  );
});

test("parts joined are the tensor they came from", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (drawn) => {
      const parts = partsIn(drawn);
      const whole = counting(drawn.rows * sum(drawn.lengths));
      const views = parts.map((part) => ({ part, tensor: partOf(whole, part) }));
      const again = joined("f32", views);
      expect(again.count).toBe(whole.count);
      expect(await inPieces(again, drawn.cuts)).toEqual([...(await readFloats(whole))]);
    }),
  );
});

test("rows too many for one read come in several", async () => {
  const part: TensorPart = { shape: [700_000, 3], rows: 700_000, row: 3, start: 1, length: 1 };
  const views = [0, 1, 2].map((start) => ({ ...part, start }));
  const whole = counting(3 * part.rows);
  expect((await readFloats(partOf(whole, part)))[699_999]).toBe(2_099_998);
  const tensors = views.map((view) => ({ part: view, tensor: partOf(whole, view) }));
  const again = await readFloats(joined("f32", tensors));
  expect(again.every((value, i) => value === i)).toBe(true);
});

test("halves stay halves, bit for bit", async () => {
  const halves = Uint16Array.of(0x7f81, 0x8000, 0x3f80, 0xffff, 1, 2);
  const dtype: Dtype = "bf16";
  const bytes = new Uint8Array(halves.buffer);
  const whole: StoredTensor = {
    dtype,
    count: 6,
    read: async (start, into) => into.set(bytes.subarray(start * 2, start * 2 + into.length)),
  };
  const view = partOf(whole, { shape: [2, 3], rows: 2, row: 3, start: 1, length: 2 });
  const found = new Uint8Array(8);
  await view.read(0, found);
  expect(view.dtype).toBe("bf16");
  expect([...new Uint16Array(found.buffer)]).toEqual([0x8000, 0x3f80, 1, 2]);
});
