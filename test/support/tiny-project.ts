/** A folder with a tiny random model, some of the example's text and a spec that runs in seconds. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const examples = fileURLToPath(new URL("../../examples", import.meta.url));

export const TINY = {
  layers: 2,
  hidden: 16,
  groups: 2,
  query: 2,
  dim: 4,
  mlp: 24,
  vocab: 2048,
} as const;

/** Deterministic values in (-1, 1): a 32-bit mixing of the index. */
const noise = (index: number): number => {
  let x = (index + 0x9e3779b9) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 31 - 1;
};

const tensors = (): [string, number[]][] => {
  const { layers, hidden, groups, query, dim, mlp, vocab } = TINY;
  const list: [string, number[]][] = [
    ["model.embed_tokens.weight", [vocab, hidden]],
    ["model.norm.weight", [hidden]],
  ];
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    list.push(
      [`${prefix}.input_layernorm.weight`, [hidden]],
      [`${prefix}.self_attn.q_proj.weight`, [groups * query * dim, hidden]],
      [`${prefix}.self_attn.k_proj.weight`, [groups * dim, hidden]],
      [`${prefix}.self_attn.v_proj.weight`, [groups * dim, hidden]],
      [`${prefix}.self_attn.o_proj.weight`, [hidden, groups * query * dim]],
      [`${prefix}.post_attention_layernorm.weight`, [hidden]],
      [`${prefix}.mlp.gate_proj.weight`, [mlp, hidden]],
      [`${prefix}.mlp.up_proj.weight`, [mlp, hidden]],
      [`${prefix}.mlp.down_proj.weight`, [hidden, mlp]],
    );
  }
  return list;
};

/** A safetensors file written by hand here, so that the product's reader is not checked against its own writer. */
export const safetensorsBytes = (
  list: readonly (readonly [string, readonly number[]])[],
): Buffer => {
  const header: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  let offset = 0;
  for (const [name, shape] of list) {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = new Float32Array(count);
    const scale = shape.length === 1 ? 0 : 0.3;
    for (let i = 0; i < count; i++)
      data[i] = shape.length === 1 ? 1 + 0.1 * noise(i + offset) : scale * noise(i + offset);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + count * 4] };
    offset += count * 4;
    chunks.push(Buffer.from(data.buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...chunks]);
};

const config = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: TINY.vocab,
  hidden_size: TINY.hidden,
  intermediate_size: TINY.mlp,
  num_hidden_layers: TINY.layers,
  num_attention_heads: TINY.groups * TINY.query,
  num_key_value_heads: TINY.groups,
  head_dim: TINY.dim,
  hidden_act: "silu",
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 0,
  torch_dtype: "float32",
};

export const tinySpec = (steps = 6): string => `edition 1

model teacher = open("model")

data texts = text("texts/*.txt") { window 32 }

score merit of teacher on texts {
  take 8 windows
  hidden, mlp, query by activation(batch: l2, position: mean)
}

prune student from teacher using merit {
  hidden 16 -> 12
  mlp 24 -> 16
}

distill healed = student from teacher on texts {
  loss kld(temperature: 1)
  stop ${steps} steps
  batch 2 windows
  optimizer adamw(beta: [0.9, 0.95], decay: 0.0, clip: 1.0)
  rate cosine(2e-3 -> 2e-4, warmup: 5%)
  checkpoint every 2 steps
}

export healed to "tiny-half" {
  format safetensors
  dtype f32
}
`;

export interface TinyProject {
  readonly folder: string;
  readonly spec: string;
  readonly model: string;
}

/** Makes the folder; `spec` is written to tiny.prune. */
export const makeTinyProject = (spec: string = tinySpec()): TinyProject => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-tiny-"));
  const model = join(folder, "model");
  mkdirSync(model);
  writeFileSync(join(model, "config.json"), JSON.stringify(config, null, 2));
  writeFileSync(join(model, "model.safetensors"), safetensorsBytes(tensors()));
  for (const file of ["tokenizer.json", "tokenizer_config.json"])
    cpSync(join(examples, "models/sotu-1m", file), join(model, file));
  mkdirSync(join(folder, "texts"));
  const text = readFileSync(join(examples, "data/sotu/valid/1800_john_adams_f.txt"), "utf8");
  writeFileSync(join(folder, "texts/a.txt"), text);
  writeFileSync(join(folder, "tiny.prune"), spec);
  return { folder, spec: resolve(folder, "tiny.prune"), model };
};
