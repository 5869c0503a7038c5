/** What stands above and below the examples on the pages of library codes, so that they can be checked as a spec. */
export interface Frame {
  readonly above: string;
  readonly below: string;
  /** The config.json of `models/other`, where it differs from that of `models/sotu-1m`. */
  readonly config: Readonly<Record<string, unknown>>;
}

const EDITION = "edition 1\n";

const STAGES = `model teacher = open("models/sotu-1m")
data speeches = text("data/*.txt") { window 256 }
score merit of teacher on speeches {
  take 64 windows
  mlp by activation
}
prune student from teacher using merit { mlp -> 256 }
distill healed = student from teacher on speeches {
  stop  40K tokens
  batch 2 windows
  rate  constant(1e-3)
`;

const alone = (config: Frame["config"] = {}): Frame => ({ above: EDITION, below: "", config });

/** A setting of a distillation. */
const setting: Frame = { above: `${EDITION}${STAGES}`, below: "}\n", config: {} };

/** A loss called `steep`, or the function that it calls. */
const definition = (more = ""): Frame => ({
  above: EDITION,
  below: `${more}${STAGES}loss steep()\n}\n`,
  config: {},
});

const STEEP =
  "loss steep(guess [window, position, vocab] = student.logits) = mean[window, position, vocab](halve(guess))\n";

/** The rest of an architecture whose MLP is always three times as wide as the hidden state. */
const SQUARE = `architecture square for "SquareForCausalLM" {
  axis layer  = num_hidden_layers
  axis hidden = hidden_size
  axis mlp    = 3 * hidden_size
  axis vocab  = vocab_size
  weight embed "embed.weight" [vocab, hidden]
  each layer {
    weight up "layers.{layer}.up.weight" [mlp, hidden]
    weight down "layers.{layer}.down.weight" [hidden, mlp]
  }
  forward(tokens [window, position] of vocab) {
    x = embed[tokens]
    each layer {
      h = silu(x . up)
      tap mlp: h
      x = x + h . down
    }
    logits = x . embed
  }
}
model teacher = open("models/other")
data speeches = text("data/*.txt") { window 256 }
score merit of teacher on speeches {
  take 64 windows
  mlp by activation
}
`;

/** What that config.json says beyond what `square` reads, taken out. */
const SQUARE_CONFIG: Frame["config"] = {
  architectures: ["SquareForCausalLM"],
  intermediate_size: null,
  num_attention_heads: null,
  num_key_value_heads: null,
  head_dim: null,
  hidden_act: null,
  max_position_embeddings: null,
  rms_norm_eps: null,
  rope_theta: null,
  attention_bias: null,
  mlp_bias: null,
  tie_word_embeddings: null,
};

const ALTERNATING = `model teacher = open("models/other")
data speeches = text("data/*.txt") {
  window 256
  take 16 windows
}
score merit of teacher on speeches { layer by block_influence }
`;

export const frames = {
  "duplicate-definition": alone(),
  "unknown-architecture": alone({ architectures: ["OtherForCausalLM"] }),
  "config-value": alone({ hidden_size: 0 }),
  "weight-layerless": {
    above: EDITION,
    below: 'model teacher = open("models/other")\n',
    config: { architectures: ["OneForCausalLM"] },
  },
  "config-unsupported": alone({ hidden_act: "gelu" }),
  "config-cannot-say": {
    above: `${EDITION}${SQUARE}`,
    below: "",
    config: SQUARE_CONFIG,
  },
  "config-layers": alone({
    architectures: ["Qwen2ForCausalLM"],
    layer_types: ["full_attention", "sliding_attention"],
  }),
  "layers-undecided": {
    above: `${EDITION}${ALTERNATING}`,
    below: "",
    config: { architectures: ["Gemma2ForCausalLM"], sliding_window: 64, mlp_bias: null },
  },
  "unknown-in-library": setting,
  "axis-missing": definition(),
  "axes-differ": definition(),
  "wrong-arguments": setting,
  "wrong-value": setting,
  recursion: definition(STEEP),
} as const satisfies Readonly<Record<string, Frame>>;
