"""Loads an exported folder with transformers and measures it as `espalier eval` does.

    python3 test/oracle/check-export.py out/sotu-half-run/sotu-half "examples/data/sotu/valid/*.txt" 256 40

Needs torch and transformers. Prints the class, the parameters, and loss and perplexity over the first windows, to be
held beside what `espalier eval` prints.
"""

import glob
import math
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, pattern, window, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
start = model.config.bos_token_id if tokenizer.eos_token_id is None else tokenizer.eos_token_id
tokens = []
for path in sorted(glob.glob(pattern)):
    tokens += [start, *tokenizer.encode(open(path, encoding="utf-8").read(), add_special_tokens=False)]
tokens = torch.tensor(tokens[: count * window + 1])
total = 0.0
with torch.no_grad():
    for at in range(count):
        part = tokens[at * window : at * window + window + 1]
        logits = model(part[None, :-1]).logits[0]
        total += torch.nn.functional.cross_entropy(logits, part[1:]).item()
loss = total / count
print(f"{type(model).__name__}, {sum(p.numel() for p in model.parameters()):,} parameters")
print(f"loss {loss:.5f}, perplexity {math.exp(loss):.3f} over {count} windows of {window} tokens")
