/** Rows of a table: as they are in the file, each read once while it is kept. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ofFloats, type StoredTensor } from "../../runtime/formats/stored-tensor.js";
import { tableRows } from "../../runtime/run/table-rows.js";

const WIDTH = 3;

/** A table of so many rows, and the first elements of what was read of it. */
const counted = (rows: number): { readonly table: StoredTensor; readonly reads: number[] } => {
  const stored = ofFloats(Float32Array.from({ length: rows * WIDTH }, (_, i) => i / 7));
  const reads: number[] = [];
  const read: StoredTensor["read"] = (start, into) => {
    reads.push(start);
    return stored.read(start, into);
  };
  return { table: { ...stored, read }, reads };
};

test("rows are those of the table, whatever is kept of them", async () => {
  const batches = fc.array(fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(batches, fc.integer({ min: 0, max: 12 }), async (all, kept) => {
      const { table } = counted(10);
      const rows = tableRows(table, 10, kept * WIDTH * 4);
      for (const tokens of all) {
        const wanted = tokens.flatMap((token) =>
          Array.from({ length: WIDTH }, (_, i) => Math.fround((token * WIDTH + i) / 7)),
        );
        expect([...(await rows.of(Uint32Array.from(tokens)))]).toEqual(wanted);
      }
    }),
  );
});

test("a row that is kept is not read again, and the least lately used goes first", async () => {
  const { table, reads } = counted(10);
  const rows = tableRows(table, 10, 2 * WIDTH * 4);
  const readFor = async (...tokens: number[]): Promise<number[]> => {
    reads.length = 0;
    await rows.of(Uint32Array.from(tokens));
    return reads.map((start) => start / WIDTH);
  };
  expect(await readFor(1, 2, 1, 1)).toEqual([1, 2]);
  expect(await readFor(1, 3)).toEqual([3]);
  expect(await readFor(1, 2)).toEqual([2]);
});

test("a token without a row is refused", async () => {
  const rows = tableRows(counted(10).table, 10);
  await expect(rows.of(Uint32Array.of(3, 10))).rejects.toThrow(
    "a token is 10, where the model knows 10",
  );
});
