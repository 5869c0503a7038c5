"""
PyTorch, speaking protocol.ts: requests as JSON lines on stdin, replies on descriptor 3. Its argument says where: on the
"cpu", or on the "gpu" that Espalier runs on, where PyTorch has it; f32 there is f32, never TF32.
"""

import json
import math
import os
import sys
import time
import traceback

import numpy as np
import torch
import torch.nn.functional as F


def chosen_device(where):
    if where == "gpu" and torch.cuda.is_available():
        return torch.device("cuda")
    if where == "gpu" and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


DEVICE = chosen_device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
torch.set_float32_matmul_precision("highest")


def synchronize():
    if DEVICE.type != "cpu":
        getattr(torch, DEVICE.type).synchronize()


def device_name():
    if DEVICE.type == "cuda":
        return torch.cuda.get_device_name()
    return f"the CPU, {torch.get_num_threads()} threads" if DEVICE.type == "cpu" else "Metal"


def tensor(file, dtype=np.float32):
    return torch.from_numpy(np.fromfile(file["path"], dtype=dtype).reshape(file["shape"])).to(DEVICE)


def product(task):
    a, b = tensor(task["a"]), tensor(task["b"])
    if task["arithmetic"] == "f16":
        a, b = a.half(), b.half()
    left = a.T if task["layout"] == "tn" else a
    right = b.T if task["layout"] == "nt" else b
    return lambda: [left @ right]


def attention(task):
    q, k, v, d = (tensor(task[name]) for name in "qkvd")

    def forward(q, k, v):
        heads = q.flatten(2, 3).transpose(1, 2)
        out = F.scaled_dot_product_attention(
            heads, k.transpose(1, 2), v.transpose(1, 2), is_causal=True, enable_gqa=True
        )
        return out.transpose(1, 2).reshape(q.shape)

    if not task["gradient"]:
        return lambda: [forward(q, k, v)]
    inputs = [x.requires_grad_() for x in (q, k, v)]
    return lambda: list(torch.autograd.grad(forward(*inputs), inputs, d))


def divergence(task):
    target, guess = tensor(task["target"]), tensor(task["guess"]).requires_grad_()

    def compute():
        p, q = target.log_softmax(-1), guess.log_softmax(-1)
        loss = (p.exp() * (p - q)).sum(-1).mean()
        return [loss.detach()[None], *torch.autograd.grad(loss, guess)]

    return compute


class Llama:
    """With tied embeddings; parameters by their names in the checkpoint."""

    def __init__(self, file):
        self.sizes = file["sizes"]
        arena = torch.from_numpy(np.fromfile(file["path"], dtype=np.float32)).to(DEVICE)
        self.weights = {
            w["name"]: arena[w["offset"] : w["offset"] + math.prod(w["shape"])].reshape(w["shape"]).clone()
            for w in file["weights"]
        }
        self.tables = {}

    def rotary(self, positions):
        if positions not in self.tables:
            dim = self.sizes["head_dim"]
            rates = self.sizes["rope_theta"] ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
            angle = torch.arange(positions, dtype=torch.float64)[:, None] * torch.cat([rates, rates])
            self.tables[positions] = tuple(f(angle).float()[:, None].to(DEVICE) for f in (torch.cos, torch.sin))
        return self.tables[positions]

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.weights[name], self.sizes["rms_norm_eps"])

    def forward(self, tokens, tap=lambda place, *values: None):
        cos, sin = self.rotary(tokens.shape[1])
        dim = self.sizes["head_dim"]

        def rotate(x):
            low, high = x.chunk(2, -1)
            return x * cos + torch.cat([-high, low], -1) * sin

        embed = self.weights["model.embed_tokens.weight"]
        x = F.embedding(tokens, embed)
        for layer in range(self.sizes["num_hidden_layers"]):
            at = f"model.layers.{layer}."
            linear = lambda y, name: F.linear(y, self.weights[f"{at}{name}.weight"])
            heads = lambda y: y.unflatten(-1, (-1, dim))
            before = x
            n = self.norm(x, f"{at}input_layernorm.weight")
            tap("hidden", n)
            q, k = rotate(heads(linear(n, "self_attn.q_proj"))), rotate(heads(linear(n, "self_attn.k_proj")))
            v = heads(linear(n, "self_attn.v_proj"))
            a = F.scaled_dot_product_attention(
                q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True, enable_gqa=True
            ).transpose(1, 2)
            tap("query", a)
            x = x + linear(a.flatten(2), "self_attn.o_proj")
            m = self.norm(x, f"{at}post_attention_layernorm.weight")
            tap("hidden", m)
            h = F.silu(linear(m, "mlp.gate_proj")) * linear(m, "mlp.up_proj")
            tap("mlp", h)
            x = x + linear(h, "mlp.down_proj")
            tap("layer", before, x)
        return F.linear(self.norm(x, "model.norm.weight"), embed)


class Distillation:
    def __init__(self, task):
        self.task = task
        self.tokens = tensor(task["tokens"], np.uint32).long()
        self.teacher = Llama(task["teacher"])
        self.restart()

    def restart(self):
        self.student = Llama(self.task["student"])
        self.parameters = [w.requires_grad_() for w in self.student.weights.values()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, betas=self.task["beta"], eps=self.task["epsilon"], weight_decay=0.0
        )
        self.done = 0

    def step(self):
        tokens = self.tokens[self.done % len(self.tokens)][:, :-1]
        self.optimizer.param_groups[0]["lr"] = self.task["rates"][self.done % len(self.task["rates"])]
        self.done += 1
        with torch.no_grad():
            target = self.teacher.forward(tokens).log_softmax(-1)
        guess = self.student.forward(tokens).log_softmax(-1)
        loss = (target.exp() * (target - guess)).sum(-1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self.task["clip"])
        self.optimizer.step()
        return loss.item()

    def result(self):
        self.restart()
        return [torch.tensor([self.step() for _ in self.task["rates"]])]


class Scoring:
    def __init__(self, task):
        self.tokens = tensor(task["tokens"], np.uint32).long()
        self.model = Llama(task["model"])
        self.done = 0

    @torch.no_grad()
    def step(self):
        tokens = self.tokens[self.done % len(self.tokens)][:, :-1]
        self.done += 1
        sums = {"hidden": [], "query": [], "mlp": [], "layer": []}
        activation = lambda x: x.abs().mean(1).square().sum(0)

        def tap(place, value, after=None):
            if place == "layer":
                sums[place].append(F.cosine_similarity(value, after, dim=-1).sum()[None])
            else:
                sums[place].append(activation(value.norm(dim=-1) if place == "query" else value))

        self.model.forward(tokens, tap)
        return {place: torch.stack(values) for place, values in sums.items()}

    def result(self):
        self.done = 0
        batches = [self.step() for _ in self.tokens]
        total = {place: sum(batch[place] for batch in batches) for place in batches[0]}
        tokens = self.tokens.shape[0] * self.tokens.shape[1] * (self.tokens.shape[2] - 1)
        hidden = total["hidden"].sqrt().sum(0)
        return [hidden, total["mlp"].sqrt(), total["query"].sqrt(), 1 - total["layer"][:, 0] / tokens]


def peak_memory():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


STATELESS = {"product": product, "attention": attention, "divergence": divergence}
STATEFUL = {"distill": Distillation, "score": Scoring}


def prepare(task):
    """Two functions: one that does the work once, one that gives the results."""
    if task["kind"] in STATELESS:
        compute = STATELESS[task["kind"]](task)
        return compute, compute
    if task["kind"] in STATEFUL:
        stage = STATEFUL[task["kind"]](task)
        return stage.step, stage.result
    return None


def answer(request, state):
    if request["kind"] == "prepare":
        state["run"] = prepare(request["task"])
        about = f"PyTorch {torch.__version__} on {device_name()}"
        return {"kind": "prepared", "about": about, "can": state["run"] is not None}
    run, result = state["run"]
    if request["kind"] == "result":
        results = result()
        for at, data in enumerate(results):
            data.detach().contiguous().cpu().numpy().astype(np.float32).tofile(f"{request['path']}.{at}")
        return {"kind": "result", "count": len(results)}
    synchronize()
    start = time.perf_counter()
    for _ in range(request["repeats"]):
        run()
    synchronize()
    return {"kind": "time", "ms": (time.perf_counter() - start) * 1000, "memory": peak_memory()}


def main():
    state = {}
    with os.fdopen(3, "w") as replies:
        for line in sys.stdin:
            try:
                reply = answer(json.loads(line), state)
            except Exception:
                reply = {"kind": "failed", "reason": traceback.format_exc()}
            print(json.dumps(reply), file=replies, flush=True)


main()
