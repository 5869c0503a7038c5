"""Small tokenizers of three kinds, and what transformers reads with them once tokens are cut: writes vocabulary/ beside this file.

    python3 test/oracle/make-vocabulary.py
    CUT_TOKENIZERS=/some/folder npx vitest run test/oracle/vocabulary.test.ts
    python3 test/oracle/make-vocabulary.py /some/folder
"""
import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

here = Path(__file__).parent
out = here / "vocabulary"
root = here.parent.parent
TEXTS = [
    "Fellow citizens of the Senate, the public debt has been reduced by $1,234.56 since 1836.",
    "  two spaces, a\ttab\nand a line; naïve café, 你好 🚀!",
    "<s>the end</s> of the United States",
    "",
]
SPECIAL = ["<unk>", "<s>", "</s>"]


def corpus():
    for path in sorted((root / "examples/data/sotu/valid").glob("*.txt")):
        yield path.read_text(encoding="utf-8")[:6000]


def template(tokenizer):
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")],
    )


def byte_pairs():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=440, initial_alphabet=alphabet, special_tokens=SPECIAL[1:], show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    # An added token at the end, as chat models have them.
    tokenizer.add_special_tokens([AddedToken("<|user|>", normalized=False)])
    template(tokenizer)
    return tokenizer


def of_pieces(model, trainer):
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.train_from_iterator((line for text in corpus() for line in text.split(".")), trainer)
    template(tokenizer)
    return tokenizer


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def piece_pairs():
    """Llama's kind: pairs of characters, bytes for what is no character here."""
    trainer = trainers.BpeTrainer(vocab_size=560, special_tokens=SPECIAL + BYTES, show_progress=False, max_token_length=8)
    tokenizer = of_pieces(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True), trainer)
    return without_bytes(tokenizer)


def without_bytes(tokenizer):
    """Bytes are in the vocabulary, not among the special tokens."""
    value = json.loads(tokenizer.to_str())
    value["added_tokens"] = [token for token in value["added_tokens"] if token["content"] in SPECIAL]
    return Tokenizer.from_str(json.dumps(value))


def pieces():
    trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    return of_pieces(models.Unigram(), trainer)


if len(sys.argv) == 1:
    out.mkdir(exist_ok=True)
    for name, tokenizer in {"byte-pairs": byte_pairs(), "piece-pairs": piece_pairs(), "pieces": pieces()}.items():
        folder = out / name
        folder.mkdir(exist_ok=True)
        value = json.loads(tokenizer.to_str())
        (folder / "tokenizer.json").write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
        ids = {token: tokenizer.token_to_id(token) for token in SPECIAL}
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
        settings["added_tokens_decoder"] = {
            str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in value["added_tokens"]
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(settings) + "\n")
        config = {"bos_token_id": ids["<s>"], "eos_token_id": [ids["</s>"]], "pad_token_id": -1}
        (folder / "generation_config.json").write_text(json.dumps(config) + "\n")
else:
    found = {}
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = [tokenizer.encode(text) for text in TEXTS]
        back = [tokenizer.decode(one, skip_special_tokens=True, clean_up_tokenization_spaces=False) for one in ids]
        found[folder.name] = {
            "size": len(tokenizer),
            "bos": tokenizer.bos_token_id,
            "eos": tokenizer.eos_token_id,
            "texts": [{"text": text, "ids": one, "back": b} for text, one, b in zip(TEXTS, ids, back)],
        }
    (out / "expected.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
