/**
 * A Llama with tied embeddings in jax-js, as its users write one. Every function takes ownership of its array arguments,
 * as jax-js asks; parameters are by their names in the checkpoint.
 */
import { nn, numpy as np } from "@jax-js/jax";
import type { LlamaFile, LlamaSizes } from "../task.js";
import { readFloats } from "../tensor-file.js";

export type Parameters = Record<string, np.Array>;

export const EMBED = "model.embed_tokens.weight";

export const loadParameters = (file: LlamaFile): Parameters => {
  const arena = readFloats(file);
  return Object.fromEntries(
    file.weights.map(({ name, offset, shape }) => {
      const size = shape.reduce((n, of) => n * of, 1);
      return [name, np.array(arena.slice(offset, offset + size), { shape: [...shape] })];
    }),
  );
};

/** All of them, each with one more owner. */
export const share = (parameters: Parameters): Parameters =>
  Object.fromEntries(Object.entries(parameters).map(([name, array]) => [name, array.ref]));

export const disposeAll = (parameters: Parameters): void => {
  for (const array of Object.values(parameters)) array.dispose();
};

export interface Rotary {
  /** [position, 1, dim] */
  readonly cos: np.Array;
  readonly sin: np.Array;
}

/** Tables of rotary positions (arXiv 2104.09864). */
export const rotary = ({ head_dim: dim, rope_theta }: LlamaSizes, positions: number): Rotary => {
  const table = (of: (angle: number) => number): np.Array => {
    const data = new Float32Array(positions * dim);
    for (let at = 0; at < data.length; at++) {
      const [position, unit] = [Math.floor(at / dim), at % (dim / 2)];
      data[at] = of(position * rope_theta ** ((-2 * unit) / dim));
    }
    return np.array(data, { shape: [positions, 1, dim] });
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
};

const rotate = (x: np.Array, { cos, sin }: Rotary, dim: number): np.Array => {
  const half = dim / 2;
  const low = x.ref.slice([], [], [], [0, half]);
  const high = x.ref.slice([], [], [], [half, dim]);
  const turned = np.concatenate([high.neg(), low], -1);
  return x.mul(cos.ref).add(turned.mul(sin.ref));
};

const norm = (x: np.Array, scale: np.Array, epsilon: number): np.Array => {
  const mean = np.mean(np.square(x.ref), -1, { keepdims: true });
  return x.mul(np.reciprocal(np.sqrt(mean.add(epsilon)))).mul(scale);
};

const linear = (x: np.Array, weight: np.Array): np.Array => np.matmul(x, weight.transpose());

/** What scoring looks at: activations by place, in the order they come; arrays are given away. */
export type Tap = (place: "hidden" | "query" | "mlp" | "layer", ...values: np.Array[]) => void;

/**
 * Logits [window, position, vocab] from embedded tokens [window, position, hidden]. Consumes x and parameters; `tables`
 * stay the caller's.
 */
export const forward = (
  sizes: LlamaSizes,
  x: np.Array,
  parameters: Parameters,
  tables: Rotary,
  tap: Tap | null = null,
): np.Array => {
  const [windows = 1, positions = 1] = x.shape;
  const { head_dim: dim, num_attention_heads: heads, num_key_value_heads: groups } = sizes;
  const take = (name: string): np.Array => {
    const array = parameters[name];
    if (array === undefined) throw new Error(`there is no weight ${name}`);
    return array;
  };
  let stream = x;
  for (let layer = 0; layer < sizes.num_hidden_layers; layer++) {
    const weight = (name: string) => take(`model.layers.${layer}.${name}.weight`);
    const before = tap === null ? null : stream.ref;
    const n = norm(stream.ref, weight("input_layernorm"), sizes.rms_norm_eps);
    tap?.("hidden", n.ref);
    const split = (y: np.Array, count: number) => y.reshape([windows, positions, count, dim]);
    const q = rotate(split(linear(n.ref, weight("self_attn.q_proj")), heads), tables, dim);
    const k = rotate(split(linear(n.ref, weight("self_attn.k_proj")), groups), tables, dim);
    const v = split(linear(n, weight("self_attn.v_proj")), groups);
    const attended = nn.dotProductAttention(q, k, v, { isCausal: true });
    tap?.("query", attended.ref);
    const flat = attended.reshape([windows, positions, heads * dim]);
    stream = stream.add(linear(flat, weight("self_attn.o_proj")));
    const m = norm(stream.ref, weight("post_attention_layernorm"), sizes.rms_norm_eps);
    tap?.("hidden", m.ref);
    const gated = nn
      .silu(linear(m.ref, weight("mlp.gate_proj")))
      .mul(linear(m, weight("mlp.up_proj")));
    tap?.("mlp", gated.ref);
    stream = stream.add(linear(gated, weight("mlp.down_proj")));
    if (before !== null) tap?.("layer", before, stream.ref);
  }
  return linear(norm(stream, take("model.norm.weight"), sizes.rms_norm_eps), take(EMBED));
};
