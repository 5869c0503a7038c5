"""Makes architectures/: tiny models of every family with random weights, and what transformers says of them.

    python3 test/oracle/make-architectures.py test/oracle/architectures

Needs torch and transformers. Each folder has config.json and model.safetensors as transformers saves them, and
expected.json: tokens, and of each case the logits, and the gradient of the mean cross-entropy of each token after its
predecessors, as a digest of each weight's. A case may set keys of config.json and leave out others, so that older
spellings and options are tried on the same weights.
"""

import json
import os
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

VOCAB, LENGTH = 48, 12

base = dict(vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4)
grouped = dict(**base, num_key_value_heads=2, head_dim=8, max_position_embeddings=64)


def case(without=(), **keys):
    return {"config": keys, "without": list(without)}


def older(**keys):
    """As files before transformers 5 have it."""
    return case(["rope_parameters"], rope_theta=500.0, **keys)


def scaled(rope, **keys):
    return older(rope_scaling=rope, **keys)


SAVED = case()
ROPE = {
    "older keys": older(),
    "linear": scaled({"type": "linear", "factor": 4.0}),
    "dynamic": scaled({"type": "dynamic", "factor": 2.0}, max_position_embeddings=8),
    "llama3": scaled(
        {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        }
    ),
    "yarn": scaled(
        {
            "rope_type": "yarn",
            "factor": 4.0,
            "original_max_position_embeddings": 16,
            "beta_fast": 4.0,
            "beta_slow": 1.0,
        }
    ),
}

LONG = {"type": "longrope", "short_factor": [1.0, 1.1, 1.5, 2.0], "long_factor": [1.0, 2.0, 5.0, 9.0]}
SLIDING = {"use_sliding_window": True, "sliding_window": 5}

# Family → (keys, cases).
FAMILIES = {
    "llama": ({**grouped, "attention_bias": True, "mlp_bias": True}, {"as saved": SAVED, **ROPE}),
    "mistral": ({**grouped, "sliding_window": None}, {"as saved": SAVED, "sliding window": case(sliding_window=5)}),
    "qwen2": (
        {**grouped, "tie_word_embeddings": True},
        {
            "as saved": SAVED,
            "sliding layers": case(layer_types=["full_attention", "sliding_attention"], **SLIDING),
            "without layer types": case(["layer_types"], max_window_layers=1, **SLIDING),
        },
    ),
    "qwen3": (grouped, {"as saved": SAVED}),
    "smollm3": (
        # Without positions, biases of keys change nothing.
        {
            **grouped,
            "mlp_bias": True,
            "no_rope_layer_interval": 2,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "pad_token_id": 0,
        },
        {
            "as saved": SAVED,
            "sliding layers": case(["layer_types", "no_rope_layers"], **SLIDING),
            "all rotated": case(no_rope_layers=[1, 1]),
        },
    ),
    "granite": (
        {
            **grouped,
            "embedding_multiplier": 12.0,
            "attention_multiplier": 0.5,
            "residual_multiplier": 0.22,
            "logits_scaling": 8.0,
        },
        {"as saved": SAVED, "older keys": older(), "exact gelu": case(hidden_act="gelu")},
    ),
    "gemma": (grouped, {"as saved": SAVED, "as first published": case(hidden_act="gelu")}),
    "gemma2": (
        {**grouped, "query_pre_attn_scalar": 24, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 4.0},
        {
            "as saved": SAVED,
            "sliding window": case(sliding_window=5),
            "without layer types": case(["layer_types"], sliding_window=5),
            "without caps": case(attn_logit_softcapping=None, final_logit_softcapping=None),
        },
    ),
    "gemma3": (
        {**grouped, "query_pre_attn_scalar": 24, "sliding_window": 64, "sliding_window_pattern": 2},
        {
            "as saved": SAVED,
            "sliding window": case(sliding_window=5),
            "older keys": case(
                ["rope_parameters", "layer_types", "_sliding_window_pattern"],
                rope_theta=5000.0,
                rope_local_base_freq=500.0,
                sliding_window_pattern=2,
                rope_scaling={"rope_type": "linear", "factor": 4.0},
            ),
            "capped": case(final_logit_softcapping=4.0),
        },
    ),
    "cohere": (
        {**grouped, "logit_scale": 1.5, "use_qk_norm": True, "attention_bias": True, "pad_token_id": 0},
        {
            "as saved": SAVED,
            "as Command R": case(use_qk_norm=False, attention_bias=False),
            "yarn": ROPE["yarn"],
        },
    ),
    "nemotron": (grouped, {"as saved": SAVED, "older keys": older(partial_rotary_factor=0.25)}),
    "olmo2": (grouped, {"as saved": SAVED}),
    "glm4": (
        {**grouped, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0},
        {
            "as saved": SAVED,
            "older keys": older(partial_rotary_factor=0.25, attention_bias=False),
            "yarn": scaled(ROPE["yarn"]["config"]["rope_scaling"], partial_rotary_factor=1.0),
        },
    ),
    "olmo3": (
        {**grouped, "sliding_window": 64, "layer_types": ["sliding_attention", "full_attention"]},
        {
            "as saved": SAVED,
            "sliding window": case(sliding_window=5),
            # At the base of every published file: transformers 5 gives another one to the full layers alone.
            "scaled": case(
                ["rope_parameters"],
                rope_theta=500000.0,
                rope_scaling={**ROPE["yarn"]["config"]["rope_scaling"], "attention_factor": 1.2},
                sliding_window=5,
            ),
            "without layer types": case(["layer_types"], sliding_window=5),
        },
    ),
    "phi3": (
        {**grouped, "hidden_size": 32, "sliding_window": None, "pad_token_id": 0},
        {
            "as saved": SAVED,
            "sliding window": case(sliding_window=5),
            "short window": scaled(LONG, max_position_embeddings=64, original_max_position_embeddings=16),
            "long window": scaled(LONG, max_position_embeddings=64, original_max_position_embeddings=8),
            "partly rotated": older(partial_rotary_factor=0.5),
            "partly rotated, long window": scaled(
                {"type": "longrope", "short_factor": [1.0, 1.1], "long_factor": [1.0, 3.0]},
                partial_rotary_factor=0.5,
                max_position_embeddings=64,
                original_max_position_embeddings=8,
            ),
        },
    ),
    "gpt2": (
        dict(vocab_size=VOCAB, n_embd=16, n_inner=24, n_layer=2, n_head=4, n_positions=16),
        {"as saved": SAVED, "exact gelu": case(activation_function="gelu")},
    ),
    "gpt_neox": (
        {**base, "max_position_embeddings": 64, "hidden_size": 32},
        {
            "as saved": SAVED,
            "sequential": case(use_parallel_residual=False),
            "older keys": case(["rope_parameters"], rotary_pct=0.5, rotary_emb_base=500),
        },
    ),
}

# Where the model's type is not the family's name.
MODEL_TYPES = {"gemma3": "gemma3_text"}


def randomise(model):
    """Weights large enough that every part of the model shows in the logits; norms near what they are at first."""
    generator = torch.Generator().manual_seed(7)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        keep = parameter.data if parameter.ndim == 1 else 0
        parameter.data = (keep + 0.3 * noise).to(torch.float32)


def rename_as_hub(path):
    """GPT-2 as its authors published it: without the prefix, and with the mask among the weights."""
    tensors = {name.removeprefix("transformer."): value for name, value in load_file(path).items()}
    for layer in range(2):
        tensors[f"h.{layer}.attn.bias"] = torch.ones(16, 16).tril().view(1, 1, 16, 16)
    save_file(tensors, path, metadata={"format": "pt"})


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def digest(gradient):
    """Σ gᵢ · (1 + i mod 97)."""
    flat = gradient.double().flatten()
    return float(f"{(flat * (1 + torch.arange(flat.numel()) % 97)).sum().item():.6g}")


def outcome_of(folder, tokens):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    # PyTorch leaves the padding token's row out of gradients, as a matter of training.
    model.get_input_embeddings().padding_idx = None
    logits = model(torch.tensor([tokens])).logits[0]
    torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(tokens[1:])).backward()
    # GPT-NeoX's output is called otherwise in files than in the model.
    renamed = {"lm_head.weight": "embed_out.weight"} if model.config.model_type == "gpt_neox" else {}
    gradients = {renamed.get(name, name): digest(p.grad) for name, p in model.named_parameters()}
    return {"logits": [[round(v, 4) for v in row] for row in logits.tolist()], "gradients": gradients}


def make(family, target):
    keys, cases = FAMILIES[family]
    folder = os.path.join(target, family)
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(MODEL_TYPES.get(family, family), **keys)
    model = AutoModelForCausalLM.from_config(config)
    randomise(model)
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "generation_config.json"))
    if family == "gpt2":
        rename_as_hub(os.path.join(folder, "model.safetensors"))
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        saved = json.load(file)
    # Which release wrote it is said in expected.json.
    saved.pop("transformers_version")
    write_json(os.path.join(folder, "config.json"), saved)
    tokens = torch.randint(0, VOCAB, (LENGTH,), generator=torch.Generator().manual_seed(3)).tolist()
    found = []
    for name, changes in cases.items():
        kept = {key: value for key, value in saved.items() if key not in changes["without"]}
        scratch = folder + ".case"
        shutil.copytree(folder, scratch)
        write_json(os.path.join(scratch, "config.json"), {**kept, **changes["config"]})
        try:
            found.append({"name": name, **changes, **outcome_of(scratch, tokens)})
        finally:
            shutil.rmtree(scratch)
    expected = {
        "what": f"PyTorch {torch.__version__}, transformers {transformers.__version__}; made by make-architectures.py",
        "tokens": tokens,
        "cases": found,
    }
    with open(os.path.join(folder, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file)
        file.write("\n")
    print(family, {one["name"]: max(max(map(abs, row)) for row in one["logits"]) for one in found})


target = sys.argv[1]
for family in sys.argv[2:] or FAMILIES:
    make(family, target)
