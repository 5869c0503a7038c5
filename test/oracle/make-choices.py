"""What EleutherAI's harness (package lm_eval) makes of a few questions: writes choices/ beside this file."""
import json
import tempfile
from pathlib import Path

import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

here = Path(__file__).parent
out = here / "choices"
out.mkdir(exist_ok=True)
model = here.parent.parent / "examples/models/sotu-1m"

ROWS = [
    ("The people of the United", ["States", "Kingdom", "Nations of the whole world"], 0),
    ("To the Senate and House of", ["Lords", "Representatives"], 1),
    ("The Congress of the United States has", ["been in session", "a cat", "the power to declare war", "café"], 2),
    ("I have the honor to", ["submit", "go", "be"], 0),
    ("Peace with all", ["nations", "of them — each and every one", "fish"], 0),
    ("The Secretary of the", ["Treasury", "cake", "Navy"], 2),
    ("Our relations with foreign powers are", ["friendly", "naïve", "of a most satisfactory character"], 0),
    ("The expenditures of the Government for the fiscal year were", ["five", "not", "less than the revenue", "blue"], 2),
    ("Fellow", ["citizens", "men", "-citizens of the Senate"], 0),
    ("The public debt has been", ["reduced", "eaten", "increased by war and by waste"], 0),
    ("The treaty with Great Britain was", ["ratified", "green", "a song"], 1),
    ("We must", ["act", "sleep now", "keep the faith of the nation"], 2),
    ("The Indian tribes", ["are at peace", "fly", "have ceded their lands"], 0),
    ("God bless", ["you all", "America", "the économie"], 1),
]
LETTERS = "ABCD"
rows = [
    {"question": q, "choices": {"text": c, "label": list(LETTERS[: len(c)])}, "answerKey": LETTERS[a], "gold": a}
    for q, c, a in ROWS
]
write = lambda path, some: path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in some))
write(out / "questions.jsonl", rows)


def run(shots):
    with tempfile.TemporaryDirectory() as folder:
        files = {"train": str(Path(folder) / "train.jsonl"), "test": str(Path(folder) / "test.jsonl")}
        write(Path(files["train"]), rows[: max(1, shots)])
        write(Path(files["test"]), rows[shots:])
        task = {
            "task": f"sotu{shots}",
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": files},
            "training_split": "train",
            "test_split": "test",
            "fewshot_config": {"sampler": "first_n"},
            "output_type": "multiple_choice",
            "doc_to_text": "Begin: {{question}}",
            "doc_to_choice": "{{choices.text}}",
            "doc_to_target": "{{gold}}",
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
        }
        lm = HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=1)
        done = lm_eval.simple_evaluate(lm, tasks=[task], num_fewshot=shots, log_samples=True, bootstrap_iters=0)
    name = f"sotu{shots}"
    samples = sorted(done["samples"][name], key=lambda sample: sample["doc_id"])
    return {
        "shots": shots,
        "acc": done["results"][name]["acc,none"],
        "acc_norm": done["results"][name]["acc_norm,none"],
        "likelihoods": [[float(answer[0]) for answer in sample["filtered_resps"]] for sample in samples],
    }


(out / "harness.json").write_text(json.dumps({"lm_eval": lm_eval.__version__, "runs": [run(0), run(2)]}, indent=1) + "\n")
