"""
Tiny random models of every architecture, exported to GGUF by `espalier run`: the greatest difference of logits from
transformers', in llama.cpp (package llama-cpp-python), in transformers' reader of GGUF where it knows the architecture, and
in the folder that Espalier exports of the GGUF file when it has opened it. llama.cpp must also make the same tokens of a text:
by byte pairs, or by SentencePiece's pieces.
Usage: check-gguf-architectures.py "node dist/espalier.js" [NAME…]; exits with 1 where one is above 1e-3, in
llama.cpp above 2e-2, as it looks GELU up in a table of 16 bits.
"""
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from llama_cpp_plain import llama_cpp
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM

transformers.logging.set_verbosity_error()
LIMITS = {"llama.cpp": 2e-2, "transformers": 1e-3, "read back": 1e-3}
here = Path(__file__).parent
sotu = here.parent.parent / "examples/models/sotu-1m"
vocabulary = here / "vocabulary"
# As their tokenizers are.
OF_PIECES = {"mistral", "gemma", "gemma2", "gemma3_text", "phi3"}
TEXT = "We the people,  in order to form\na more perfect union — ünïcode 🙂 1984"
REAL = sorted((here.parent.parent / "examples/data/sotu/valid").glob("*.txt"))[0].read_text()[:8000]
ends = {"vocab_size": 2048, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
plain = {
    **ends, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 64,
}  # fmt: skip
shared = {**plain, "num_key_value_heads": 2}
# So many positions before, of which the tokens below are past the end.
BEFORE = 16


def scaled(scaling, **keys):
    """Rotary positions that are scaled; llama3's lengths are those of all of Llama 3."""
    theta = {"rope_theta": 500000.0 if scaling["rope_type"] == "llama3" else 10000.0}
    return {**shared, "tie_word_embeddings": False, "rope_parameters": {**theta, **scaling}, **keys}


LINEAR = {"rope_type": "linear", "factor": 4.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": BEFORE}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LONG = {
    "rope_type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [1.0, 2.0, 3.5, 4.0],
    "original_max_position_embeddings": BEFORE,
}  # fmt: skip
GRANITE = {
    **shared, "tie_word_embeddings": True, "embedding_multiplier": 12.0, "attention_multiplier": 0.25,
    "residual_multiplier": 0.22, "logits_scaling": 8.0,
}  # fmt: skip
GEMMA3 = {**shared, "head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 16, "sliding_window_pattern": 2}
# Name → (type of the model, keys).
MODELS = {
    "llama": ("llama", {**shared, "tie_word_embeddings": False}),
    "llama, with biases": ("llama", {**shared, "attention_bias": True, "mlp_bias": True}),
    "mistral": ("mistral", {**shared, "sliding_window": None, "tie_word_embeddings": False}),
    "qwen2": ("qwen2", {**shared, "tie_word_embeddings": True}),
    # The reader of transformers takes 128 for the head dimension, whatever the file says.
    "qwen3": ("qwen3", {**shared, "head_dim": 128, "tie_word_embeddings": False}),
    "smollm3": ("smollm3", {**shared, "num_hidden_layers": 4, "tie_word_embeddings": True}),
    "granite": ("granite", GRANITE),
    "glm4": ("glm4", {**shared, "head_dim": 16, "tie_word_embeddings": False}),
    "gemma": ("gemma", {**shared, "head_dim": 16}),
    "gemma2": ("gemma2", {**shared, "head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 16}),
    "gemma3": ("gemma3_text", GEMMA3),
    "phi3": ("phi3", {**shared, "sliding_window": None, "original_max_position_embeddings": 64, "tie_word_embeddings": False}),
    "phi3, half rotated": (
        "phi3",
        {
            **shared,
            "sliding_window": None,
            "original_max_position_embeddings": 64,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.5},
        },
    ),
    "gpt2": ("gpt2", {**ends, "n_embd": 32, "n_inner": None, "n_layer": 2, "n_head": 4, "n_positions": 1024}),
    "olmo2": ("olmo2", {**shared, "tie_word_embeddings": False}),
    "gpt_neox": ("gpt_neox", plain),
    "gpt_neox, one after the other": ("gpt_neox", {**plain, "use_parallel_residual": False}),
    "nemotron": ("nemotron", {**shared, "head_dim": 8}),
    "llama, likeliest pieces": ("llama", {**shared, "tie_word_embeddings": False}),
    "llama, llama3": ("llama", scaled({**LLAMA3, "original_max_position_embeddings": 8192})),
    "llama, llama3 of other lengths": ("llama", scaled({**LLAMA3, "original_max_position_embeddings": BEFORE})),
    "llama, linear": ("llama", scaled(LINEAR)),
    "llama, yarn": ("llama", scaled(YARN)),
    "llama, yarn of other numbers": (
        "llama", scaled({**YARN, "attention_factor": 1.3, "beta_fast": 16.0, "beta_slow": 2.0})
    ),
    "llama, longrope": ("llama", scaled(LONG)),
    "llama, longrope of another amplitude": ("llama", scaled({**LONG, "attention_factor": 1.5})),
    "mistral, llama3": (
        "mistral", scaled({**LLAMA3, "original_max_position_embeddings": 8192}, sliding_window=None)
    ),
    "qwen2, yarn": ("qwen2", scaled(YARN)),
    "qwen3, yarn": ("qwen3", scaled(YARN, head_dim=128)),
    "gemma, linear": ("gemma", scaled(LINEAR, head_dim=16, tie_word_embeddings=True)),
    "gemma2, linear": (
        "gemma2", scaled(LINEAR, head_dim=16, query_pre_attn_scalar=16, sliding_window=16, tie_word_embeddings=True)
    ),
    "gemma3, linear": (
        "gemma3_text",
        {**GEMMA3, "rope_parameters": {
            "full_attention": {**LINEAR, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 20000.0},
        }},
    ),
    "phi3, longrope": (
        "phi3", scaled(LONG, sliding_window=None, original_max_position_embeddings=BEFORE)
    ),
    "smollm3, yarn": ("smollm3", scaled(YARN, num_hidden_layers=4)),
    "granite, yarn": ("granite", {**GRANITE, "rope_parameters": {**YARN, "rope_theta": 10000.0}}),
    "olmo2, yarn": ("olmo2", scaled(YARN)),
    "gpt_neox, linear": ("gpt_neox", {**plain, "rope_parameters": {**LINEAR, "rope_theta": 10000.0, "partial_rotary_factor": 0.25}}),
    "nemotron, linear": (
        "nemotron",
        {**shared, "head_dim": 8, "rope_parameters": {**LINEAR, "rope_theta": 10000.0, "partial_rotary_factor": 0.5}},
    ),
}  # fmt: skip
# What transformers' reader leaves out: biases, that scores are scaled by the size of a head, that heads are rotated in part,
# and that positions are scaled.
MISREAD = {"llama, with biases", "gemma2", "gemma3", "phi3, half rotated"}
SCALED = ("llama3", "linear", "yarn", "longrope")


def random_model(family, keys):
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **keys)).eval()
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.2)
    return model


def espalier(place, out, lines):
    (place / "spec.prune").write_text("edition 1\n" + lines)
    command = [*shlex.split(sys.argv[1]), "run", str(place / "spec.prune"), "--out", str(place / out)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)


def tokenizer_of(name, family):
    if "likeliest" in name:
        return vocabulary / "pieces"
    return vocabulary / "piece-pairs" if family in OF_PIECES else sotu


def by_llama_cpp(path, ids):
    model = llama_cpp.Llama(str(path), n_ctx=64, logits_all=True, verbose=False, type_k=0, type_v=0)
    model.eval(ids)
    tokens = [model.tokenize(text.encode(), add_bos=False) for text in (TEXT, REAL)]
    return torch.tensor(np.array(model.scores[: len(ids)])), tokens


def by_transformers(ids, *place, **how):
    with torch.no_grad():
        model = AutoModelForCausalLM.from_pretrained(*place, dtype=torch.float32, attn_implementation="eager", **how).eval()
        return model(torch.tensor([ids])).logits[0]


def check(name, family, keys):
    model = random_model(family, keys)
    ids = list(range(1, 40))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        model.save_pretrained(place / "model")
        for file in ["tokenizer.json", "tokenizer_config.json"]:
            (place / "model" / file).write_bytes((tokenizer_of(name, family) / file).read_bytes())
        expected = by_transformers(ids, place / "model")
        espalier(place, "out", 'model m = open("model")\nexport m to "m.gguf" {\n  format gguf\n  dtype f32\n}\n')
        espalier(place, "back", 'model m = open("out/m.gguf")\nexport m to "m" {\n  dtype f32\n}\n')
        own = Tokenizer.from_file(str(place / "model/tokenizer.json"))
        wanted = [own.encode(text, add_special_tokens=False).ids for text in (TEXT, REAL)]
        logits, tokens = by_llama_cpp(place / "out/m.gguf", ids)
        found = {
            "llama.cpp": logits,
            "read back": by_transformers(ids, place / "back/m"),
        }
        try:
            if name not in MISREAD and not any(word in name for word in SCALED):
                found["transformers"] = by_transformers(ids, place / "out", gguf_file="m.gguf")
        except ValueError as error:
            if "not supported" not in str(error):
                raise
    errors = {reader: (logits - expected).abs().max().item() for reader, logits in found.items()}
    text = ", ".join(f"{reader} {error:.1e}" for reader, error in errors.items())
    same = "the same tokens" if tokens == wanted else "OTHER TOKENS"
    print(f"{name}: {same}, logits to {expected.abs().max().item():.1f}; {text}")
    return tokens == wanted and all(error < LIMITS[reader] for reader, error in errors.items())


print(f"llama-cpp-python {llama_cpp.__version__}, transformers {transformers.__version__}")
def tried(name, *how):
    try:
        return check(name, *how)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
        return False


results = [tried(name, *how) for name, how in MODELS.items() if not sys.argv[2:] or name in sys.argv[2:]]
sys.exit(0 if all(results) else 1)
