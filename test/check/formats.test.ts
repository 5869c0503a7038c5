/** What formats of models can and cannot say: heads tied to the hidden state, weights that share a tensor, long windows. */
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { compile } from "../../compiler/compile.js";
import type { ModelLayout } from "../../compiler/plan.js";
import { checkLayers } from "../../runtime/run/layer-rules.js";
import { memoryHost } from "../support/memory-host.js";

const gpt2 = {
  architectures: ["GPT2LMHeadModel"],
  vocab_size: 100,
  n_embd: 48,
  n_layer: 4,
  n_head: 6,
  n_positions: 64,
};

const gemma2 = {
  architectures: ["Gemma2ForCausalLM"],
  vocab_size: 100,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  sliding_window: 32,
};

const checked = (config: Readonly<Record<string, unknown>>, cuts: string, window = 32) =>
  check(
    "spec.prune",
    `edition 1
model teacher = open("models/teacher")
data texts = text("data/*.txt") {
  window ${window}
  take 200 windows
}
score merit of teacher on texts {
  hidden, mlp by activation
  ${"n_embd" in config ? "head" : "query"} by activation
  layer by block_influence
}
prune student from teacher using merit { ${cuts} }
evaluate student on texts { perplexity }
`,
    memoryHost({ models: { "models/teacher": config } }),
  );

const codes = (...args: Parameters<typeof checked>): string[] =>
  checked(...args).diagnostics.map(({ code }) => code);

describe("GPT-2's format has no key for the size of a head", () => {
  test.each(["hidden 48 -> 36", "head 6 -> 3"])("%s alone is refused, with the reason", (cut) => {
    const { diagnostics } = checked(gpt2, cut);
    expect(diagnostics).toMatchObject([
      { code: "config-cannot-say", caret: "the architecture says: axis dim = n_embd / n_head" },
    ]);
  });

  test("both by the same share can be said", () => {
    const { diagnostics, recipe } = checked(gpt2, "hidden 48 -> 24\n head 6 -> 3\n mlp 192 -> 50");
    expect(diagnostics).toEqual([]);
    expect(recipe?.models.get("student")?.shape.config).toMatchObject({
      n_embd: 24,
      n_head: 3,
      n_inner: 50,
    });
  });

  test("its MLP is four times as wide as the hidden state where nothing else is said, and stays so wide", () => {
    const { recipe } = checked(gpt2, "hidden 48 -> 24\n head 6 -> 3");
    expect(recipe?.models.get("student")?.shape.config.n_inner).toBe(192);
  });
});

test("windows longer than the positions that were learned are refused", () => {
  expect(codes(gpt2, "mlp -> 50%", 64)).toEqual([]);
  expect([...new Set(codes(gpt2, "mlp -> 50%", 65))]).toEqual(["config-unsupported"]);
});

test("layers that differ can be cut where windows are too short to show it", () => {
  expect(codes(gemma2, "layer 4 -> 3", 32)).toEqual([]);
  expect(codes(gemma2, "layer 4 -> 3", 33)).toEqual(["layers-undecided"]);
  expect(codes(gemma2, "mlp -> 50%", 33)).toEqual([]);
});

/** Gemma 2 with layers cut, exported as GGUF: what the check says, and what it leaves to the run. */
const inGguf = (criterion: string, cut: string) => {
  const config = { ...gemma2, attn_logit_softcapping: 50, final_logit_softcapping: 30 };
  const { recipe, diagnostics } = check(
    "spec.prune",
    `edition 1
model teacher = open("models/teacher")
data texts = text("data/*.txt") { window 32 }
score merit of teacher on texts {
  take 200 windows
  layer by ${criterion}
}
prune student from teacher using merit { ${cut} }
distill healed = student from teacher on texts {
  loss  kld()
  stop  2 steps
  batch 1 windows
  rate  constant(1e-3)
}
export healed to "healed.gguf" { format gguf }
`,
    memoryHost({ models: { "models/teacher": config } }),
  );
  return { recipe, codes: diagnostics.map(({ code }) => code) };
};

test("layers that take turns still do where an even run of them goes, whichever it is", () => {
  expect(inGguf("angular_distance", "layer 4 -> 2").codes).toEqual([]);
  expect(inGguf("angular_distance", "layer 4 -> 3").codes).toEqual(["export-undecided"]);
  expect(inGguf("block_influence", "layer 4 -> 2").codes).toEqual(["export-undecided"]);
  // A round of one layer each leaves the two in either order.
  const rounds = inGguf("angular_distance", "layer 4 -> 2\n rounds 2");
  expect(rounds.codes).toEqual(["export-undecided"]);
});

test("the run looks at the layers that stay as soon as they are cut", () => {
  const { recipe } = inGguf("block_influence", "layer 4 -> 2");
  if (recipe === null) throw new Error("not checked");
  const plan = compile(recipe, { texts: 400 });
  const { student, healed } = plan.models;
  if (student === undefined || healed === undefined) throw new Error("no student");
  const [slides, sees] = ["sliding_attention", "full_attention"];
  const kept =
    (model: ModelLayout, ...types: readonly (string | undefined)[]) =>
    () =>
      checkLayers(plan, { ...model, layerLists: { layer_types: types } });
  expect(kept(student, slides, sees)).not.toThrow();
  expect(kept(student, sees, slides)).toThrow(
    'student keeps layers that healed.gguf cannot say: layer 0 has layer_types "full_attention"',
  );
  expect(kept(student, slides, slides)).toThrow("layer 1 has");
  // What is no pruning is not looked at again.
  expect(kept(healed, sees, slides)).not.toThrow();
});

test("a list with a factor for each pair of a head is refused where there would be other pairs", () => {
  const factors = Array.from({ length: 4 }, (_, at) => 1 + at);
  const phi3 = {
    ...gemma2,
    architectures: ["Phi3ForCausalLM"],
    head_dim: 8,
    sliding_window: null,
    original_max_position_embeddings: 16,
    rope_scaling: { type: "longrope", short_factor: factors, long_factor: factors },
  };
  expect(codes(phi3, "mlp -> 50%")).toEqual([]);
  // transformers counts pairs by hidden_size and the heads.
  expect(codes(phi3, "hidden -> 50%")).toEqual(["config-unsupported"]);
  const short = { ...phi3, rope_scaling: { ...phi3.rope_scaling, short_factor: [1] } };
  expect(codes(short, "mlp -> 50%")).toEqual(["config-unsupported"]);
  const { original_max_position_embeddings: before, ...others } = phi3;
  const scaling = { ...phi3.rope_scaling, original_max_position_embeddings: before };
  for (const name of ["LlamaForCausalLM", "MistralForCausalLM"]) {
    const own = { ...others, architectures: [name], rope_scaling: scaling };
    expect(codes(own, "mlp -> 50%")).toEqual([]);
    const fewer = { ...own, rope_scaling: { ...scaling, short_factor: [1] } };
    expect(codes(fewer, "mlp -> 50%")).toEqual(["config-unsupported"]);
  }
});

test("Gemma's embeddings, scaled by the root of the hidden size, are rescaled when it is cut", () => {
  const stepOf = (config: Readonly<Record<string, unknown>>) =>
    checked(config, "hidden 32 -> 8").recipe?.steps.find(({ kind }) => kind === "prune");
  const gemma = { ...gemma2, architectures: ["GemmaForCausalLM"] };
  const tied = { embed: { scale: 2, shift: 0 }, final_norm: { scale: 0.5, shift: -0.5 } };
  expect(stepOf(gemma)).toMatchObject({ rescaled: tied });
  expect(stepOf({ ...gemma, tie_word_embeddings: false })).toMatchObject({
    rescaled: { embed: { scale: 2, shift: 0 } },
  });
  expect(
    checked(gemma, "mlp -> 50%").recipe?.steps.find(({ kind }) => kind === "prune"),
  ).toMatchObject({ rescaled: {} });
});

const withWeights = (weights: string): string[] => {
  const architecture = `architecture joint for "JointModel" {
  axis hidden = hidden_size
  axis mlp = mlp_size
  axis vocab = vocab_size
  weight embed "embed" [vocab, hidden]
  ${weights}
  forward(tokens [window, position] of vocab) { logits = embed[tokens] . embed }
}
`;
  const models = {
    "models/joint": { architectures: ["JointModel"], hidden_size: 4, mlp_size: 6, vocab_size: 10 },
  };
  const text = `edition 1\n${architecture}model joint = open("models/joint")\n`;
  const { diagnostics } = check("spec.prune", text, memoryHost({ models }));
  return diagnostics.map(({ message }) => message);
};

test.each([
  ['weight a, b "x" [mlp | mlp, hidden]', []],
  ['weight a "x" [mlp, hidden]', []],
  ['weight a, b "x" [mlp, hidden]', ["this tensor holds 1 weights, and 2 are named"]],
  ['weight a, b "x" [mlp | mlp | mlp, hidden]', ["this tensor holds 3 weights, and 2 are named"]],
  [
    'weight a, b "x" [mlp | mlp, hidden | hidden]',
    ["weights stand one after another along one dimension of a tensor only"],
  ],
  ['weight a, b "x" [depth (mlp | mlp), hidden]', ["this has no axis `depth`"]],
])("%s", (weights, messages) => {
  expect(withWeights(weights)).toEqual(messages);
});
