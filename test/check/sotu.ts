/** The example spec, its teacher's config.json, and edits of it that mark where a diagnostic belongs. */
import { readFileSync } from "node:fs";
import { type CheckOptions, type CheckResult, check } from "../../compiler/check.js";
import type { Diagnostic } from "../../grammar/diagnostic.js";
import { type MemoryFiles, memoryHost } from "../support/memory-host.js";

export const SPEC = "sotu-half.prune";

export const example = readFileSync(
  new URL("../../examples/sotu-half.prune", import.meta.url),
  "utf8",
);

export const config = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 2048,
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 6,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 16,
  hidden_act: "silu",
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 10000.0,
  rope_scaling: null,
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: true,
};

/** Of a model whose layers differ: every other one sees a sliding window. */
export const alternating = {
  ...config,
  architectures: ["Gemma2ForCausalLM"],
  mlp_bias: null,
  sliding_window: 256,
  attn_logit_softcapping: 50,
  final_logit_softcapping: 30,
};

export const models = { "models/sotu-1m": config };

/** One replacement in the example; `«` and `»` in the new text mark the span of the diagnostic. */
export type Edit = readonly [before: string, after: string];

export const edited = (edits: readonly Edit[]): string =>
  edits.reduce((text, [before, after]) => {
    if (text.split(before).length !== 2) throw new Error(`not exactly once in the spec: ${before}`);
    return text.replace(before, () => after);
  }, example);

/** Texts without marks, and the marked spans in order. */
export const unmarked = (text: string) => {
  const spans: { start: number; end: number }[] = [];
  let plain = "";
  let start = 0;
  for (const part of text.split(/([«»])/)) {
    if (part === "«") start = plain.length;
    else if (part === "»") spans.push({ start, end: plain.length });
    else plain += part;
  }
  return { text: plain, spans };
};

export const checkText = (
  text: string,
  options: CheckOptions = {},
  files: MemoryFiles = {},
): CheckResult => check(SPEC, text, memoryHost({ models, ...files }), options);

/** Line and column (from 1), and the code. */
export const placed = (text: string, { code, span }: Pick<Diagnostic, "code" | "span">): string => {
  const before = text.slice(0, span.start).split("\n");
  return `${before.length}:${(before.at(-1) ?? "").length + 1} ${code}`;
};

export const brief = (text: string, result: CheckResult): string[] =>
  result.diagnostics.map((diagnostic) => placed(text, diagnostic));
