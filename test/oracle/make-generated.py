"""What transformers generates greedily from the example's model: writes generated.json beside this file."""
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

here = Path(__file__).parent
folder = here.parent.parent / "examples/models/sotu-1m"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()


def greedy(prompt, tokens, window):
    """Greedy tokens, each from the last `window` tokens alone, and the least lead of a choice over the next best."""
    ids = tokenizer(prompt)["input_ids"]
    new, lead = [], float("inf")
    for _ in range(tokens):
        with torch.no_grad():
            logits = model(torch.tensor([(ids + new)[-window:]])).logits[0, -1]
        best = logits.topk(2)
        lead = min(lead, float(best.values[0] - best.values[1]))
        new.append(int(best.indices[0]))
        if new[-1] == model.config.eos_token_id:
            break
    return {"prompt": prompt, "window": window, "tokens": new, "text": tokenizer.decode(new), "lead": lead}


cases = [
    greedy("The state of the union", 40, 256),
    greedy("Fellow citizens of the Senate and of the House of Representatives:", 30, 256),
    greedy("Our relations with other nations", 45, 33),
]
(here / "generated.json").write_text(json.dumps(cases, indent=1) + "\n")
