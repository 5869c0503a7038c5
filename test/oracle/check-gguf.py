"""
What llama.cpp makes of a GGUF file (package llama-cpp-python): its perplexity over windows as `espalier eval` cuts them, and
what it says. Usage: check-gguf.py MODEL.gguf "GLOB" WINDOW TAKE [PROMPT]
"""
import glob
import sys

import numpy as np
from llama_cpp_plain import llama_cpp

path, pattern, window, take = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model = llama_cpp.Llama(path, n_ctx=1024, logits_all=True, verbose=False)
print("llama.cpp", llama_cpp.__version__, model.metadata["general.architecture"], model.metadata["general.file_type"])

tokens = []
for file in sorted(glob.glob(pattern)):
    text = open(file, "rb").read()
    tokens += [model.token_bos(), *model.tokenize(text, add_bos=False, special=True)]
    if len(tokens) > window * take:
        break

total = 0.0
for at in range(take):
    ids = tokens[at * window : (at + 1) * window + 1]
    model.reset()
    model.eval(ids[:-1])
    logits = np.array(model.scores[:window], dtype=np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    total -= logs[np.arange(window), ids[1:]].sum()
loss = total / (take * window)
print(f"loss {loss:.5f}, perplexity {np.exp(loss):.3f} over {take} windows of {window} tokens")

if len(sys.argv) > 5:
    model.reset()
    ids = model.tokenize(sys.argv[5].encode(), special=True)
    new = []
    for token in model.generate(ids, temp=0.0, repeat_penalty=1.0):
        if token == model.token_eos() or len(new) == 40:
            break
        new.append(token)
    print(repr(model.detokenize(new).decode()))
