/**
 * The architectures that laws of models are tried on: the library's own, and one written here with other names, norms,
 * orders of axes and no gate, so that a law is about the language and not about one file.
 */
import type { ModelCase } from "./arbitraries/model.js";

export interface Architecture {
  /** Library files by path, besides the standard library or in the place of its files. */
  readonly texts: Readonly<Record<string, string>>;
  readonly config: (drawn: ModelCase) => Readonly<Record<string, unknown>>;
  readonly layer: string;
  /** What scores the axis of layers. */
  readonly layerCriterion: string;
}

const llama: Architecture = {
  texts: {},
  config: ({ layers, width, groups, heads, half, inner, words, biases, tied, terse }) => {
    const all = groups * heads;
    return {
      architectures: ["LlamaForCausalLM"],
      num_hidden_layers: layers,
      hidden_size: terse ? all * half * 2 : width,
      num_attention_heads: all,
      ...(terse ? {} : { head_dim: half * 2 }),
      ...(terse && heads === 1 ? {} : { num_key_value_heads: groups }),
      intermediate_size: inner,
      vocab_size: words,
      rms_norm_eps: 1e-5,
      ...(biases ? { attention_bias: true, mlp_bias: true } : {}),
      ...(tied || !terse ? { tie_word_embeddings: tied } : {}),
    };
  },
  layer: "layer",
  layerCriterion: "block_influence",
};

const small = `edition 1

function layer_norm[channel](x, scale, shift) {
  middle = mean[channel](x)
  (x - middle) / sqrt(mean[channel]((x - middle) * (x - middle)) + 1e-5) * scale + shift
}

/// How little of a block's input is left in its output.
criterion turn of tap before, after {
  1 - mean[window, position](cosine_similarity[width](before, after))
}

/// Before each half of a block a LayerNorm, no gate and no positions (arXiv 2305.19466).
architecture small for "SmallModel" {
  axis block = n_layer
  axis width = n_embd
  axis group = n_group ?? 1
  axis head  = n_head / group
  axis dim   = head_size
  axis inner = n_inner ?? 4 * n_embd
  axis vocab = vocab_size

  config n_head = group * head

  weight symbols "wte" [vocab, width]
  weight readout "out" [width, vocab] when not (tied ?? false) else symbols
  weight last_scale "ln.w" [width]
  weight last_shift "ln.b" [width]

  each block {
    weight q "h.{layer}.q" [dim head group, width]
    weight k "h.{layer}.k" [width, group dim]
    weight v "h.{layer}.v" [group, dim, width]
    weight merge "h.{layer}.merge" [width, head dim group]
    weight merge_shift "h.{layer}.merge.b" [width] when bias ?? true
    weight one_scale "h.{layer}.ln1.w" [width]
    weight one_shift "h.{layer}.ln1.b" [width]
    weight two_scale "h.{layer}.ln2.w" [width]
    weight two_shift "h.{layer}.ln2.b" [width]
    weight wide "h.{layer}.wide" [inner, width]
    weight wide_shift "h.{layer}.wide.b" [inner] when bias ?? true
    weight narrow "h.{layer}.narrow" [inner, width]
  }

  forward(tokens [window, position] of vocab) {
    x = symbols[tokens]
    each block {
      n = layer_norm[width](x, one_scale, one_shift)
      q_ = n . q
      k_ = n . k
      a = attention[dim, position](q_, k_, n . v, scale: 1 / sqrt(size(dim)))
      y = x + a . merge + merge_shift
      m = layer_norm[width](y, two_scale, two_shift)
      h = gelu_tanh(m . wide + wide_shift)
      z = y + h . narrow
      tap width: n
      tap width: m
      tap head: norm[dim](a)
      tap group: norm[dim](a)
      tap dim: q_
      tap dim: k_
      tap dim: a
      tap inner: h
      tap block: x, z
      x = z
    }
    logits = layer_norm[width](x, last_scale, last_shift) . readout
  }
}
`;

const own: Architecture = {
  texts: { "small.prune": small },
  config: ({ layers, width, groups, heads, half, inner, words, biases, tied, terse }) => ({
    architectures: ["SmallModel"],
    n_layer: layers,
    n_embd: width,
    n_head: groups * heads,
    ...(terse && groups === 1 ? {} : { n_group: groups }),
    head_size: 2 * half - 1,
    ...(terse ? {} : { n_inner: inner }),
    vocab_size: words,
    ...(terse && biases ? {} : { bias: biases }),
    ...(terse && !tied ? {} : { tied }),
  }),
  layer: "block",
  layerCriterion: "turn",
};

export const ARCHITECTURES: readonly Architecture[] = [llama, own];

export const architectureOf = ({ kind }: ModelCase): Architecture => {
  const found = ARCHITECTURES[kind];
  if (found === undefined) throw new Error(`no architecture ${kind}`);
  return found;
};
