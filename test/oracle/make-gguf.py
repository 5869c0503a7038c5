"""GGUF files as other tools write them, and what they mean: writes gguf/ beside this file (packages gguf, tokenizers, torch)."""
import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.quants import dequantize, quantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

out = Path(__file__).parent / "gguf"
out.mkdir(exist_ok=True)
rng = np.random.default_rng(7)


def write_blocks(name, data):
    """Tensors by type, [3, 256] each, and their values one after the other in a file of f32."""
    writer = GGUFWriter(out / f"{name}.gguf", "none")
    for kind, packed in data.items():
        writer.add_tensor(kind.name, packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    values = [dequantize(packed, kind).astype(np.float32).ravel() for kind, packed in data.items()]
    np.concatenate(values).tofile(out / f"{name}.f32")


def random_blocks(size, scales, blocks=1):
    """The Python package packs few types: random bits under scales that are numbers, at these places of each block."""
    data = rng.integers(0, 256, (3, blocks, size), dtype=np.uint8)
    for at in scales:
        data[..., at : at + 2] = rng.uniform(-0.01, 0.01, (3, blocks, 1)).astype(np.float16).view(np.uint8)
    return data.reshape(3, -1)


def blocks():
    source = (rng.standard_normal((3, 256)) * 0.1).astype(np.float32)
    source[1, :32] = 0
    packed = [Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1]
    data = {kind: quantize(source, kind) for kind in packed}
    data[Type.Q4_K] = random_blocks(144, [0, 2])
    data[Type.Q6_K] = random_blocks(210, [208])
    write_blocks("blocks", data)


def more_blocks():
    """The other types of files called Q5_K_M, Q3_K_M, Q2_K, IQ4_XS and the like."""
    write_blocks(
        "more-blocks",
        {
            Type.Q5_0: random_blocks(22, [0], 8),
            Type.Q5_1: random_blocks(24, [0, 2], 8),
            Type.Q2_K: random_blocks(84, [80, 82]),
            Type.Q3_K: random_blocks(110, [108]),
            Type.Q5_K: random_blocks(176, [0, 2]),
            Type.IQ4_NL: random_blocks(18, [0], 8),
            Type.IQ4_XS: random_blocks(136, [0]),
        },
    )


def split():
    """Two tensors in two files, as models too large for one are split."""
    writer = GGUFWriter(out / "split.gguf", "none", split_max_tensors=1)
    for name, first in [("a", 0), ("b", 8)]:
        writer.add_tensor(name, np.arange(first, first + 8, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


TEXTS = ["The state of the union in 1999 is sound.", " it's  12,345 \n\n dollars\tand café 漢字", "we\u2019ll see <|end|> it"]


def tokenizer():
    """Byte pairs after single digits, as the pre-tokenizer that GGUF calls "smollm"."""
    made = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=288, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    made.train_from_iterator(TEXTS, trainer)
    return made


def permute(weights, heads):
    """As llama.cpp's convert_hf_to_gguf.py stores the rows of q and k."""
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def model():
    """A tiny model of GGUF's architecture "llama"; model.json holds the config and the tensors of a Hugging Face folder."""
    made = tokenizer()
    vocab = sorted(made.get_vocab().items(), key=lambda item: item[1])
    hidden, heads, groups, dim, mlp, layers = 8, 4, 2, 4, 12, 2
    drawn = lambda *shape: np.round(rng.standard_normal(shape) * 0.3, 3).astype(np.float32)
    writer = GGUFWriter(out / "model.gguf", "llama")
    writer.add_block_count(layers)
    writer.add_context_length(64)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(mlp)
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_key_length(dim)
    writer.add_value_length(dim)
    writer.add_rope_freq_base(5000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([token for token, _ in vocab])
    writer.add_token_types([3 if token == "<|end|>" else 1 for token, _ in vocab])
    merges = json.loads(made.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    tensors = {}

    def put(name, file, data, order=lambda w: w):
        data = np.round(data, 3).astype(np.float32)
        tensors[file] = [round(float(value), 3) for value in data.ravel()]
        writer.add_tensor(name, order(data))

    put("token_embd.weight", "model.embed_tokens.weight", drawn(len(vocab), hidden))
    put("output_norm.weight", "model.norm.weight", 1 + drawn(hidden))
    for i in range(layers):
        put(f"blk.{i}.attn_norm.weight", f"model.layers.{i}.input_layernorm.weight", 1 + drawn(hidden))
        put(f"blk.{i}.attn_q.weight", f"model.layers.{i}.self_attn.q_proj.weight", drawn(heads * dim, hidden), lambda w: permute(w, heads))
        put(f"blk.{i}.attn_k.weight", f"model.layers.{i}.self_attn.k_proj.weight", drawn(groups * dim, hidden), lambda w: permute(w, groups))
        put(f"blk.{i}.attn_v.weight", f"model.layers.{i}.self_attn.v_proj.weight", drawn(groups * dim, hidden))
        put(f"blk.{i}.attn_output.weight", f"model.layers.{i}.self_attn.o_proj.weight", drawn(hidden, heads * dim))
        put(f"blk.{i}.ffn_norm.weight", f"model.layers.{i}.post_attention_layernorm.weight", 1 + drawn(hidden))
        put(f"blk.{i}.ffn_gate.weight", f"model.layers.{i}.mlp.gate_proj.weight", drawn(mlp, hidden))
        put(f"blk.{i}.ffn_up.weight", f"model.layers.{i}.mlp.up_proj.weight", drawn(mlp, hidden))
        put(f"blk.{i}.ffn_down.weight", f"model.layers.{i}.mlp.down_proj.weight", drawn(hidden, mlp))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    config = {
        "num_hidden_layers": layers, "max_position_embeddings": 64, "hidden_size": hidden, "intermediate_size": mlp,
        "num_attention_heads": heads, "num_key_value_heads": groups, "head_dim": dim, "rope_theta": 5000,
        "rms_norm_eps": 1e-5, "vocab_size": len(vocab), "tie_word_embeddings": True, "bos_token_id": 0,
    }  # fmt: skip
    tokens = {text: made.encode(text).ids for text in TEXTS}
    written = {"config": config, "tensors": tensors, "tokens": tokens}
    (out / "model.json").write_text(json.dumps(written) + "\n")


def pieces():
    """A SentencePiece vocabulary as GGUF has it, and what merging by scores makes of texts (transformers' derivation)."""
    from transformers.convert_slow_tokenizer import generate_merges

    texts = ["▁a", "▁b", "ab", "▁ab", "c", "abc", "▁abc", "▁", "a", "b", "bc"]
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + texts
    scores = [0.0] * 259 + [-float(i) for i in [3, 5, 1, 0, 9, 4, 2, 10, 7, 8, 6]]
    merges = generate_merges({t: i for i, t in enumerate(tokens)}, {t: s for t, s in zip(tokens, scores)})
    (out / "pieces.json").write_text(json.dumps({"tokens": tokens, "scores": scores, "merges": merges}) + "\n")


blocks()
model()
pieces()
more_blocks()
split()
