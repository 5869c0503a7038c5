"""
Tiny models of several architectures, exported to GGUF by `espalier run` and read back by transformers:
the greatest difference of logits. Usage: check-gguf-architectures.py "node dist/espalier.js"
"""
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

here = Path(__file__).parent
sotu = here.parent.parent / "examples/models/sotu-1m"
shared = {
    "vocab_size": 2048, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
CONFIGS = {
    "llama": LlamaConfig(**shared, tie_word_embeddings=False),
    "qwen2": Qwen2Config(**shared, tie_word_embeddings=True),
    # The reader of transformers takes 128 for the head dimension, whatever the file says.
    "qwen3": Qwen3Config(**shared, head_dim=128, tie_word_embeddings=False),
}

for name, config in CONFIGS.items():
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.2)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        model.save_pretrained(place / "model")
        for file in ["tokenizer.json", "tokenizer_config.json"]:
            (place / "model" / file).write_bytes((sotu / file).read_bytes())
        (place / "spec.prune").write_text(
            'edition 1\nmodel m = open("model")\nexport m to "m.gguf" {\n  format gguf\n  dtype f32\n}\n'
        )
        command = [*shlex.split(sys.argv[1]), "run", str(place / "spec.prune"), "--out", str(place / "out")]
        subprocess.run(command, check=True, capture_output=True)
        again = AutoModelForCausalLM.from_pretrained(place / "out", gguf_file="m.gguf").eval()
        ids = torch.arange(1, 40)[None]
        with torch.no_grad():
            difference = (model(ids).logits - again(ids).logits).abs().max().item()
        print(f"{name}: logits of size {model(ids).logits.abs().max().item():.2f} differ by at most {difference:.1e}")
