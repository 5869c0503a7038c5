/**
 * A tiny model of every family that has GGUF, written so: metadata and tensors as golden files keep them, whose layout llama.cpp reads
 * right (check-gguf-architectures.py), and read back as the same model.
 */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { ggufKeys } from "../../compiler/library/gguf.js";
import { configOfGguf } from "../../compiler/library/gguf-config.js";
import { ggufLayers } from "../../compiler/library/gguf-layers.js";
import { layoutOf } from "../../compiler/planning/layout.js";
import { must } from "../../compiler/planning/outcome.js";
import { keptBy, randomScores } from "../../laws/model.js";
import { arenaOf } from "../../laws/weights-in-memory.js";
import { fileHost } from "../../runtime/cli/host.js";
import { type TypedValue, writeGguf } from "../../runtime/formats/gguf-write.js";
import { permuted } from "../../runtime/formats/reorder.js";
import { ofFloats, readFloats } from "../../runtime/formats/stored-tensor.js";
import { prune } from "../../runtime/weights/gather.js";
import * as product from "../laws/product.js";
import { memoryHost, stdlibTexts } from "../support/memory-host.js";
import { worstError } from "../support/numbers.js";
import { inScratch } from "../support/scratch.js";
import { listed, logitsOf, type Model, PLACE, readBack, written } from "./tiny-gguf.js";
import {
  type Change,
  expectedOf,
  families,
  folderOf,
  library,
  shapeIn,
  withWeights,
} from "./tiny-models.js";

/** llama.cpp wants of these that hidden is the heads together, which it is with smaller heads. */
const SMALLER_HEADS = new Set(["nemotron", "olmo2", "qwen2"]);

/** Keys without which llama.cpp would not compute the tiny model. */
const KEYS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  smollm3: { no_rope_layers: [1, 1] },
};

/** What is added to weights, or they are multiplied by, is rounded to f32. */
const SUMS = new Set(["gemma", "gemma2", "gemma3", "nemotron"]);

const withModel = <T>(family: string, use: (model: Model) => Promise<T>): Promise<T> => {
  const path = folderOf(family);
  const shape = shapeIn(path, { config: KEYS[family] ?? {}, without: [] });
  return withWeights(path, shape, async (weights) => {
    if (!SMALLER_HEADS.has(family)) return use({ shape, weights });
    const whole = { shape, layout: weights.layout, arena: await arenaOf(weights) };
    const cuts = [{ axis: "dim", from: 8, keep: 4 }];
    const kept = keptBy(whole, cuts, randomScores(whole, 5));
    const target = must(product.resize(shape, { dim: 4 }, PLACE));
    return use({ shape: target, weights: prune(weights, kept, layoutOf("cut", target, 0)) });
  });
};

/** Those that have a `gguf` block. */
const packed = families.filter((family) =>
  library.architectures.get(family)?.decl.items.some(({ kind }) => kind === "gguf"),
);

describe.each(packed)("%s as GGUF", (family) => {
  test("is written as llama.cpp reads it, and read back as the same model", () =>
    inScratch((scratch) =>
      withModel(family, async (model) => {
        const path = join(scratch, "m.gguf");
        await written(path, model);
        await expect(await listed(path)).toMatchFileSnapshot(`../golden/gguf/${family}.txt`);
        const { tokens } = expectedOf(family);
        const again = await readBack(path, (own) => logitsOf(own, tokens));
        expect(worstError(again, await logitsOf(model, tokens))).toBeLessThan(
          SUMS.has(family) ? 1e-5 : 1e-9,
        );
      }),
    ));
});

const codesOf = (made: ReturnType<typeof ggufKeys>): readonly string[] =>
  made.ok ? [] : made.diagnostics.map(({ code }) => code);

const keysAt = (family: string, config: Change["config"], sizes: Record<string, number> = {}) =>
  codesOf(
    ggufKeys(
      must(product.resize(shapeIn(folderOf(family), { config, without: [] }), sizes, PLACE)),
      PLACE,
    ),
  );

test("shapes that llama.cpp does not compute are refused", () => {
  expect(keysAt("qwen2", {}, { dim: 4 })).toEqual([]);
  expect(keysAt("qwen2", {})).toEqual(["config-unsupported"]);
  expect(keysAt("gemma", { attention_bias: true })).toEqual(["config-unsupported"]);
  expect(keysAt("gemma", { tie_word_embeddings: false })).toEqual(["config-unsupported"]);
  const types = ["full_attention", "sliding_attention"];
  const layers = ggufLayers(
    shapeIn(folderOf("gemma2"), { config: { layer_types: types }, without: [] }),
    PLACE,
  );
  expect(layers.ok ? [] : layers.diagnostics.map(({ code }) => code)).toEqual([
    "config-unsupported",
  ]);
});

test("OLMo 3's files, which llama.cpp calls olmo2 too, are not opened without their windows", () =>
  inScratch(async (scratch) => {
    const said = async (name: string, more: readonly (readonly [string, TypedValue])[]) => {
      const path = join(scratch, name);
      const numbers = { block_count: 1, embedding_length: 8, "attention.head_count": 2 };
      const others = { context_length: 64, feed_forward_length: 8, vocab_size: 8 };
      const keys = Object.entries({ ...numbers, ...others }).map(
        ([key, value]): [string, TypedValue] => [`olmo2.${key}`, { type: "u32", value }],
      );
      const architecture: TypedValue = { type: "text", value: "olmo2" };
      await writeGguf(
        path,
        new Map([["general.architecture", architecture], ...keys, ...more]),
        [],
      );
      const read = fileHost("/").readConfig(path);
      if (!read.ok || read.kind !== "gguf") throw new Error("not read");
      const config = configOfGguf(library, read.header, PLACE);
      return config.ok ? [] : config.diagnostics.map(({ message }) => message);
    };
    expect(await said("2.gguf", [])).toEqual([]);
    const window: TypedValue = { type: "u32", value: 4096 };
    expect(await said("3.gguf", [["olmo2.attention.sliding_window", window]])).toEqual([
      expect.stringContaining("a file with sliding windows is OLMo 3's"),
    ]);
  }));

test("Mistral's files open as Llama's, of no more positions than a window", () =>
  inScratch((scratch) =>
    withModel("mistral", async ({ weights }) => {
      const path = join(scratch, "m.gguf");
      const shape = shapeIn(folderOf("mistral"), { config: { sliding_window: 5 }, without: [] });
      await written(path, { shape, weights });
      await readBack(path, async (again) => {
        expect(again.shape.architecture.decl.name.name).toBe("llama");
        expect(again.shape.config).toMatchObject({ max_position_embeddings: 5 });
      });
    }),
  ));

const refusal = (before: string, after: string): readonly string[] => {
  const path = "architectures/gpt2.prune";
  const stdlib = new Map(stdlibTexts());
  const text = (stdlib.get(path) ?? "").replace(before, after);
  stdlib.delete(path);
  const { diagnostics } = check(path, text, memoryHost({ stdlib }));
  return diagnostics.map(({ message }) => message);
};

const QKV = 'tensor q_proj, k_proj, v_proj "blk.{layer}.attn_qkv.weight"';

test.each([
  [
    "other axes",
    '"blk.{layer}.ffn_up.weight" [mlp, hidden]',
    '"blk.{layer}.ffn_up.weight" [mlp, head]',
    /not the axes of `up`: hidden, mlp/,
  ],
  [
    "an axis too few",
    '"blk.{layer}.ffn_up.weight" [mlp, hidden]',
    '"blk.{layer}.ffn_up.weight" [mlp]',
    /not the axes of `up`/,
  ],
  [
    "a weight too few",
    QKV,
    QKV.replace(", v_proj", ""),
    /`q_proj` is not in one tensor with just these/,
  ],
  [
    "a weight of another tensor",
    QKV,
    QKV.replace("v_proj", "up"),
    /`q_proj` is not in one tensor with just these/,
  ],
  [
    "turns of several weights",
    '"blk.{layer}.attn_qkv.bias"',
    '"blk.{layer}.attn_qkv.bias" interleave dim 2',
    /do not take turns/,
  ],
])("%s in a `tensor` line is refused", (_, before, after, message) => {
  expect(refusal(before, after)).toContainEqual(expect.stringMatching(message));
});

test("axes in any order and back are the tensor", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
  const drawn = sizes.chain((own) =>
    fc.tuple(
      fc.constant(own),
      fc.shuffledSubarray(
        own.map((_, at) => at),
        { minLength: own.length },
      ),
    ),
  );
  await fc.assert(
    fc.asyncProperty(drawn, async ([own, axes]) => {
      const count = own.reduce((product, size) => product * size, 1);
      const floats = Float32Array.from({ length: count }, (_, at) => at);
      const turned = permuted(ofFloats(floats), own, axes);
      const to = axes.map((axis) => own[axis] ?? 1);
      const strides = own.map((_, at) => own.slice(at + 1).reduce((a, b) => a * b, 1));
      const found = await readFloats(turned);
      found.forEach((value, at) => {
        let [rest, from] = [at, 0];
        for (let i = to.length - 1; i >= 0; i--) {
          from += (rest % (to[i] ?? 1)) * (strides[axes[i] ?? 0] ?? 0);
          rest = Math.floor(rest / (to[i] ?? 1));
        }
        expect(value).toBe(from);
      });
      const back = own.map((_, axis) => axes.indexOf(axis));
      expect(await readFloats(permuted(turned, to, back))).toEqual(floats);
    }),
  );
});
