"""Trims a Llama checkpoint with safetensors and PyTorch, keeping the units that decisions.json lists.

    python3 trim.py MODEL decisions.json OUT

Prints the milliseconds from the first read to the last write, and the most memory the process held.
"""

import json
import os
import sys
import time

import torch
from safetensors.torch import load_file, save_file

ROWS = {"mlp": ("gate_proj", "up_proj"), "hidden": ("o_proj", "down_proj", "layernorm", "model.norm")}
COLUMNS = {"mlp": ("down_proj",), "hidden": ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "embed_tokens")}


def kept_units(decisions):
    """By axis: what is kept in a layer; axes without sets of their own have the same everywhere."""
    kept = {}
    for axis in decisions["prunes"][0]["axes"]:
        sets = {entry["at"].get("layer"): torch.tensor(entry["kept"]) for entry in axis["sets"]}
        kept[axis["axis"]] = lambda layer, sets=sets: sets.get(layer, sets.get(None))
    return kept


def trim(name, tensor, kept):
    layer = int(name.split(".")[2]) if ".layers." in name else None
    for axis, units in kept.items():
        if any(part in name for part in ROWS[axis]):
            tensor = tensor.index_select(0, units(layer))
        if any(part in name for part in COLUMNS[axis]):
            tensor = tensor.index_select(1, units(layer))
    return tensor.contiguous()


def main():
    model, decisions, out = sys.argv[1:4]
    kept = kept_units(json.load(open(decisions)))
    os.makedirs(out, exist_ok=True)
    start = time.perf_counter()
    tensors = load_file(f"{model}/model.safetensors")
    trimmed = {name: trim(name, tensor, kept) for name, tensor in tensors.items()}
    save_file(trimmed, f"{out}/model.safetensors", {"format": "pt"})
    ms = (time.perf_counter() - start) * 1000
    with open("/proc/self/status") as status:
        memory = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    print(json.dumps({"ms": ms, "memory": memory}))


main()
