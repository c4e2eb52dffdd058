"""Training in Keras on 1,797 images of digits, whose checkpoints are what the policies say.

Starts, and goes on where it was, however it ended; under `KERAS_BACKEND=jax`, too::

    python python/examples/keras_digits.py runs/keras --epochs 20
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from sklearn.datasets import load_digits

from ckpt_policy.keras import PolicyCheckpoint, newest


def made() -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([keras.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(10)])
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.2, momentum=0.9), entropy, metrics=["accuracy"])
    return model


class Telling(keras.callbacks.Callback):
    """Prints what was decided, and why."""

    def __init__(self, checkpoint: PolicyCheckpoint) -> None:
        super().__init__()
        self.checkpoint = checkpoint

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        outcome = self.checkpoint.outcome
        saved = "saved" if outcome.save else "not saved"
        print(f"epoch {epoch}: {saved}, {outcome.opinions[0]['reason']}", flush=True)


def run(folder: Path, epochs: int) -> None:
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images, labels = np.float32(images / 16)[order], labels[order]

    filepath = folder / "{epoch:03d}-{val_loss:.3f}.keras"
    before = newest(filepath)
    model = made() if before is None else keras.models.load_model(before.path)
    checkpoint = PolicyCheckpoint(filepath, "val_loss", save_top_k=2, save_last=True, resume=before)
    model.fit(
        images,
        labels,
        batch_size=64,
        shuffle=False,
        validation_split=0.25,
        initial_epoch=0 if before is None else before.epoch + 1,
        epochs=epochs,
        verbose=0,
        callbacks=[checkpoint, Telling(checkpoint)],
    )
    if checkpoint.best is not None:
        print(f"best: {checkpoint.best.path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=20)
    given = parser.parse_args()
    run(given.folder, given.epochs)
