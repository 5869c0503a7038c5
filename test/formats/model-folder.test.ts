/** Model folders out and in: export then import is the identity, and nothing is ever half-written. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ModelLayout } from "../../compiler/plan.js";
import { arenaOf, randomArena, weightsIn } from "../../laws/weights-in-memory.js";
import { RunError } from "../../runtime/errors.js";
import { hashFolder, openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { narrow, widen } from "../../runtime/formats/float16.js";
import { writeModelFolder } from "../../runtime/formats/model-folder.js";
import { sideFiles } from "../../runtime/formats/side-files.js";
import type { Dtype } from "../../runtime/formats/stored-tensor.js";
import { unexpectedTensors, weightsOf } from "../../runtime/formats/weights.js";
import { assertWritable } from "../../runtime/formats/writable.js";
import { layoutFrom } from "../support/layout.js";
import { floatsFile } from "../support/safetensors-bytes.js";
import { inScratch } from "../support/scratch.js";

const small = layoutFrom("small", {
  axes: { layer: 2, group: 2, dim: 3, hidden: 5 },
  weights: [
    { name: "embed", perLayer: false, dims: [["hidden"]] },
    { name: "q", perLayer: true, dims: [["group", "dim"], ["hidden"]] },
  ],
  config: { hidden_size: 5, torch_dtype: "float16", nested: { a: [1, null] } },
});

/** A folder to take side files from. */
const origin = (folder: string): string => {
  const path = join(folder, "origin");
  mkdirSync(path);
  for (const name of ["tokenizer.json", "generation_config.json", "README.md"])
    writeFileSync(join(path, name), `{"of":"${name}"}`);
  return path;
};

const imported = async (folder: string, layout: ModelLayout): Promise<Float32Array> => {
  const checkpoint = await openCheckpoint(folder);
  try {
    return await arenaOf(weightsOf(checkpoint, layout));
  } finally {
    await checkpoint.close();
  }
};

const rounded = (arena: Float32Array, dtype: Dtype): Float32Array => {
  if (dtype === "f32") return arena;
  const halves = new Uint16Array(arena.length);
  narrow(dtype, arena, halves);
  const back = new Float32Array(arena.length);
  widen(dtype, halves, back);
  return back;
};

describe("a written folder", () => {
  test("reads back as it was, in one file or in shards, in every type", async () => {
    const axes = fc.record({
      layer: fc.integer({ min: 1, max: 3 }),
      group: fc.integer({ min: 1, max: 3 }),
      dim: fc.integer({ min: 1, max: 5 }),
      hidden: fc.integer({ min: 1, max: 7 }),
    });
    const form = fc.record({
      axes,
      seed: fc.nat(),
      dtype: fc.constantFrom("f32" as const, "f16" as const, "bf16" as const),
      limit: fc.constantFrom(1, 100, 5e9),
    });
    await inScratch((folder) =>
      fc.assert(
        fc.asyncProperty(form, async ({ axes, seed, dtype, limit }) => {
          const layout = layoutFrom("any", { axes, weights: forms });
          const arena = randomArena(layout, seed);
          const target = join(folder, "out");
          await writeModelFolder(target, weightsIn(layout, arena), dtype, [], limit);
          expect(await imported(target, layout)).toEqual(rounded(arena, dtype));
          expect(readdirSync(folder)).toEqual(["out"]);
        }),
        { numRuns: 100 },
      ),
    );
  });

  test("has config.json, weights and side files, the same bytes twice", async () => {
    await inScratch(async (folder) => {
      const from = origin(folder);
      const arena = randomArena(small, 1);
      const write = (name: string) =>
        writeModelFolder(join(folder, name), weightsIn(small, arena), "bf16", sideFiles(from));
      await write("a");
      await write("b");
      expect(readdirSync(join(folder, "a")).sort()).toEqual([
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
      ]);
      expect(JSON.parse(readFileSync(join(folder, "a/config.json"), "utf8"))).toEqual({
        ...small.config,
        torch_dtype: "bfloat16",
      });
      const hashes = async (name: string) =>
        (await hashFolder(join(folder, name))).map((f) => f.sha256);
      expect(await hashes("a")).toEqual(await hashes("b"));
      expect((await hashFolder(join(folder, "a"))).map((f) => f.path)).toEqual([
        "a/config.json",
        "a/model.safetensors",
        "a/generation_config.json",
        "a/tokenizer.json",
      ]);
    });
  });

  test("in shards is named as others name it", async () => {
    await inScratch(async (folder) => {
      const target = join(folder, "out");
      await writeModelFolder(target, weightsIn(small, randomArena(small, 1)), "f32", [], 150);
      expect(readdirSync(target).sort()).toEqual([
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ]);
      const index = JSON.parse(readFileSync(join(target, "model.safetensors.index.json"), "utf8"));
      expect(index).toEqual({
        metadata: { total_size: 65 * 4 },
        weight_map: {
          embed: "model-00001-of-00002.safetensors",
          "layers.0.q": "model-00001-of-00002.safetensors",
          "layers.1.q": "model-00002-of-00002.safetensors",
        },
      });
    });
  });

  test("takes the place of an earlier model, but of nothing else", async () => {
    await inScratch(async (folder) => {
      const target = join(folder, "out");
      await writeModelFolder(target, weightsIn(small, randomArena(small, 1)), "f32", [], 100);
      await writeModelFolder(target, weightsIn(small, randomArena(small, 2)), "f32", []);
      expect(readdirSync(target).sort()).toEqual(["config.json", "model.safetensors"]);
      expect(await imported(target, small)).toEqual(randomArena(small, 2));
      const other = join(folder, "letters");
      mkdirSync(other);
      writeFileSync(join(other, "to.txt"), "dear");
      await expect(
        writeModelFolder(other, weightsIn(small, randomArena(small, 1)), "f32", []),
      ).rejects.toThrow(/letters holds something that is not a model/);
      expect(readFileSync(join(other, "to.txt"), "utf8")).toBe("dear");
      expect(readdirSync(folder).sort()).toEqual(["letters", "out"]);
    });
  });

  test("that cannot be written leaves nothing", async () => {
    await inScratch(async (folder) => {
      const from = origin(folder);
      writeFileSync(join(folder, "file"), "");
      const arena = randomArena(small, 1);
      const below = join(folder, "file/out");
      expect(() => assertWritable(below)).toThrow(/cannot write .*file\/out: .*/);
      await expect(
        writeModelFolder(below, weightsIn(small, arena), "f32", sideFiles(from)),
      ).rejects.toThrow(/cannot write/);
      // The weights come last: what stood before them must go too.
      const wrong = { ...small, weights: small.weights.map((w) => ({ ...w, file: "same" })) };
      await expect(
        writeModelFolder(join(folder, "out"), weightsIn(wrong, arena), "f32", sideFiles(from)),
      ).rejects.toThrow(RunError);
      expect(readdirSync(folder).sort()).toEqual(["file", "origin"]);
      expect(() => assertWritable(join(folder, "a/b/c"))).not.toThrow();
      expect(existsSync(join(folder, "a"))).toBe(false);
    });
  });
});

const forms = [
  { name: "embed", perLayer: false, dims: [["hidden"]] },
  { name: "q", perLayer: true, dims: [["group", "dim"], ["hidden"]] },
  { name: "o", perLayer: true, dims: [["hidden"], ["group", "dim"]] },
] as const;

describe("reading weights", () => {
  const tensor = (name: string, shape: readonly number[]) => ({
    name,
    shape,
    data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  });
  const right = [tensor("embed", [5]), tensor("layers.0.q", [6, 5]), tensor("layers.1.q", [6, 5])];
  const withTensors = (tensors: typeof right, use: (folder: string) => Promise<void>) =>
    inScratch(async (folder) => {
      writeFileSync(join(folder, "model.safetensors"), floatsFile(tensors));
      await use(folder);
    });

  test("a wrong shape is said with both", () =>
    withTensors([...right.slice(0, 2), tensor("layers.1.q", [5, 6])], (folder) =>
      expect(imported(folder, small)).rejects.toThrow(
        /model\.safetensors: tensor layers\.1\.q is \[5, 6\], where config\.json makes it \[6, 5\]/,
      ),
    ));

  test("a tensor of as many elements in other dimensions is wrong", () =>
    withTensors([...right.slice(0, 2), tensor("layers.1.q", [2, 3, 5])], (folder) =>
      expect(imported(folder, small)).rejects.toThrow(
        /is \[2, 3, 5\], where config\.json makes it \[6, 5\]/,
      ),
    ));

  test("tensors that are lacking are named, with those that no one asked for", () =>
    withTensors([tensor("embed", [5]), tensor("h.0.q", [1])], async (folder) => {
      const reading = imported(folder, small);
      await expect(reading).rejects.toThrow(/lacks 2 tensors: layers\.0\.q, layers\.1\.q/);
      await expect(reading).rejects.toMatchObject({ hint: expect.stringContaining("h.0.q") });
    }));

  test("tensors that no one asked for do no harm", () =>
    withTensors([...right, tensor("layers.0.rotary_emb.inv_freq", [2])], async (folder) => {
      const checkpoint = await openCheckpoint(folder);
      expect(unexpectedTensors(checkpoint, small)).toEqual(["layers.0.rotary_emb.inv_freq"]);
      const arena = await arenaOf(weightsOf(checkpoint, small));
      await checkpoint.close();
      expect([...arena.subarray(0, 6)]).toEqual([0, 1, 2, 3, 4, 0]);
      expect([...arena.subarray(64, 68)]).toEqual([0, 1, 2, 3]);
    }));
});
