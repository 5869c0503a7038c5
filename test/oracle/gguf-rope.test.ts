/**
 * Rotary positions that are scaled, written as GGUF has them and read back: what golden files keep, llama.cpp computes the
 * same logits from (check-gguf-architectures.py).
 */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ggufKeys } from "../../compiler/library/gguf.js";
import { configOfGguf } from "../../compiler/library/gguf-config.js";
import { fileHost } from "../../runtime/cli/host.js";
import { openGguf } from "../../runtime/formats/gguf.js";
import { type TypedValue, writeGguf } from "../../runtime/formats/gguf-write.js";
import { ofFloats, readFloats } from "../../runtime/formats/stored-tensor.js";
import { worstError } from "../support/numbers.js";
import { inScratch } from "../support/scratch.js";
import { logitsOf, type Model, PLACE, readBack, written } from "./tiny-gguf.js";
import { expectedOf, folderOf, library, shapeIn, withWeights } from "./tiny-models.js";

type Scaling = Readonly<Record<string, unknown>>;

const LENGTH = 8;
const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
const yarn = { rope_type: "yarn", factor: 4, original_max_position_embeddings: LENGTH };
const longrope = {
  type: "longrope",
  short_factor: [1, 1.1, 1.2, 1.3],
  long_factor: [1, 2, 3.5, 4],
};

const withScaling = <T>(family: string, scaling: Scaling, use: (model: Model) => Promise<T>) => {
  const path = folderOf(family);
  const before = scaling.type === "longrope" ? { original_max_position_embeddings: LENGTH } : {};
  // As Llama 3 has it: its slowest waves are longer than what it was trained on.
  const theta = scaling.rope_type === "llama3" ? 500000 : 10000;
  const config = { rope_theta: theta, rope_scaling: scaling, ...(family === "phi3" ? before : {}) };
  const shape = shapeIn(path, { config, without: ["rope_parameters"] });
  return withWeights(path, shape, (weights) => use({ shape, weights }));
};

/** Metadata and lists of positions. */
const positionsIn = async (path: string): Promise<string> => {
  const file = await openGguf(path);
  const lines = [...file.metadata].filter(([key]) => /\.rope\.scaling\./.test(key));
  const keys = lines.map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const lists: string[] = [];
  for (const name of file.tensors.keys())
    if (name.startsWith("rope_"))
      lists.push(`${name} ${[...(await readFloats(file.tensor(name)))].join(" ")}`);
  await file.close();
  return [...keys, ...lists].map((line) => `${line}\n`).join("");
};

const CASES: readonly (readonly [string, string, Scaling, Scaling | null])[] = [
  ["llama", "llama3", { ...llama3, original_max_position_embeddings: 8192 }, null],
  [
    "llama",
    "llama3-other",
    { ...llama3, original_max_position_embeddings: 16 },
    { type: "longrope", attention_factor: 1, factor: 1, original_max_position_embeddings: 64 },
  ],
  ["llama", "linear", { rope_type: "linear", factor: 4 }, null],
  ["llama", "yarn", yarn, null],
  ["qwen3", "yarn-other", { ...yarn, attention_factor: 1.3, beta_fast: 16, beta_slow: 2 }, null],
  ["llama", "longrope", { ...longrope, factor: 8, original_max_position_embeddings: LENGTH }, null],
  ["phi3", "longrope", longrope, null],
  ["phi3", "longrope-other", { ...longrope, attention_factor: 1.5 }, null],
];

describe.each(CASES)("%s with %s", (family, name, scaling, otherwise) => {
  test("is written as llama.cpp has it, and read back as the same model", () =>
    inScratch((scratch) =>
      withScaling(family, scaling, async (model) => {
        const path = join(scratch, "m.gguf");
        await written(path, model);
        const golden = `../golden/gguf/rope/${family}-${name}.txt`;
        await expect(await positionsIn(path)).toMatchFileSnapshot(golden);
        const { tokens } = expectedOf(family);
        expect(tokens.length).toBeGreaterThan(LENGTH);
        await readBack(path, async (again) => {
          const found = again.shape.config.rope_scaling as Scaling;
          const { attention_factor: amplitude, ...rest } = found;
          const { attention_factor: wanted, ...others } = scaling;
          if (otherwise === null) expect(rest).toEqual(others);
          else expect(found).toMatchObject(otherwise);
          expect(amplitude ?? null).toEqual(
            otherwise?.attention_factor ??
              (wanted === undefined ? null : expect.closeTo(Number(wanted), 6)),
          );
          const [is, was] = [await logitsOf(again, tokens), await logitsOf(model, tokens)];
          expect(worstError(is, was)).toBeLessThan(1e-5);
        });
      }),
    ));
});

test("a scaling moves the logits that these tests look at", () =>
  withScaling("llama", { rope_type: "default" }, (plain) =>
    withScaling("llama", yarn, async (scaled) => {
      const { tokens } = expectedOf("llama");
      expect(
        worstError(await logitsOf(plain, tokens), await logitsOf(scaled, tokens)),
      ).toBeGreaterThan(0.01);
    }),
  ));

/** As convert_hf_to_gguf.py works them out: by wave lengths, in three cases. */
const divisorsOf = (theta: number, dims: number, factor: number): Float32Array =>
  Float32Array.from({ length: dims / 2 }, (_, pair) => {
    const wave = (2 * Math.PI) / theta ** ((-2 * pair) / dims);
    if (wave < 8192 / 4) return 1;
    if (wave > 8192) return factor;
    const smooth = (8192 / wave - 1) / (4 - 1);
    return 1 / ((1 - smooth) / factor + smooth);
  });

const METADATA: readonly (readonly [string, TypedValue])[] = [
  ["general.architecture", { type: "text", value: "llama" }],
  ["llama.block_count", { type: "u32", value: 1 }],
  ["llama.context_length", { type: "u32", value: 131072 }],
  ["llama.embedding_length", { type: "u32", value: 128 }],
  ["llama.feed_forward_length", { type: "u32", value: 16 }],
  ["llama.attention.head_count", { type: "u32", value: 2 }],
  ["llama.vocab_size", { type: "u32", value: 16 }],
];

/** The `rope_scaling` of a file with these divisors and further keys; null where it is refused. */
const scalingOf = (
  divisors: Float32Array | null,
  theta: number,
  keys: readonly (readonly [string, TypedValue])[],
) =>
  inScratch(async (scratch) => {
    const path = join(scratch, "m.gguf");
    const base: readonly [string, TypedValue] = [
      "llama.rope.freq_base",
      { type: "f32", value: theta },
    ];
    const lists =
      divisors === null
        ? []
        : [
            {
              name: "rope_freqs.weight",
              dtype: "f32" as const,
              shape: [divisors.length],
              data: ofFloats(divisors),
            },
          ];
    await writeGguf(path, new Map([...METADATA, base, ...keys]), lists);
    const read = fileHost("/").readConfig(path);
    if (!read.ok || read.kind !== "gguf") throw new Error("not read");
    const config = configOfGguf(library, read.header, PLACE);
    return config.ok
      ? { ok: true as const, scaling: config.value.rope_scaling }
      : { ok: false as const, said: config.diagnostics.map(({ message }) => message).join() };
  });

test("the factors of Llama 3.1 and 3.2 open as the numbers that they were made from", () =>
  fc.assert(
    fc.asyncProperty(
      fc.constantFrom(64, 128),
      fc.integer({ min: 2, max: 64 }),
      fc.constantFrom(500000, 100000),
      async (dims, factor, theta) => {
        const found = await scalingOf(divisorsOf(theta, dims, factor), theta, []);
        const lengths = { original_max_position_embeddings: 8192 };
        expect(found).toEqual({ ok: true, scaling: { ...llama3, factor, ...lengths } });
      },
    ),
    { numRuns: 20 },
  ));

const factor: readonly [string, TypedValue] = [
  "llama.rope.scaling.factor",
  { type: "f32", value: 4 },
];
const type = (value: string): readonly [string, TypedValue] => [
  "llama.rope.scaling.type",
  { type: "text", value },
];

test("a factor without a word is linear, as llama.cpp takes it", async () => {
  const linear = { ok: true, scaling: { rope_type: "linear", factor: 4 } };
  expect(await scalingOf(null, 10000, [factor])).toEqual(linear);
  expect(await scalingOf(null, 10000, [type("none"), factor])).toEqual({ ok: true });
});

test.each([
  ["of an unknown kind", null, [type("spiral")]],
  ["longrope without factors", null, [type("longrope")]],
  ["of both kinds", divisorsOf(10000, 64, 8), [factor]],
  [
    "linear with an amplitude",
    null,
    [factor, ["llama.rope.scaling.attn_factor", { type: "f32", value: 1.5 }] as const],
  ],
  [
    "YaRN in part",
    null,
    [
      type("yarn"),
      factor,
      ["llama.rope.scaling.yarn_ext_factor", { type: "f32", value: 0.5 }] as const,
    ],
  ],
])("a file whose scaling is %s is refused in a line that says why", async (_what, divisors, keys) => {
  expect(await scalingOf(divisors, 10000, keys)).toMatchObject({
    ok: false,
    said: expect.stringContaining("config.json has no such scaling of rotary positions"),
  });
});

test.each([
  ["llama", { rope_type: "dynamic", factor: 2 }],
  ["llama", { ...yarn, truncate: false }],
  ["qwen3", { ...llama3, original_max_position_embeddings: 8192 }],
])("%s with what llama.cpp does not compute is refused: %o", (family, scaling) =>
  withScaling(family, scaling, async ({ shape }) => {
    const made = ggufKeys(shape, PLACE);
    expect(made.ok ? [] : made.diagnostics.map(({ message }) => message)).toEqual([
      expect.stringContaining("GGUF has no word for the scaling of its rotary positions"),
    ]);
  }));
