"""What EleutherAI's harness (package lm_eval) makes of models without some of their layers, and of sentences with blanks.

    python3 test/oracle/make-removal-accuracy.py

Asks the questions of choices/ (see make-choices.py) of the example's model without each run of its layers, and writes
choices/blanks.jsonl, choices/blanks.json and choices/removal.json beside them. Needs torch, transformers and lm_eval.
"""
import json
import tempfile
from pathlib import Path

import lm_eval
import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks.winogrande import preprocess_winogrande as winogrande
from transformers import AutoTokenizer, LlamaForCausalLM

here = Path(__file__).parent
out = here / "choices"
folder = here.parent.parent / "examples/models/sotu-1m"
tokenizer = AutoTokenizer.from_pretrained(folder)

BLANKS = [
    ("The _ of the United States has the power to declare war.", "Congress", "weather", "1"),
    ("Our _ with foreign powers are of the most friendly character.", "soup", "relations", "2"),
    ("The _ of the Treasury has made his annual report to Congress.", "Secretary", "window", "1"),
    ("It is my duty to _ the attention of Congress to the state of the finances.", "call", "green", "1"),
    ("The treaty was laid before the _ for its advice and consent.", "river", "Senate", "2"),
    ("Peace with all _ is the policy of this Government.", "nations", "spoons", "1"),
]


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def without(start, length):
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    del model.model.layers[start : start + length]
    for index, layer in enumerate(model.model.layers):
        layer.self_attn.layer_idx = index
    model.config.num_hidden_layers = len(model.model.layers)
    return model


def ask(model, rows, shots, task):
    with tempfile.TemporaryDirectory() as temporary:
        files = {name: str(Path(temporary) / f"{name}.jsonl") for name in ("train", "test")}
        write(Path(files["train"]), rows[: max(1, shots)])
        write(Path(files["test"]), rows[shots:])
        task = {
            "task": "asked",
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": files},
            "training_split": "train",
            "test_split": "test",
            "fewshot_config": {"sampler": "first_n"},
            "output_type": "multiple_choice",
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
            **task,
        }
        lm = HFLM(pretrained=model, tokenizer=tokenizer, device="cpu", batch_size=1)
        done = lm_eval.simple_evaluate(lm, tasks=[task], num_fewshot=shots, log_samples=True, bootstrap_iters=0)
    samples = sorted(done["samples"]["asked"], key=lambda sample: sample["doc_id"])
    found = done["results"]["asked"]
    likelihoods = [[float(answer[0]) for answer in sample["filtered_resps"]] for sample in samples]
    return {"acc": found["acc,none"], "acc_norm": found["acc_norm,none"], "likelihoods": likelihoods}


questions = [json.loads(line) for line in (out / "questions.jsonl").read_text().splitlines()]
QUIZ = {
    "doc_to_text": "Begin: {{question}}",
    "doc_to_choice": "{{choices.text}}",
    "doc_to_target": "{{gold}}",
}
WINOGRANDE = {name: getattr(winogrande, name) for name in ("doc_to_text", "doc_to_choice", "doc_to_target")}

blanks = [dict(zip(("sentence", "option1", "option2", "answer"), row)) for row in BLANKS]
write(out / "blanks.jsonl", blanks)
runs = [{"shots": shots, **ask(without(0, 0), blanks, shots, WINOGRANDE)} for shots in (0, 2)]
(out / "blanks.json").write_text(json.dumps({"lm_eval": lm_eval.__version__, "runs": runs}, indent=1) + "\n")


def removed(start, length, shots):
    found = ask(without(start, length), questions, shots, QUIZ)
    right = [row[question["gold"]] for row, question in zip(found["likelihoods"], questions[shots:])]
    return {
        "start": start,
        "length": length,
        "acc": found["acc"],
        "acc_norm": found["acc_norm"],
        "likelihood": round(sum(right) / len(right), 6),
    }


layers = 6
whole = [removed(0, 0, shots) for shots in (0, 2)]
few = [removed(start, 1, 2) for start in range(layers)]
gaps = [removed(start, length, 0) for length in range(1, layers + 1) for start in range(layers - length + 1)]
result = {"lm_eval": lm_eval.__version__, "whole": whole, "shots2": few, "gaps": gaps}
(out / "removal.json").write_text(json.dumps(result) + "\n")
