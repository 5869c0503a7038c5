"""
A random model packed by llama.cpp itself in each kind of file that users have, opened by Espalier: its numbers against those
that gguf-py unpacks, to the bit, and the logits of llama.cpp, which rounds activations to 8 bits, by the largest one.
Usage: check-gguf-types.py "node dist/espalier.js"; exits with 1 where a number differs, or logits by more than a tenth.
"""
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from gguf import GGUFReader
from gguf.quants import dequantize
from llama_cpp_plain import llama_cpp
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

transformers.logging.set_verbosity_error()
sotu = Path(__file__).parent.parent.parent / "examples/models/sotu-1m"
# By the numbers of llama.cpp's `llama_ftype`.
KINDS = {
    "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_M": 12, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18,
    "IQ4_NL": 25, "IQ4_XS": 30,
}  # fmt: skip
KEYS = {
    "vocab_size": 2048, "bos_token_id": 0, "eos_token_id": 0, "hidden_size": 256, "intermediate_size": 512,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 64,
    "tie_word_embeddings": False,
}  # fmt: skip
IDS = list(range(1, 40))
place = Path(tempfile.mkdtemp())


def espalier(out, lines):
    (place / "spec.prune").write_text("edition 1\n" + lines)
    command = [*shlex.split(sys.argv[1]), "run", str(place / "spec.prune"), "--out", str(place / out)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)


def packed(kind):
    path = place / f"{kind}.gguf"
    how = llama_cpp.llama_model_quantize_default_params()
    how.ftype, how.nthread = KINDS[kind], 1
    if llama_cpp.llama_model_quantize(str(place / "out/m.gguf").encode(), str(path).encode(), how) != 0:
        raise RuntimeError(f"llama.cpp does not pack {kind}")
    return path


def check(kind):
    path = packed(kind)
    espalier(kind, f'model m = open("{kind}.gguf")\nexport m to "m" {{\n  dtype f32\n}}\n')
    files = {tensor.name: tensor for tensor in GGUFReader(path).tensors}
    found = sorted(np.sort(t.numpy().ravel()).tobytes() for t in load_file(place / kind / "m/model.safetensors").values())
    # In order of size: rows of queries and keys take turns in GGUF. That all is in its place the logits show.
    wanted = [dequantize(tensor.data, tensor.tensor_type).astype(np.float32) for tensor in files.values()]
    same = found == sorted(np.sort(numbers.ravel()).tobytes() for numbers in wanted)
    model = llama_cpp.Llama(str(path), n_ctx=64, logits_all=True, verbose=False, type_k=0, type_v=0)
    model.eval(IDS)
    theirs = torch.tensor(np.array(model.scores[: len(IDS)]))
    with torch.no_grad():
        ours = AutoModelForCausalLM.from_pretrained(place / kind / "m", dtype=torch.float32)(torch.tensor([IDS])).logits[0]
    error = ((ours - theirs).abs().max() / ours.abs().max()).item()
    types = sorted({tensor.tensor_type.name for tensor in files.values()} - {"F32"})
    print(f"{kind} ({', '.join(types)}): {'the same numbers' if same else 'OTHER NUMBERS'}, logits {error:.1e}")
    return same and error < 0.1


torch.manual_seed(1)
AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **KEYS)).save_pretrained(place / "model")
for file in ["tokenizer.json", "tokenizer_config.json"]:
    (place / "model" / file).write_bytes((sotu / file).read_bytes())
espalier("out", 'model m = open("model")\nexport m to "m.gguf" {\n  format gguf\n  dtype f32\n}\n')
print(f"llama-cpp-python {llama_cpp.__version__}")
sys.exit(0 if all([check(kind) for kind in KINDS]) else 1)
