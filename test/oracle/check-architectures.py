"""Loads folders of cut models with transformers and holds its logits beside ours.

    CUT_ARCHITECTURES=out/cut npx vitest run test/oracle/pruned-architectures.test.ts
    python3 test/oracle/check-architectures.py out/cut

Needs torch and transformers. Prints a line for each folder: what was cut, parameters, and the largest difference of
logits; exits with 1 where one is above 1e-3, a weight is missing or not used, or parameters differ.
"""

import json
import os
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM

transformers.logging.set_verbosity_error()
LIMIT = 1e-3


def check(folder):
    with open(os.path.join(folder, "ours.json"), encoding="utf-8") as file:
        ours = json.load(file)
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ours["tokens"]])).logits.flatten()
    worst = (logits - torch.tensor(ours["logits"])).abs().max().item()
    parameters = sum(p.numel() for p in model.parameters())
    odd = {name: value for name, value in report.items() if value}
    good = worst < LIMIT and parameters == ours["parameters"] and not odd
    family = os.path.basename(folder).split("-")[0]
    print(f"{family:9} {ours['what']:38} {parameters:6,} parameters  {worst:.1e}{'' if good else '  WRONG ' + str(odd)}")
    return good


print(f"PyTorch {torch.__version__}, transformers {transformers.__version__}")
target = sys.argv[1]
results = [check(os.path.join(target, name)) for name in sorted(os.listdir(target))]
print(f"{sum(results)} of {len(results)} folders within {LIMIT}")
sys.exit(0 if all(results) else 1)
