/** Keys of config.json that an architecture does not read: told of once where they may matter, and of no model that people have. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/check.js";
import { unreadKeys } from "../../compiler/library/unread.js";
import { library } from "../oracle/tiny-models.js";
import { memoryHost } from "../support/memory-host.js";
import { config } from "./sotu.js";

type Config = Readonly<Record<string, unknown>>;

const SPEC = 'edition 1\nmodel teacher = open("models/x")\n';

const said = (more: Config, spec = SPEC, texts: Readonly<Record<string, string>> = {}) =>
  check("spec.prune", spec, memoryHost({ models: { "models/x": { ...config, ...more } }, texts }))
    .diagnostics;

describe("a key that the architecture does not read", () => {
  test("is told of, as a warning, with the others", () => {
    const [first, ...more] = said({ embedding_multiplier: 12, residual_multiplier: 0.2 });
    expect(more).toEqual([]);
    expect(first).toMatchObject({ code: "config-unread", severity: "warning" });
    expect(first?.message).toBe(
      "config.json has `embedding_multiplier`, `residual_multiplier`, which `llama` does not read: results may not be the model's own",
    );
  });

  test("is named with three others, and the rest are counted", () => {
    const many = Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((key) => [`x_${key}`, 1]));
    expect(said(many)[0]?.message).toMatch(/`x_a`, `x_b`, `x_c`, `x_d` and 2 more/);
  });

  test.each([null, [], {}])("asks for nothing where it is %j", (value) => {
    expect(said({ quantization_config: value })).toEqual([]);
  });

  test("is no word where a used file ignores it, also under a name that is not one", () => {
    const texts = { "mine.prune": 'edition 1\nignore config embedding_multiplier, "x.y-z"\n' };
    const spec = SPEC.replace("edition 1\n", 'edition 1\nuse "./mine.prune"\n');
    expect(said({ embedding_multiplier: 12, "x.y-z": 1 }, spec, texts)).toEqual([]);
  });

  test("is no word where the architecture itself ignores it, and one of another's is", () => {
    const ignoring = (family: string, key: string): readonly string[] => {
      const architecture = library.architectures.get(family);
      if (architecture === undefined) throw new Error(family);
      return unreadKeys({ library, architecture, config: { [key]: 1 } });
    };
    expect(ignoring("gpt2", "n_ctx")).toEqual([]);
    expect(ignoring("llama", "n_ctx")).toEqual(["n_ctx"]);
  });

  test("is not read because GGUF has a word for it", () => {
    const architecture = library.architectures.get("llama");
    if (architecture === undefined) throw new Error("llama");
    const bare = { ...library, ignoredKeys: new Set<string>() };
    const of = { library: bare, architecture, config: { bos_token_id: 1, hidden_size: 8 } };
    expect(unreadKeys(of)).toEqual(["bos_token_id"]);
  });
});

/** What files of published models have besides the sizes, as their publishers wrote them. */
const PUBLISHED: Readonly<Record<string, string>> = {
  cohere:
    "architectures attention_bias attention_dropout bos_token_id eos_token_id hidden_act initializer_range layer_norm_eps logit_scale max_position_embeddings model_max_length model_type pad_token_id pretraining_tp rope_theta torch_dtype transformers_version use_cache use_qk_norm",
  llama:
    "_name_or_path architectures attention_bias attention_dropout bos_token_id eos_token_id hidden_act initializer_range is_llama_config max_position_embeddings max_sequence_length mlp_bias model_type pad_token_id pretraining_tp rms_norm_eps rope_interleaved rope_scaling rope_theta tie_word_embeddings torch_dtype transformers.js_config transformers_version unsloth_version use_cache",
  mistral:
    "architectures attention_dropout bos_token_id eos_token_id hidden_act initializer_range max_position_embeddings model_type rms_norm_eps rope_theta sliding_window tie_word_embeddings torch_dtype transformers_version use_cache",
  qwen2:
    "architectures attention_dropout bos_token_id eos_token_id hidden_act initializer_range max_position_embeddings max_window_layers model_type rms_norm_eps rope_scaling rope_theta sliding_window tie_word_embeddings torch_dtype transformers_version use_cache use_mrope use_sliding_window",
  glm4: "architectures attention_bias attention_dropout eos_token_id head_dim hidden_act initializer_range max_position_embeddings model_type pad_token_id partial_rotary_factor rms_norm_eps rope_theta tie_word_embeddings torch_dtype transformers_version use_cache",
  granite:
    "architectures attention_bias attention_dropout attention_multiplier bos_token_id embedding_multiplier eos_token_id hidden_act initializer_range logits_scaling max_position_embeddings mlp_bias model_type pad_token_id residual_multiplier rms_norm_eps rope_scaling rope_theta tie_word_embeddings torch_dtype transformers_version use_cache",
  smollm3:
    "architectures attention_bias attention_dropout bos_token_id eos_token_id hidden_act initializer_range layer_types max_position_embeddings max_window_layers mlp_bias model_type no_rope_layer_interval no_rope_layers pad_token_id pretraining_tp rms_norm_eps rope_scaling rope_theta sliding_window torch_dtype transformers_version use_cache use_sliding_window",
  qwen3:
    "architectures attention_bias attention_dropout bos_token_id eos_token_id head_dim hidden_act initializer_range max_position_embeddings max_window_layers model_type rms_norm_eps rope_scaling rope_theta sliding_window tie_word_embeddings torch_dtype transformers_version use_cache use_sliding_window",
  gemma:
    "architectures attention_bias attention_dropout bos_token_id eos_token_id head_dim hidden_act hidden_activation initializer_range max_position_embeddings model_type pad_token_id rms_norm_eps rope_scaling rope_theta torch_dtype transformers_version use_cache",
  gemma2:
    "_name_or_path architectures attention_bias attention_dropout attn_logit_softcapping bos_token_id cache_implementation eos_token_id final_logit_softcapping head_dim hidden_act hidden_activation initializer_range max_position_embeddings model_type pad_token_id query_pre_attn_scalar rms_norm_eps rope_theta sliding_window sliding_window_size torch_dtype transformers_version use_cache",
  gemma3:
    "_sliding_window_pattern architectures attention_bias attention_dropout attn_logit_softcapping bos_token_id cache_implementation eos_token_id final_logit_softcapping head_dim hidden_activation initializer_range layer_types max_position_embeddings model_type pad_token_id query_pre_attn_scalar rms_norm_eps rope_local_base_freq rope_scaling rope_theta sliding_window sliding_window_pattern torch_dtype transformers_version use_bidirectional_attention use_cache",
  nemotron:
    "architectures attention_bias attention_dropout bos_token_id eos_token_id head_dim hidden_act initializer_range max_position_embeddings mlp_bias model_type norm_eps num_key_value_heads partial_rotary_factor rope_theta tie_word_embeddings torch_dtype transformers_version use_cache",
  gpt2: "activation_function architectures attn_pdrop bos_token_id embd_pdrop eos_token_id gradient_checkpointing initializer_range layer_norm_epsilon model_type n_ctx n_inner n_positions resid_pdrop scale_attn_weights summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj task_specific_params transformers_version use_cache",
  gpt_neox:
    "_name_or_path architectures attention_bias attention_dropout attention_probs_dropout_prob bos_token_id classifier_dropout custom_pipelines eos_token_id hidden_act hidden_dropout hidden_dropout_prob initializer_range layer_norm_eps max_position_embeddings model_type partial_rotary_factor rope_scaling rope_theta rotary_emb_base rotary_pct tie_word_embeddings torch_dtype transformers_version use_cache use_parallel_residual",
  phi3: "_name_or_path architectures attention_bias attention_dropout auto_map bos_token_id embd_pdrop eos_token_id full_attn_mod hidden_act initializer_range interpolate_factor lm_head_bias max_position_embeddings mlp_bias model_type original_max_position_embeddings pad_token_id partial_rotary_factor resid_pdrop rms_norm_eps rope_scaling rope_theta sliding_window tie_word_embeddings torch_dtype transformers_version use_cache",
  olmo3:
    "architectures attention_bias attention_dropout bos_token_id eos_token_id hidden_act initializer_range layer_types max_position_embeddings model_type pad_token_id rms_norm_eps rope_scaling rope_theta sliding_window tie_word_embeddings torch_dtype transformers_version use_cache",
  olmo2:
    "architectures attention_bias attention_dropout eos_token_id hidden_act initializer_range max_position_embeddings model_type pad_token_id rms_norm_eps rope_scaling rope_theta tie_word_embeddings torch_dtype transformers_version use_cache",
};

const alarms = (name: string, config: Config): readonly string[] => {
  const architecture = library.architectures.get(name);
  if (architecture === undefined) throw new Error(`no architecture ${name}`);
  return unreadKeys({ library, architecture, config });
};

const read = (url: URL): Config => JSON.parse(readFileSync(url, "utf8"));

describe("no false alarm", () => {
  test("every architecture is among the published", () => {
    expect(Object.keys(PUBLISHED).sort()).toEqual([...library.architectures.keys()].sort());
  });

  test.each(Object.entries(PUBLISHED))("in files of %s", (name, keys) => {
    expect(alarms(name, Object.fromEntries(keys.split(" ").map((key) => [key, 1])))).toEqual([]);
  });

  test.each(Object.keys(PUBLISHED))("in what transformers writes of %s", (name) => {
    expect(
      alarms(name, read(new URL(`../oracle/architectures/${name}/config.json`, import.meta.url))),
    ).toEqual([]);
  });

  const examples = new URL("../../examples/", import.meta.url);
  const folders = readdirSync(examples, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name === "config.json")
    .map(({ parentPath }) => parentPath);

  test.each(folders)("in %s", (folder) => {
    const own = read(new URL(`file://${folder}/config.json`));
    const [name = ""] = [...library.architectures].flatMap(([key, { decl }]) =>
      decl.classes.some(({ value }) => value === (own.architectures as string[])[0]) ? [key] : [],
    );
    expect(alarms(name, own)).toEqual([]);
  });
});
