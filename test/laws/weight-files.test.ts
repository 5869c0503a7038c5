/** Law: what is exported reads back bit for bit, in every type, in one file or in shards. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomIndex, randomWord } from "../../laws/random.js";
import { arenaOf, weightsIn } from "../../laws/weights-in-memory.js";
import type { TensorData } from "../../runtime/formats/safetensors.js";
import { type Dtype, ofFloats, readFloats } from "../../runtime/formats/stored-tensor.js";
import { layoutFrom } from "../support/layout.js";
import { inScratch } from "../support/scratch.js";
import { type Mutation, mutant, type Product } from "./mutant.js";
import * as product from "./product.js";

type Law = (product: Product) => Promise<void>;

const dtypes = fc.constantFrom<Dtype>("f32", "f16", "bf16");

/** Any number but NaN that the type holds, made without the product's own conversions. */
const representable = (dtype: Dtype, seed: number, counter: number): number => {
  if (dtype === "f16")
    // 11 bits of mantissa, down to the smallest subnormal and up to 65504.
    return (
      (randomIndex(seed, 0, counter, 4095) - 2047) * 2 ** (randomIndex(seed, 1, counter, 30) - 24)
    );
  const word = randomWord(seed, 2, counter) & (dtype === "bf16" ? 0xffff0000 : 0xffffffff);
  const [value = 0] = new Float32Array(Uint32Array.of(word).buffer);
  return Number.isNaN(value) ? 0 : value;
};

const numbers = (dtype: Dtype, seed: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => representable(dtype, seed, i));

const bits = (floats: Float32Array): Buffer =>
  Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);

const tensor = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 8 }),
    dtype: dtypes,
    shape: fc.array(fc.nat(5), { maxLength: 3 }),
    seed: fc.nat(),
  })
  .map(({ name, dtype, shape, seed }): TensorData => {
    const count = shape.reduce((a, b) => a * b, 1);
    return { name, dtype, shape, data: ofFloats(numbers(dtype, seed, count)) };
  });
const tensors = fc
  .uniqueArray(tensor, { minLength: 1, maxLength: 6, selector: ({ name }) => name })
  .filter((list) => list.every(({ name }) => name !== "__metadata__"));

const file: Law = ({ writeSafetensors, openSafetensors }) =>
  inScratch((folder) =>
    fc.assert(
      fc.asyncProperty(tensors, async (list) => {
        const path = join(folder, "x.safetensors");
        await writeSafetensors(path, list);
        const opened = await openSafetensors(path);
        try {
          expect([...opened.names].sort()).toEqual(list.map(({ name }) => name).sort());
          for (const { name, shape, data } of list) {
            expect(opened.shape(name)).toEqual(shape);
            expect(bits(await opened.read(name)).equals(bits(await readFloats(data)))).toBe(true);
          }
        } finally {
          await opened.close();
        }
      }),
      { numRuns: 150 },
    ),
  );

const size = fc.integer({ min: 1, max: 6 });
const model = fc.record({
  axes: fc.record({ layer: fc.integer({ min: 1, max: 3 }), group: size, dim: size, hidden: size }),
  seed: fc.nat(),
  dtype: dtypes,
  shardBytes: fc.constantFrom(5e9, 1, 64, 300),
});
const WEIGHTS = [
  { name: "embed", perLayer: false, dims: [["hidden"]] },
  { name: "q", perLayer: true, dims: [["group", "dim"], ["hidden"]] },
  { name: "o", perLayer: true, dims: [["hidden"], ["group", "dim"]] },
] as const;

const folder: Law = ({ writeModelFolder, openCheckpoint, weightsOf }) =>
  inScratch((scratch) =>
    fc.assert(
      fc.asyncProperty(model, async ({ axes, seed, dtype, shardBytes }) => {
        const layout = layoutFrom("any", { axes, weights: WEIGHTS });
        const arena = new Float32Array(layout.bytes / 4);
        layout.weights.forEach(({ offset, dims }, i) => {
          const count = dims.flat().reduce((product, axis) => product * axis.size, 1);
          arena.set(numbers(dtype, seed + i, count), offset / 4);
        });
        const target = join(scratch, "out");
        await writeModelFolder(target, weightsIn(layout, arena), dtype, [], shardBytes);
        expect(existsSync(join(target, "model.safetensors.index.json"))).toBe(
          !existsSync(join(target, "model.safetensors")),
        );
        const checkpoint = await openCheckpoint(target);
        try {
          const read = await arenaOf(weightsOf(checkpoint, layout));
          expect(bits(read).equals(bits(arena))).toBe(true);
        } finally {
          await checkpoint.close();
        }
      }),
      { numRuns: 100 },
    ),
  );

const LAWS: readonly (readonly [string, Law, readonly Mutation[]])[] = [
  [
    "a file of tensors",
    file,
    [
      {
        file: "runtime/formats/float16.ts",
        find: "return (sign | ((113 - shift) << 23)",
        replace: "return (sign | ((112 - shift) << 23)",
      },
      {
        file: "runtime/formats/safetensors.ts",
        find: "offset += data.count * DTYPE_BYTES[dtype];",
        replace: "offset += data.count * 4;",
      },
    ],
  ],
  [
    "a model's folder",
    folder,
    [
      {
        file: "runtime/formats/model-folder.ts",
        find: "data: data(dtype),",
        replace: "data: (shard[0]?.data ?? data)(dtype),",
      },
      {
        file: "runtime/formats/model-folder.ts",
        find: "[name, shardName(i, shards.length)]",
        replace: "[name, shardName(0, shards.length)]",
      },
    ],
  ],
];

describe.each(LAWS)("%s", (_name, law, mutations) => {
  test("law", () => law(product));

  test.each(mutations)("fails with $replace", async (mutation) => {
    await expect(law(await mutant(mutation))).rejects.toThrow(/Property failed/);
  });
});
