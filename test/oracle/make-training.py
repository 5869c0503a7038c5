"""Makes training.json: what PyTorch in float32 says of the example's scores and first distillation steps.

    python3 test/oracle/make-training.py examples/models/sotu-1m "examples/data/sotu/train/*.txt" > test/oracle/training.json

Needs torch and transformers. Windows are named by index (documents in order of name, each beginning with token 0,
joined, cut into windows of 257 tokens with stride 256), so that the test can look at the same ones.
"""

import glob
import json
import math
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CALIBRATION, STEPS, BATCH, WARMUP, PEAK, FINAL, TOP = 64, 6, 2, 2, 2e-3, 2e-4, 40

folder, pattern = sys.argv[1:3]
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
tokens = []
for path in sorted(glob.glob(pattern)):
    tokens.append(0)
    tokens += tokenizer.encode(open(path, encoding="utf-8").read(), add_special_tokens=False)
tokens = torch.tensor(tokens)
windows = torch.stack([tokens[i * 256 : i * 256 + 257] for i in range((len(tokens) - 1) // 256)])


def load():
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


teacher = load()
config = teacher.config
layers = teacher.model.layers
heads, groups, size = config.num_attention_heads, config.num_key_value_heads, config.head_dim

# Scores: mean of absolute values over position, then L2 over windows (Minitron, section 2.2).
squares, cosines = {}, {}


def add(name, x):
    squares[name] = squares.get(name, 0) + x.detach().abs().mean(1).pow(2).sum(0)


def influence(index, before, after):
    turn = torch.nn.functional.cosine_similarity(before, after, dim=-1, eps=0).sum().item()
    cosines[index] = cosines.get(index, 0) + turn


def watch(index, layer):
    layer.mlp.down_proj.register_forward_pre_hook(lambda m, a: add(("mlp", index), a[0]))
    layer.self_attn.o_proj.register_forward_pre_hook(
        lambda m, a: add(("query", index), a[0].unflatten(-1, (heads, size)).norm(dim=-1))
    )
    layer.input_layernorm.register_forward_hook(lambda m, a, y: add(("hidden", index, 0), y))
    layer.post_attention_layernorm.register_forward_hook(lambda m, a, y: add(("hidden", index, 1), y))
    layer.register_forward_hook(lambda m, a, y: influence(index, a[0], y if torch.is_tensor(y) else y[0]))


scored = load()
for index, layer in enumerate(scored.model.layers):
    watch(index, layer)
with torch.no_grad():
    for at in range(0, CALIBRATION, 8):
        scored(windows[at : at + 8, :-1])

root = {name: value.sqrt() for name, value in squares.items()}
hidden = sum(value for name, value in root.items() if name[0] == "hidden")
mlp = [root[("mlp", i)] for i in range(len(layers))]
# One ranking in each group of heads that share a key and value head.
query = [root[("query", i)].unflatten(0, (groups, heads // groups)) for i in range(len(layers))]
layer_scores = [1 - cosines[i] / (CALIBRATION * 256) for i in range(len(layers))]


def best(scores, keep):
    return sorted(torch.argsort(scores, descending=True, stable=True)[:keep].tolist())


kept = {
    "hidden": [best(hidden, 96)],
    "mlp": [best(scores, 256) for scores in mlp],
    "query": [best(group, 1) for scores in query for group in scores],
}


def gathered(units_of_query):
    """The pruned model's tensors, by plain indexing."""
    columns = torch.tensor(kept["hidden"][0])
    state = {}
    for name, value in teacher.state_dict().items():
        parts = name.split(".")
        if ".layers." in name and "proj" in name:
            at = int(parts[2])
            units = torch.tensor(kept["mlp"][at])
            rows = torch.tensor(
                [
                    ((g * (heads // groups)) + unit) * size + d
                    for g in range(groups)
                    for unit in units_of_query[at * groups + g]
                    for d in range(size)
                ]
            )
            if "gate_proj" in name or "up_proj" in name:
                value = value[units][:, columns]
            elif "down_proj" in name:
                value = value[columns][:, units]
            elif "o_proj" in name:
                value = value[columns][:, rows]
            elif "q_proj" in name:
                value = value[rows][:, columns]
            else:
                value = value[:, columns]
        elif "norm" in name:
            value = value[columns]
        else:
            value = value[:, columns]
        state[name] = value.clone()
    return state


def digest(state):
    """Σ wᵢ · (1 + i mod 97) of each tensor in float64: any weight out of place changes it."""
    return {
        name: (value.double().flatten() * (1 + torch.arange(value.numel()) % 97)).sum().item()
        for name, value in state.items()
        if not name.startswith("lm_head")
    }


def rate(step):
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    progress = (step - WARMUP) / (STEPS - WARMUP)
    return FINAL + (PEAK - FINAL) * 0.5 * (1 + math.cos(math.pi * progress))


# The student of the example: hidden and mlp cut, all heads kept.
every = [list(range(heads // groups)) for _ in range(len(layers) * groups)]


def trained(decay, spared, top=None):
    """Six steps from the pruned weights; parameters that `spared` holds for do not decay. `top`: so many logits compared."""
    student = LlamaForCausalLM(
        LlamaConfig(
            **{**config.to_dict(), "hidden_size": 96, "intermediate_size": 256}, attn_implementation="eager"
        )
    ).float()
    student.load_state_dict(gathered(every))
    named = list(student.named_parameters())
    groups = [
        {"params": [p for n, p in named if spared(n, p) == kept], "weight_decay": 0.0 if kept else decay}
        for kept in (False, True)
    ]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=PEAK, betas=(0.9, 0.95), eps=1e-8)
    losses, norms = [], []
    for step in range(STEPS):
        x = windows[step * BATCH : (step + 1) * BATCH, :-1]
        with torch.no_grad():
            target = teacher(x).logits
        guess = student(x).logits
        if top is not None:
            among = target.topk(top, -1).indices
            target, guess = target.gather(-1, among), guess.gather(-1, among)
        target, guess = target.log_softmax(-1), guess.log_softmax(-1)
        loss = (target.exp() * (target - guess)).sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0).item())
        losses.append(loss.item())
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
    weights = {
        "model.norm.weight": rounded(student.model.norm.weight.tolist()),
        "model.embed_tokens.weight": rounded(student.model.embed_tokens.weight[0].tolist()),
        "model.layers.0.mlp.down_proj.weight": rounded(student.model.layers[0].mlp.down_proj.weight[0].tolist()),
    }
    return {"loss": losses, "norm": norms, "trained": weights}


def rounded(values, digits=7):
    return [float(f"{v:.{digits}g}") for v in values]


json.dump(
    {
        "what": f"PyTorch {torch.__version__} in float32; made by make-training.py",
        "calibration": CALIBRATION,
        "scores": {
            "hidden": rounded(hidden.tolist()),
            "mlp": rounded(torch.stack(mlp).flatten().tolist()),
            "query": rounded(torch.stack(query).flatten().tolist()),
            "layer": rounded(layer_scores),
        },
        "kept": kept,
        "pruned": digest(gathered(kept["query"])),
        "steps": STEPS,
        "windows": BATCH,
        **trained(0.0, lambda name, parameter: False),
        # Strong enough to show within six steps.
        "decayed": trained(20.0, lambda name, parameter: parameter.ndim == 1 or "embed_tokens" in name),
        "largest": trained(0.0, lambda name, parameter: False, TOP),
    },
    sys.stdout,
)
sys.stdout.write("\n")
