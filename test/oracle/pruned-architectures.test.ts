/**
 * Every axis of every family cut, alone and together, and written as a folder: the folder reads back as the cut model, and
 * where no mean depends on what is cut, as the whole model without the units. CUT_ARCHITECTURES=FOLDER keeps the folders,
 * each with our logits, for check-architectures.py to load with transformers.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ModelShape } from "../../compiler/library/library.js";
import { rescaled } from "../../compiler/library/rescale.js";
import { layoutOf } from "../../compiler/planning/layout.js";
import { must } from "../../compiler/planning/outcome.js";
import { removedAt, zeroed } from "../../laws/elements.js";
import { keptBy, type Model, randomScores } from "../../laws/model.js";
import { arenaOf, weightsIn } from "../../laws/weights-in-memory.js";
import { openCheckpoint } from "../../runtime/formats/checkpoint-folder.js";
import { writeModelFolder } from "../../runtime/formats/model-folder.js";
import { sideFilesOf } from "../../runtime/formats/model-source.js";
import { readFloats } from "../../runtime/formats/stored-tensor.js";
import { unexpectedTensors, type Weights } from "../../runtime/formats/weights.js";
import { type Compensating, compensated } from "../../runtime/weights/compensate.js";
import { prune } from "../../runtime/weights/gather.js";
import type { Kept } from "../../runtime/weights/kept.js";
import * as product from "../laws/product.js";
import { stdlibTexts } from "../support/memory-host.js";
import { inFloat64, logitsGraph, logitsIn } from "../support/model-logits.js";
import { worstError } from "../support/numbers.js";
import { inScratch } from "../support/scratch.js";
import { expectedOf, families, folderOf, library, shapeIn, withWeights } from "./tiny-models.js";

/** Cuts by half that each family's config.json can say: GPT-2's and GPT-NeoX's ties heads to the hidden state. */
const TIED = [
  ["hidden", "head"],
  ["mlp"],
  ["layer"],
  ["vocab"],
  ["hidden", "head", "mlp", "layer", "vocab"],
];
const cutsOf = (family: string, shape: ModelShape): readonly (readonly string[])[] => {
  if (family === "gpt2") return [["hidden", "dim"], ...TIED];
  if (family === "gpt_neox") return TIED;
  const axes = [...shape.along.keys()];
  return [...axes.map((axis) => [axis]), axes];
};

/** A mean is taken over the channels kept, an angle belongs to a place in the head, a scale to its size. */
const MOVED = new Set(["hidden", "dim"]);
/** Its norms are over all heads at once. */
const MEANS_OVER_HEADS: Readonly<Record<string, readonly string[]>> = {
  olmo2: ["query", "group"],
  olmo3: ["query", "group"],
};

/** Keys that a case sets, of the whole model; and of what makes up for cut units, the keys that ask for its biases. */
interface Kind {
  readonly config: Readonly<Record<string, unknown>>;
  readonly biases?: Readonly<Record<string, unknown>>;
}
const PLAIN: Kind = { config: {} };
const HALF = { partial_rotary_factor: 0.5, rope_theta: 10000, rope_type: "default" };
const ROTATED: Kind = { config: { rope_parameters: HALF } };
const SLIDING: Kind = { config: { sliding_window: 5 } };
const SLIDING_LAYERS: Kind = {
  config: {
    use_sliding_window: true,
    sliding_window: 5,
    layer_types: ["full_attention", "sliding_attention"],
  },
};
const MADE_UP: Kind = { config: {}, biases: {} };
const BOTH = { attention_bias: true, mlp_bias: true };
const MADE_UP_HEADS: Kind = { config: {}, biases: { attention_bias: true } };

/** What else is asked of some families: what it is called, its axes, its keys. */
const MORE: Readonly<Record<string, readonly (readonly [string, readonly string[], Kind])[]>> = {
  cohere: [["without norms of heads", ["query", "dim"], { config: { use_qk_norm: false } }]],
  gemma: [["compensated", ["group"], MADE_UP_HEADS]],
  gemma2: [
    ["compensated", ["query"], MADE_UP_HEADS],
    ["sliding", ["query", "dim"], SLIDING],
  ],
  gemma3: [["sliding", ["query", "dim"], SLIDING]],
  gpt2: [["compensated", ["hidden", "head", "mlp"], MADE_UP]],
  gpt_neox: [
    ["half rotated", ["hidden", "dim"], ROTATED],
    ["compensated", ["hidden", "head", "mlp"], MADE_UP],
  ],
  llama: [["compensated", ["query", "group", "mlp"], MADE_UP]],
  mistral: [["sliding", ["group", "dim", "layer"], SLIDING]],
  nemotron: [["compensated", ["query", "mlp"], { config: {}, biases: BOTH }]],
  olmo2: [["compensated", ["group"], MADE_UP_HEADS]],
  olmo3: [
    ["compensated", ["group"], MADE_UP_HEADS],
    ["sliding", ["dim", "layer"], SLIDING],
  ],
  phi3: [
    ["half rotated", ["dim"], ROTATED],
    ["sliding", ["group", "dim", "layer"], SLIDING],
  ],
  granite: [["compensated", ["query", "mlp"], { config: {}, biases: BOTH }]],
  smollm3: [
    ["compensated", ["mlp"], { config: {}, biases: { mlp_bias: true } }],
    ["sliding", ["group", "dim"], { config: { ...SLIDING_LAYERS.config, no_rope_layers: [1, 0] } }],
  ],
  qwen2: [["sliding", ["group", "dim"], SLIDING_LAYERS]],
  qwen3: [
    ["compensated", ["query"], MADE_UP_HEADS],
    ["sliding", ["group", "dim"], SLIDING_LAYERS],
  ],
};

const cases = families.flatMap((family) => [
  ...cutsOf(family, shapeIn(folderOf(family))).map((axes) => [family, axes, "", PLAIN] as const),
  ...(MORE[family] ?? []).map(([name, axes, kind]) => [family, axes, name, kind] as const),
]);

const logitsOf = async (shape: ModelShape, weights: Weights, tokens: readonly number[]) =>
  logitsIn(inFloat64(await logitsGraph(shape, weights, tokens)));

interface Cut {
  readonly whole: Model;
  readonly kept: Kept;
  readonly shape: ModelShape;
  readonly weights: Weights;
}

/** The weight that each axis' units go into, and the bias after it. */
const INTO: Readonly<Record<string, readonly [string, string]>> = {
  mlp: ["down", "down_bias"],
  head: ["o_proj", "o_bias"],
  query: ["o_proj", "o_bias"],
  group: ["o_proj", "o_bias"],
};

/** Made-up averages of what each unit of the axes gives. */
const averagesOf = ({ shape }: Model, axes: readonly string[]): readonly Compensating[] =>
  axes.flatMap((axis) => {
    const [weight, bias] = INTO[axis] ?? [];
    if (weight === undefined || bias === undefined) return [];
    const along = shape.along.get(axis) ?? [];
    const known = new Set([axis, "hidden", ...along.map(({ name }) => name)]);
    const dims = shape.weights.find(({ name }) => name === weight)?.dims.flat() ?? [];
    const within = dims.filter(({ name }) => !known.has(name));
    const size = shape.axes.find(({ name }) => name === axis)?.size ?? 0;
    const count = [...along, ...within].reduce((product, step) => product * step.size, size);
    const scores = Array.from({ length: count }, (_, at) => Math.sin(at));
    const table = { axis, criterion: "average", along, size, within, runs: false, scores };
    return [{ compensation: { axis, scores: "middle", weight, bias }, table }];
  });

/** Half of each axis, by scores that put units in no order of their own. */
const cutBy = async (
  family: string,
  axes: readonly string[],
  weights: Weights,
  kind: Kind = PLAIN,
): Promise<Cut> => {
  const path = folderOf(family);
  const shape = shapeIn(path, { ...kind, without: [] });
  const whole: Model = { shape, layout: weights.layout, arena: await arenaOf(weights) };
  const cuts = axes.map((axis) => {
    const from = shape.axes.find(({ name }) => name === axis)?.size ?? 0;
    return { axis, from, keep: from / 2 };
  });
  const kept = keptBy(whole, cuts, randomScores(whole, 5));
  const sizes = new Map(cuts.map(({ axis, keep }) => [axis, keep]));
  const wide = shapeIn(path, { config: { ...kind.config, ...kind.biases }, without: [] });
  const place = { path, span: { start: 0, end: 0 } };
  const target = must(product.resize(wide, sizes, place));
  const change = Object.fromEntries(must(rescaled(shape, target)));
  const layout = layoutOf("cut", target, 0);
  const made = kind.biases === undefined ? [] : averagesOf(whole, axes);
  const pruned = prune(compensated(weights, kept, layout, made), kept, layout, change);
  // Which entries of lists by layer are left is known now.
  const decided = must(product.readArchitecture(library, pruned.layout.config, place));
  return { whole, kept, shape: decided, weights: pruned };
};

/** Tokens that a cut model knows, in its numbers and in those of the whole model. */
const readBy = ({ kept }: Cut, tokens: readonly number[]) => {
  const ids = kept.get("vocab")?.sets[0];
  if (ids === undefined) return { own: tokens, before: tokens, ids: null };
  const own = tokens.map((token) => token % ids.length);
  return { own, before: own.map((token) => ids[token] ?? 0), ids };
};

/** The logits of some tokens, [position, vocab]. */
const ofTokens = (logits: ArrayLike<number>, vocab: number, ids: readonly number[]): Float64Array =>
  Float64Array.from({ length: (logits.length / vocab) * ids.length }, (_, at) => {
    const position = Math.floor(at / ids.length);
    return logits[position * vocab + (ids[at % ids.length] ?? 0)] ?? 0;
  });

/** Where results are kept for transformers; null in a plain test. */
const keep = process.env.CUT_ARCHITECTURES ?? null;

const inFolder = <T>(family: string, what: string, use: (folder: string) => Promise<T>) => {
  if (keep === null) return inScratch((scratch) => use(join(scratch, "cut")));
  mkdirSync(keep, { recursive: true });
  return use(join(keep, `${family}-${what.replaceAll(/[ ,]+/g, "-")}`));
};

describe.each(cases)("%s cut by %j %s", (family, axes, name, kind) => {
  const { tokens } = expectedOf(family);
  const path = folderOf(family);
  const withCut = <T>(use: (cut: Cut) => Promise<T>): Promise<T> =>
    withWeights(path, shapeIn(path, { ...kind, without: [] }), async (weights) =>
      use(await cutBy(family, axes, weights, kind)),
    );
  const what = [axes.join(" "), ...(name === "" ? [] : [name])].join(", ");

  test("reads back from its folder", () =>
    withCut((cut) =>
      inFolder(family, what, async (folder) => {
        const { shape, weights } = cut;
        const { own: read } = readBy(cut, tokens);
        await writeModelFolder(folder, weights, "f32", sideFilesOf(path, null));
        const logits = await logitsOf(shape, weights, read);
        const again = shapeIn(folder);
        expect(again.parameters).toBe(shape.parameters);
        const found = await withWeights(folder, again, (own) => logitsOf(again, own, read));
        expect(worstError(found, logits)).toBe(0);
        if (keep === null) return;
        const ours = {
          what,
          tokens: read,
          logits: Array.from(logits),
          parameters: shape.parameters,
        };
        writeFileSync(join(folder, "ours.json"), JSON.stringify(ours));
      }),
    ));

  const moved = [...MOVED, ...(MEANS_OVER_HEADS[family] ?? [])];
  const other = kind.biases !== undefined || axes.some((axis) => moved.includes(axis));
  test.skipIf(other)("is the whole model without the units", () =>
    withCut(async (cut) => {
      const { whole, kept, shape, weights } = cut;
      const { own, before, ids } = readBy(cut, tokens);
      const masked = zeroed(whole, ({ place }) => removedAt(kept, place).length > 0);
      const full = await logitsOf(whole.shape, weightsIn(whole.layout, masked.arena), before);
      const vocab = whole.layout.axes.vocab ?? 0;
      const expected = ids === null ? full : ofTokens(full, vocab, ids);
      expect(worstError(await logitsOf(shape, weights, own), expected)).toBeLessThan(1e-9);
    }),
  );
});

describe.each(families)("%s uncut", (family) => {
  test("is written tensor for tensor as it was read, and nothing of it goes unread", () =>
    inScratch(async (scratch) => {
      const path = folderOf(family);
      const shape = shapeIn(path);
      const layout = layoutOf("model", shape, 0);
      const folder = join(scratch, "copy");
      const source = await openCheckpoint(path);
      expect(unexpectedTensors(source, layout)).toEqual([]);
      await withWeights(path, shape, (weights) =>
        writeModelFolder(folder, weights, "f32", sideFilesOf(path, null)),
      );
      const copy = await openCheckpoint(folder);
      expect(copy.names.length).toBeGreaterThan(10);
      for (const name of copy.names) {
        const original = source.has(name) ? name : name.replace(layout.prefix, "");
        expect(copy.shape(name)).toEqual(source.shape(original));
        expect(await readFloats(copy.tensor(name))).toEqual(
          await readFloats(source.tensor(original)),
        );
      }
      await source.close();
      await copy.close();
      expect(readdirSync(folder).sort()).toEqual(["config.json", "model.safetensors"]);
    }));
});

test.each(["gpt2", "gpt_neox"])("%s has no word for heads of another size alone", (family) => {
  const place = { path: family, span: { start: 0, end: 0 } };
  const resized = product.resize(shapeIn(folderOf(family)), { dim: 2 }, place);
  expect(resized).toMatchObject({ ok: false, diagnostics: [{ code: "config-cannot-say" }] });
});

/** As stdlib/functions/norms.prune has it, its mean over so many channels whatever their axis has. */
const meansOver = (channels: number): Readonly<Record<string, string>> => ({
  "functions/norms.prune": `edition 1
function rms_norm[channel](x, scale, epsilon) = x / sqrt(sum[channel](x * x) / ${channels} + epsilon) * scale
function layer_norm[channel](x, scale, shift, epsilon) = x
`,
});

test.each([
  "gemma",
  "gemma2",
  "gemma3",
])("%s cut by hidden keeps the scale of its embeddings", (family) =>
  withWeights(folderOf(family), shapeIn(folderOf(family)), async (weights) => {
    const { tokens } = expectedOf(family);
    const { whole, kept, shape, weights: pruned } = await cutBy(family, ["hidden"], weights);
    const masked = zeroed(whole, ({ place }) => removedAt(kept, place).length > 0);
    const library = product.loadLibrary(
      [...new Map([...stdlibTexts(), ...Object.entries(meansOver(8))])].map(
        ([path, text]) => product.parse(path, text).file,
      ),
    ).library;
    const place = { path: family, span: { start: 0, end: 0 } };
    const over = must(product.readArchitecture(library, whole.shape.config, place));
    const full = await logitsOf(over, weightsIn(whole.layout, masked.arena), tokens);
    // Rescaled weights are rounded to f32.
    expect(worstError(await logitsOf(shape, pruned, tokens), full)).toBeLessThan(1e-5);
  }));

test("Gemma 2's list of layer types keeps the entry of the layer that stays", () =>
  inScratch(async (scratch) => {
    const path = folderOf("gemma2");
    const folder = join(scratch, "cut");
    const layers = await withWeights(path, shapeIn(path), async (weights) => {
      const { kept, weights: pruned } = await cutBy("gemma2", ["layer"], weights);
      await writeModelFolder(folder, pruned, "f32", sideFilesOf(path, null));
      return kept.get("layer")?.sets[0];
    });
    const types = ["sliding_attention", "full_attention"];
    expect(shapeIn(folder).config.layer_types).toEqual([types[layers?.[0] ?? 2]]);
  }));
