"""Hugging Face's `Trainer` on images of digits, whose checkpoints are what a policy says.

Starts, and goes on where it was, however it ended::

    torchrun --nproc-per-node 2 python/examples/transformers_digits.py runs/trainer --epochs 20
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from ckpt_policy.transformers import PolicyCallback, newest_checkpoint

# The ranks share this machine's processors.
torch.set_num_threads(1)


def model() -> BertForSequenceClassification:
    """Returns a small transformer, which reads an image as a text: 64 pixels in 17 shades."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=17,
        max_position_embeddings=64,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        num_labels=10,
    )
    return BertForSequenceClassification(config)


def data() -> tuple[list[dict[str, torch.Tensor]], list[dict[str, torch.Tensor]]]:
    """Returns what is trained on, and what is validated on; `Trainer` gives each rank its part."""
    images, labels = (torch.tensor(values, dtype=torch.int64) for values in load_digits(return_X_y=True))
    digits = [{"input_ids": image, "labels": label} for image, label in zip(images, labels)]
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0)).tolist()
    held_back = len(digits) // 4
    return [digits[index] for index in order[held_back:]], [digits[index] for index in order[:held_back]]


def run(folder: Path, epochs: int) -> None:
    arguments = TrainingArguments(
        str(folder),
        num_train_epochs=epochs,
        per_device_train_batch_size=64,
        learning_rate=5e-3,
        lr_scheduler_type="constant",
        eval_strategy="epoch",
        # When to save is the policy's; `Trainer` wants the two to be the same to load the best.
        save_strategy="epoch",
        load_best_model_at_end=True,
        use_cpu=True,
        ddp_find_unused_parameters=False,
        average_tokens_across_devices=False,
        disable_tqdm=True,
        report_to="none",
    )
    training, held_back = data()
    callback = PolicyCallback("loss", save_top_k=2, save_last=True)
    trainer = Trainer(
        model(), arguments, train_dataset=training, eval_dataset=held_back, callbacks=[callback]
    )
    # A disk that is full costs a checkpoint, and not the training.
    callback.guard(trainer)
    trainer.train(resume_from_checkpoint=newest_checkpoint(folder))
    state = trainer.state
    if state.is_world_process_zero:
        print(f"the best: {state.best_model_checkpoint}, loss {state.best_metric:.4f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=20)
    given = parser.parse_args()
    run(given.folder, given.epochs)
