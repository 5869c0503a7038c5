/** What is written reads back bit for bit, and equal tensors make equal bytes. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { narrow, widen } from "../../runtime/formats/float16.js";
import {
  openSafetensors,
  type TensorData,
  writeSafetensors,
} from "../../runtime/formats/safetensors.js";
import { BLOCK, ofFloats, readFloats } from "../../runtime/formats/stored-tensor.js";
import { fileOf, floatsFile } from "../support/safetensors-bytes.js";
import { inScratch } from "../support/scratch.js";

const bits = (floats: Float32Array): number[] => [
  ...new Uint32Array(floats.buffer, floats.byteOffset, floats.length),
];

/** Entries, not an object: a tensor may be called "__proto__". */
const readAll = async (path: string): Promise<readonly (readonly [string, object])[]> => {
  const file = await openSafetensors(path);
  try {
    const all: [string, object][] = [];
    for (const name of file.names)
      all.push([name, { shape: file.shape(name), bits: bits(await file.read(name)) }]);
    return all;
  } finally {
    await file.close();
  }
};

const byName = (a: readonly [string, object], b: readonly [string, object]): number =>
  a[0] < b[0] ? -1 : 1;

const dtype = fc.constantFrom("f32" as const, "f16" as const, "bf16" as const);
const tensor = fc
  .record({ dtype, shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }), name: fc.string() })
  .chain(({ dtype, shape, name }) => {
    const count = shape.reduce((a, b) => a * b, 1);
    return fc
      .array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: count, maxLength: count })
      .map((words): TensorData => {
        const data = new Float32Array(Uint32Array.from(words).buffer);
        if (dtype === "f32") return { name, dtype, shape, data: ofFloats(data) };
        // Values that the type can hold: what was narrowed once stays.
        const halves = new Uint16Array(count);
        narrow(dtype, data, halves);
        widen(dtype, halves, data);
        return { name, dtype, shape, data: ofFloats(data) };
      });
  });
const tensors = fc
  .uniqueArray(tensor, { maxLength: 6, selector: ({ name }) => name })
  .filter((list) => list.every(({ name }) => name !== "__metadata__"));

describe("write, then read", () => {
  test("is the identity, for every type, name and shape", async () => {
    await inScratch((folder) =>
      fc.assert(
        fc.asyncProperty(tensors, async (list) => {
          const path = join(folder, "x.safetensors");
          await writeSafetensors(path, list);
          const expected: [string, object][] = [];
          for (const { name, shape, data } of list)
            expected.push([name, { shape, bits: bits(await readFloats(data)) }]);
          // JSON puts names that are whole numbers first.
          expect([...(await readAll(path))].sort(byName)).toEqual(expected.sort(byName));
          expect(readdirSync(folder)).toEqual(["x.safetensors"]);
        }),
        {
          numRuns: 150,
          examples: ["__proto__", "constructor", ""].map((name): [TensorData[]] => [
            [{ name, dtype: "f32", shape: [1], data: ofFloats(Float32Array.of(2)) }],
          ]),
        },
      ),
    );
  });

  test("tensors larger than a piece, and metadata", async () => {
    await inScratch(async (folder) => {
      const path = join(folder, "large.safetensors");
      const data = Float32Array.from({ length: 2 * BLOCK + 5 }, (_, i) => (i % 251) - 125);
      for (const dtype of ["f32", "bf16"] as const) {
        await writeSafetensors(
          path,
          [{ name: "x", dtype, shape: [data.length], data: ofFloats(data) }],
          {
            step: "7",
          },
        );
        const file = await openSafetensors(path);
        expect(file.metadata).toEqual({ format: "pt", step: "7" });
        const back = await file.read("x");
        await file.close();
        expect(Buffer.from(back.buffer).equals(Buffer.from(data.buffer))).toBe(true);
      }
    });
  });
});

test("the bytes are those of the format: length, padded JSON, data from a multiple of 8", async () => {
  await inScratch(async (folder) => {
    const path = join(folder, "x.safetensors");
    const data = ofFloats(Float32Array.of(1, -2));
    await writeSafetensors(path, [
      { name: "a", dtype: "f32", shape: [2], data },
      { name: "b", dtype: "bf16", shape: [1, 2], data },
    ]);
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0);
    expect(bytes.subarray(8, 8 + length).toString()).toMatch(
      /^\{"__metadata__":\{"format":"pt"\},"a":\{"dtype":"F32","shape":\[2\],"data_offsets":\[0,8\]\},"b":\{"dtype":"BF16","shape":\[1,2\],"data_offsets":\[8,12\]\}\} *$/,
    );
    expect(bytes.subarray(8 + length).toString("hex")).toBe("0000803f000000c0803f00c0");
  });
});

test("files of other writers: unpadded, f16, types that are no weights", async () => {
  await inScratch(async (folder) => {
    const path = join(folder, "x.safetensors");
    writeFileSync(path, floatsFile([{ name: "x", shape: [3], data: [1, 2, 3] }]));
    expect(await readAll(path)).toEqual([
      ["x", { shape: [3], bits: bits(Float32Array.of(1, 2, 3)) }],
    ]);
    const header = {
      half: { dtype: "F16", shape: [2], data_offsets: [8, 12] },
      ids: { dtype: "I64", shape: [1], data_offsets: [0, 8] },
    };
    writeFileSync(path, fileOf(header, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0, 0xc0)));
    const file = await openSafetensors(path);
    expect([...(await file.read("half"))]).toEqual([1, -2]);
    await expect(file.read("ids")).rejects.toThrow(/tensor ids is I64; weights are read from F32/);
    await expect(file.read("none")).rejects.toThrow(/has no tensor none/);
    await expect(file.tensor("half").read(1, new Uint8Array(4))).rejects.toThrow(
      /half ends before/,
    );
    await file.close();
  });
});
