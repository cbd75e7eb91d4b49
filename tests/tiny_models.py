"""Pre-trained models that are small enough for tests, which make them themselves: nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from labelwise.features.operators import let_torchvision_be_imported

WORDS = ["cat", "dog", "meow", "bark", "purr", "howl", "the", "a", "is", "not", "card", "lost", "money"]


let_torchvision_be_imported()


def text_model(folder: Path, *, seed: int = 0) -> Path:
    """A model of sentence-transformers with random weights: two layers of BERT, 16 features."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    bert = folder / "bert"
    bert.mkdir(parents=True)
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *"abcdefghijklmnopqrstuvwxyz0123456789",
    ]
    vocabulary += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    (bert / "vocab.txt").write_text("\n".join(vocabulary))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
        )
        BertModel(config).save_pretrained(bert)
    BertTokenizerFast(vocab=str(bert / "vocab.txt")).save_pretrained(bert)
    transformer = Transformer(str(bert))
    model = SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def image_model(folder: Path, *, seed: int = 0) -> Path:
    """A model of timm with random weights, which reads images of 32x32: 16 features."""
    import timm
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = timm.create_model("test_resnet", pretrained=False, num_classes=0)
    save_file(model.state_dict(), folder / "model.safetensors")
    config = {
        "architecture": "test_resnet",
        "num_classes": 0,
        "num_features": model.num_features,
        "pretrained_cfg": {**model.pretrained_cfg, "input_size": [3, 32, 32], "num_classes": 0},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder
