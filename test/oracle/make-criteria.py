"""Scores of every criterion of the standard library by PyTorch, in float64 on the example's model.

    python3 test/oracle/make-criteria.py examples/models/sotu-1m "examples/data/sotu/train/*.txt" > test/oracle/criteria.json

Needs torch and transformers. Looks at the first windows (documents in order of name, each beginning with token 0, joined,
cut into windows of 33 tokens with stride 32).
"""

import glob
import json
import math
import sys

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

WINDOWS, LENGTH = 12, 32

folder, pattern = sys.argv[1:3]
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
tokens = []
for path in sorted(glob.glob(pattern)):
    tokens.append(0)
    tokens += tokenizer.encode(open(path, encoding="utf-8").read(), add_special_tokens=False)
tokens = torch.tensor(tokens)
windows = torch.stack([tokens[i * LENGTH : i * LENGTH + LENGTH + 1] for i in range(WINDOWS)])
x, labels = windows[:, :-1], windows[:, 1:]


def load():
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()


model = load()
config = model.config
layers = model.model.layers
heads, groups, size = config.num_attention_heads, config.num_key_value_heads, config.head_dim
queries = heads // groups

# What the architecture taps, by layer; gradients of the loss are taken by the same tensors.
taps = {name: [] for name in ("hidden", "output", "mlp", "before", "query", "key", "input", "end")}


def tap(name, value):
    if value.requires_grad:
        value.retain_grad()
    taps[name].append(value)


rotated = sys.modules[LlamaForCausalLM.__module__].apply_rotary_pos_emb


def rotate(q, k, *rest, **more):
    q, k = rotated(q, k, *rest, **more)
    tap("query", q)
    tap("key", k)
    return q, k


sys.modules[LlamaForCausalLM.__module__].apply_rotary_pos_emb = rotate
for layer in layers:
    layer.input_layernorm.register_forward_hook(lambda m, a, y: tap("hidden", y))
    layer.post_attention_layernorm.register_forward_hook(lambda m, a, y: tap("hidden", y))
    layer.self_attn.o_proj.register_forward_pre_hook(lambda m, a: tap("output", a[0]))
    layer.mlp.down_proj.register_forward_pre_hook(lambda m, a: tap("mlp", a[0]))
    layer.mlp.up_proj.register_forward_hook(lambda m, a, y: tap("before", y))
    layer.register_forward_hook(
        lambda m, a, y: (tap("input", a[0]), tap("end", y if torch.is_tensor(y) else y[0])) and None
    )


def loss_of(logits):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


logits = model(x).logits
loss_of(logits).backward()

AGGREGATIONS = {
    "mean": lambda v, dim: v.abs().mean(dim),
    "l2": lambda v, dim: v.pow(2).sum(dim).sqrt(),
    "variance": lambda v, dim: v.var(dim, unbiased=False),
}


def activation(value, batch, position):
    return AGGREGATIONS[batch](AGGREGATIONS[position](value, 1), 0)


def heads_of(value):
    """[window, position, group, query, dim]"""
    return value.unflatten(-1, (groups, queries, size))


def by_axis(batch, position):
    """`activation` of each axis that takes part in all nine pairs."""
    norms = [heads_of(a).norm(dim=-1) for a in taps["output"]]
    return {
        "hidden": sum(activation(n, batch, position) for n in taps["hidden"]),
        "query": torch.stack([activation(n, batch, position) for n in norms]),
        "group": torch.stack([activation(n, batch, position).sum(-1) for n in norms]),
    }


def layers_by(measure, parts):
    """Σ over a layer's weights of a measure of each, one row for each layer; `parts` gives them by layer."""
    return torch.stack([sum(measure(*pair) for pair in parts(layer)) for layer in layers])


def pair(linear, turned=False):
    """A weight and its gradient, inputs first where turned."""
    return [t.T if turned else t for t in (linear.weight, linear.weight.grad)]


def neurons(layer):
    """Weights that carry neurons, those first."""
    m = layer.mlp
    return [pair(m.up_proj), pair(m.gate_proj), pair(m.down_proj, True)]


def attention(layer):
    """Weights that carry heads, [group, dim, rest…]."""
    a = layer.self_attn
    q, o = [
        [t.unflatten(0, (groups, queries, size)).transpose(1, 2) for t in p]
        for p in (pair(a.q_proj), pair(a.o_proj, True))
    ]
    k, v = [[t.unflatten(0, (groups, size)) for t in pair(p)] for p in (a.k_proj, a.v_proj)]
    return [q, k, v, o]


def l2(w, g, axes):
    return w.pow(2).sum(axes).sqrt()


def l1(w, g, axes):
    return w.abs().sum(axes)


def product(w, g, axes):
    return (w * g).abs().sum(axes)


def units(measure, first):
    """A measure over all axes but the first so many."""
    return lambda w, g: measure(w, g, tuple(range(first, w.dim())))


def hidden_taylor():
    """Every weight that carries the channels; the embedding is also the readout, and stands once."""
    total = product(model.model.embed_tokens.weight, model.model.embed_tokens.weight.grad, 0)
    total = total + (model.model.norm.weight * model.model.norm.weight.grad).abs()
    for layer in layers:
        for w in (layer.input_layernorm.weight, layer.post_attention_layernorm.weight):
            total = total + (w * w.grad).abs()
        for linear in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj, layer.mlp.up_proj, layer.mlp.gate_proj):
            total = total + product(linear.weight, linear.weight.grad, 0)
        for linear in (layer.self_attn.o_proj, layer.mlp.down_proj):
            total = total + product(linear.weight, linear.weight.grad, 1)
    return total


def head_taylor():
    return torch.stack([heads_of(a * a.grad).sum((1, 4)).abs().sum(0) for a in taps["output"]])


def neuron_taylor():
    return torch.stack([(h * h.grad).sum(1).abs().sum(0) for h in taps["mlp"]])


def outgoing(measure):
    """Of neurons and of heads: a measure of what goes into a linear layer and of its weight, [input]."""

    def rows(name, linear):
        return [measure(value.flatten(0, 1), linear(layer).weight) for value, layer in zip(taps[name], layers)]

    mlp = torch.stack(rows("mlp", lambda layer: layer.mlp.down_proj))
    heads = torch.stack([heads_of(row).sum(-1) for row in rows("output", lambda layer: layer.self_attn.o_proj)])
    return {"mlp": rounded(mlp[::5]), "query": rounded(heads)}


def flap(value, weight):
    return value.var(0, unbiased=False) * weight.pow(2).sum(0)


def wanda(value, weight):
    return weight.abs().sum(0) * value.norm(dim=0)


CUT = 16


def average():
    """What neurons give on average, [layer, neuron]."""
    return torch.stack([h.mean((0, 1)) for h in taps["mlp"]])


def compensation():
    """What the last neurons give the output on average: the bias that makes up for them."""
    down = torch.stack([layer.mlp.down_proj.weight for layer in layers])
    return torch.einsum("lu,lou->lo", average()[:, -CUT:], down[:, :, -CUT:])


def heads_average():
    """What each channel of a head's output is on average, [layer, group, query, dim]."""
    return torch.stack([heads_of(a).mean((0, 1)) for a in taps["output"]])


def heads_compensation():
    """What the last query head of each group, and the last group, give the output on average."""
    lost = torch.zeros_like(heads_average())
    lost[:, :, -1] = heads_average()[:, :, -1]
    lost[:, -1] = heads_average()[:, -1]
    out = torch.stack([layer.self_attn.o_proj.weight for layer in layers])
    return torch.einsum("li,loi->lo", lost.flatten(1), out)


def dim_activation():
    """Rotated queries and keys and what attention gives, each on its own."""
    rows = []
    for q, k, a in zip(taps["query"], taps["key"], taps["output"]):
        # [window, position, group, (query,) dim]
        q = q.transpose(1, 2).unflatten(2, (groups, queries))
        score = activation(q, "l2", "mean").sum(1) + activation(heads_of(a), "l2", "mean").sum(1)
        rows.append(score + activation(k.transpose(1, 2), "l2", "mean"))
    return torch.stack(rows)


def cosine(a, b):
    return torch.nn.functional.cosine_similarity(a, b, dim=-1, eps=0)


def angles():
    """Of all runs of layers, the shortest first."""
    count = len(layers)
    return torch.stack(
        [
            cosine(taps["input"][start], taps["end"][start + length - 1]).clamp(-1, 1).arccos().mean() / math.pi
            for length in range(1, count + 1)
            for start in range(count - length + 1)
        ]
    )


def removals():
    losses, errors = [], []
    for index in range(len(layers)):
        less = load()
        del less.model.layers[index]
        with torch.no_grad():
            guess = less(x, use_cache=False).logits
        losses.append(loss_of(guess))
        errors.append((logits - guess).pow(2).sum() / logits.pow(2).sum())
    return torch.stack(losses), torch.stack(errors)


def rounded(tensor, digits=7):
    return [float(f"{v:.{digits}g}") for v in tensor.detach().flatten().tolist()]


pairs = {
    f"{batch} {position}": {axis: rounded(scores) for axis, scores in by_axis(batch, position).items()}
    for batch in AGGREGATIONS
    for position in AGGREGATIONS
}
before = torch.stack([activation(u, "l2", "mean") for u in taps["before"]])
removal_loss, removal_error = removals()
json.dump(
    {
        "what": f"PyTorch {torch.__version__} in float64; made by make-criteria.py",
        "windows": WINDOWS,
        "pairs": pairs,
        "magnitude": {
            "mlp": rounded(layers_by(units(l2, 1), neurons)[::5]),
            "dim": rounded(layers_by(units(l1, 2), attention)),
        },
        "taylor": {
            "hidden": rounded(hidden_taylor()),
            "group": rounded(layers_by(units(product, 1), attention)),
            "dim": rounded(layers_by(units(product, 2), attention)),
            "mlp": rounded(layers_by(units(product, 1), neurons)[::5]),
        },
        "taylor_activation": {
            "query": rounded(head_taylor()),
            "mlp": rounded(neuron_taylor()[::5]),
        },
        "flap": outgoing(flap),
        "wanda": outgoing(wanda),
        "average": {
            "mlp": rounded(average()[::5]),
            "last": rounded(average()[:, -CUT:]),
            "query": rounded(heads_average()),
        },
        "compensation": {"mlp": rounded(compensation()), "heads": rounded(heads_compensation())},
        "before": {"mlp": rounded(before[::5])},
        "dim": rounded(dim_activation()),
        "angular_distance": rounded(angles()),
        "removal_loss": rounded(removal_loss),
        "removal_error": rounded(removal_error),
        "block_influence": rounded(torch.stack([1 - cosine(a, b).mean() for a, b in zip(taps["input"], taps["end"])])),
    },
    sys.stdout,
)
sys.stdout.write("\n")
