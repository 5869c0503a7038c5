/** A Llama checkpoint of random weights on disk, and whether two safetensors files hold the same tensors. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { streamOf } from "../runtime/data/random.js";
import { writeSafetensors } from "../runtime/formats/safetensors.js";
import type { StoredTensor } from "../runtime/formats/stored-tensor.js";
import { WEIGHTS_FILE } from "../runtime/formats/weight-files.js";
import type { LlamaSizes } from "./task.js";

/** Names and shapes, as Hugging Face writes them. */
const tensorsOf = (sizes: LlamaSizes): readonly (readonly [string, readonly number[]])[] => {
  const { hidden_size: hidden, intermediate_size: mlp, head_dim: dim } = sizes;
  const [heads, groups] = [sizes.num_attention_heads * dim, sizes.num_key_value_heads * dim];
  const layer = (index: number) =>
    (
      [
        ["input_layernorm", [hidden]],
        ["self_attn.q_proj", [heads, hidden]],
        ["self_attn.k_proj", [groups, hidden]],
        ["self_attn.v_proj", [groups, hidden]],
        ["self_attn.o_proj", [hidden, heads]],
        ["post_attention_layernorm", [hidden]],
        ["mlp.gate_proj", [mlp, hidden]],
        ["mlp.up_proj", [mlp, hidden]],
        ["mlp.down_proj", [hidden, mlp]],
      ] as const
    ).map(([name, shape]) => [`model.layers.${index}.${name}.weight`, shape] as const);
  return [
    ["model.embed_tokens.weight", [sizes.vocab_size, hidden]],
    ...Array.from({ length: sizes.num_hidden_layers }, (_, index) => layer(index)).flat(),
    ["model.norm.weight", [hidden]],
  ];
};

/**
 * Numbers of either sign and about a hundredth in size, by xorshift (Marsaglia 2003): philox would take minutes. Gains of
 * norms are from 1 to 2, else logits are all alike and so are those of any student.
 */
const randomHalves = (name: string, count: number): StoredTensor => {
  const halves = new Uint16Array(count);
  const [size, drawn] = name.includes("norm") ? [0x3f80, 0x7f] : [0x3c00, 0x807f];
  let state = streamOf(name) | 1;
  for (let at = 0; at < count; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    halves[at] = size | (state & drawn);
  }
  return {
    dtype: "bf16",
    count,
    read: async (start, into) => {
      into.set(new Uint8Array(halves.buffer, start * 2, into.length));
    },
  };
};

const elements = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/** What the weights take in bf16. */
export const checkpointBytes = (sizes: LlamaSizes): number =>
  tensorsOf(sizes).reduce((sum, [, shape]) => sum + 2 * elements(shape), 0);

/** Writes a bf16 checkpoint with the tokenizer of another folder. */
export const writeCheckpoint = async (
  folder: string,
  sizes: LlamaSizes,
  tokenizerOf: string,
): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(tokenizerOf, "config.json"), "utf8"));
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...sizes }));
  for (const file of ["tokenizer.json", "tokenizer_config.json"])
    copyFileSync(join(tokenizerOf, file), join(folder, file));
  const tensors = tensorsOf(sizes).map(([name, shape]) => ({
    ...{ name, dtype: "bf16" as const, shape },
    data: randomHalves(name, elements(shape)),
  }));
  await writeSafetensors(join(folder, WEIGHTS_FILE), tensors);
};

type Entries = Readonly<Record<string, { readonly data_offsets?: readonly [number, number] }>>;

const tensorBytes = (path: string): ReadonlyMap<string, Buffer> => {
  const file = readFileSync(path);
  const data = 8 + Number(file.readBigUInt64LE(0));
  const entries = JSON.parse(file.toString("utf8", 8, data)) as Entries;
  return new Map(
    Object.entries(entries).flatMap(([name, { data_offsets }]) =>
      data_offsets === undefined
        ? []
        : [[name, file.subarray(data + data_offsets[0], data + data_offsets[1])] as const],
    ),
  );
};

/** Whether two files hold the same tensors, bit for bit, in whatever order. */
export const sameTensors = (one: string, other: string): boolean => {
  const [a, b] = [tensorBytes(one), tensorBytes(other)];
  return a.size === b.size && [...a].every(([name, bytes]) => b.get(name)?.equals(bytes));
};
