"""Makes training.json: what PyTorch in float32 says of the example's scores and first distillation steps.

    python3 test/oracle/make-training.py examples/models/sotu-1m "examples/data/sotu/train/*.txt" > test/oracle/training.json

Needs torch and transformers. Windows are named by index (documents in order of name, each beginning with token 0,
joined, cut into windows of 257 tokens with stride 256), so that the test can look at the same ones.
"""

import glob
import json
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

folder, pattern = sys.argv[1:3]
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
tokens = []
for path in sorted(glob.glob(pattern)):
    tokens.append(0)
    tokens += tokenizer.encode(open(path, encoding="utf-8").read(), add_special_tokens=False)
tokens = torch.tensor(tokens)
windows = torch.stack([tokens[i * 256 : i * 256 + 257] for i in range((len(tokens) - 1) // 256)])

teacher = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
config = teacher.config
layers = teacher.model.layers
heads, size = config.num_attention_heads, config.head_dim

# Scores: mean of absolute values over position, then L2 over windows (Minitron, section 2.2).
calibration = list(range(0, 64))
squares = {}


def add(name, x):
    score = x.detach().abs().mean(1).pow(2).sum(0)
    squares[name] = squares.get(name, 0) + score


def watch(index, layer):
    layer.mlp.down_proj.register_forward_pre_hook(lambda m, a: add(("mlp", index), a[0]))
    layer.self_attn.o_proj.register_forward_pre_hook(
        lambda m, a: add(("query", index), a[0].unflatten(-1, (heads, size)).norm(dim=-1))
    )
    layer.input_layernorm.register_forward_hook(lambda m, a, y: add(("hidden", index, 0), y))
    layer.post_attention_layernorm.register_forward_hook(lambda m, a, y: add(("hidden", index, 1), y))


scored = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
for index, layer in enumerate(scored.model.layers):
    watch(index, layer)
with torch.no_grad():
    for at in range(0, len(calibration), 8):
        scored(windows[calibration[at : at + 8]][:, :-1])

root = {name: value.sqrt() for name, value in squares.items()}
hidden = sum(value for name, value in root.items() if name[0] == "hidden")
mlp = [root[("mlp", i)] for i in range(len(layers))]
query = [root[("query", i)] for i in range(len(layers))]


def best(scores, keep):
    return sorted(torch.argsort(scores, descending=True, stable=True)[:keep].tolist())


keep_hidden = best(hidden, 96)
keep_mlp = [best(scores, 256) for scores in mlp]

# The pruned student, and three steps of distillation on windows 0-3, 4-7, 8-11 with AdamW at 2e-3.
student = LlamaForCausalLM(
    LlamaConfig(**{**config.to_dict(), "hidden_size": 96, "intermediate_size": 256}, attn_implementation="eager")
).float()
state = {}
for name, value in teacher.state_dict().items():
    columns = torch.tensor(keep_hidden)
    if ".layers." in name and "proj" in name:
        units = torch.tensor(keep_mlp[int(name.split(".")[2])])
        if "gate_proj" in name or "up_proj" in name:
            value = value[units][:, columns]
        elif "down_proj" in name:
            value = value[columns][:, units]
        elif "o_proj" in name:
            value = value[columns]
        else:
            value = value[:, columns]
    elif "norm" in name:
        value = value[columns]
    else:
        value = value[:, columns]
    state[name] = value.clone()
student.load_state_dict(state)
optimizer = torch.optim.AdamW(student.parameters(), lr=2e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0)
losses, norms = [], []
for step in range(3):
    x = windows[step * 4 : step * 4 + 4][:, :-1]
    with torch.no_grad():
        target = teacher(x).logits.log_softmax(-1)
    guess = student(x).logits.log_softmax(-1)
    loss = (target.exp() * (target - guess)).sum(-1).mean()
    optimizer.zero_grad()
    loss.backward()
    norms.append(torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0).item())
    losses.append(loss.item())
    optimizer.step()

rounded = lambda values: [float(f"{v:.6g}") for v in values.tolist()]
json.dump(
    {
        "what": f"PyTorch {torch.__version__} in float32; made by make-training.py",
        "calibration": calibration,
        "hidden": rounded(hidden),
        "mlp": [rounded(v) for v in mlp],
        "query": [rounded(v) for v in query],
        "kept": {"hidden": keep_hidden, "mlp": keep_mlp},
        "losses": losses,
        "norms": norms,
    },
    sys.stdout,
)
