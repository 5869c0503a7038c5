/**
 * A checkpoint of the shape of an 8B Llama (32 layers, hidden 4096, 8 groups of 4 query heads of 128, mlp 14336, vocabulary
 * 128256; 16.1 GB in bf16) with random weights, in shards as Hugging Face cuts them. The same bytes each time.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { check } from "../../compiler/check.js";
import { layoutOf } from "../../compiler/planning/layout.js";
import { fileHost } from "../../runtime/cli/host.js";
import { writeModelFolder } from "../../runtime/formats/model-folder.js";
import { sideFiles } from "../../runtime/formats/side-files.js";
import { bytesOf, type StoredTensor } from "../../runtime/formats/stored-tensor.js";
import { elementsOf } from "../../runtime/formats/weights.js";

/** Llama 3 8B's, with the rotary base of its first version; fewer layers make a smaller model of the same width. */
const configOf = (layers: number) => ({
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 4096,
  intermediate_size: 14336,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  num_hidden_layers: layers,
  head_dim: 128,
  vocab_size: 128256,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  hidden_act: "silu",
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
});

/** Standard deviation of the weights, as Llama's were at the start. */
const DEVIATION = 0.02;

/** Numbers of a uniform distribution, a function of seed and place. */
const randomTensor = (count: number, seed: number): StoredTensor => ({
  dtype: "bf16",
  count,
  read: async (start, into) => {
    const halves = new Uint16Array(into.buffer, into.byteOffset, into.byteLength / 2);
    const value = new Float32Array(1);
    const bits = new Uint32Array(value.buffer);
    const width = 2 * Math.sqrt(3) * DEVIATION;
    for (let i = 0; i < halves.length; i++) {
      // The finaliser of MurmurHash3 over a Weyl sequence.
      let word = Math.imul(start + i + 1, 0x9e3779b9) ^ Math.imul(seed, 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
      value[0] = (((word ^ (word >>> 16)) >>> 0) / 2 ** 32 - 0.5) * width;
      halves[i] = (bits[0] ?? 0) >>> 16;
    }
  },
});

const ones = (count: number): StoredTensor => ({
  dtype: "bf16",
  count,
  read: async (_start, into) => {
    into.set(bytesOf(new Uint16Array(into.byteLength / 2).fill(0x3f80)));
  },
});

/** Writes the checkpoint to `folder`, with the tokenizer of the model in `tokenizerFrom`. */
export const makeCheckpoint = async (
  folder: string,
  tokenizerFrom: string,
  layers = 32,
): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(configOf(layers)));
  const spec = `edition 1\nmodel large = open(".")\n`;
  const shape = check("large.prune", spec, fileHost(folder), {}).recipe?.models.get("large")?.shape;
  if (shape === undefined) throw new Error("the configuration is not that of a known architecture");
  const layout = layoutOf("large", shape, 0);
  const seeds = new Map(layout.weights.map((weight, seed) => [weight, seed + 1]));
  await writeModelFolder(
    folder,
    {
      layout,
      tensor: (weight) =>
        weight.dims.length === 1
          ? ones(elementsOf(weight))
          : randomTensor(elementsOf(weight), seeds.get(weight) ?? 0),
      close: async () => undefined,
    },
    "bf16",
    sideFiles(tokenizerFrom),
  );
};
