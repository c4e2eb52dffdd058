"""Training in JAX on 1,797 images of digits, whose checkpoints Orbax writes where the policies say.

Starts, and goes on where it was, however it ended::

    python python/examples/orbax_digits.py runs/orbax --epochs 30
"""

from __future__ import annotations

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import CheckpointManagerOptions
from sklearn.datasets import load_digits

from ckpt_policy.orbax import CheckpointPolicy

BATCH = 64
HELD_BACK = 450
RATE = 1.5

Weights = dict[str, jax.Array]


def start() -> Weights:
    keys = jax.random.split(jax.random.key(1))
    return {
        "in": jax.random.normal(keys[0], (64, 32)) / 8,
        "hidden": jnp.zeros(32),
        "out": jax.random.normal(keys[1], (32, 10)) / 6,
    }


@jax.jit
def loss(weights: Weights, images: jax.Array, labels: jax.Array) -> jax.Array:
    """Returns the mean cross-entropy, in nats."""
    hidden = jax.nn.relu(images @ weights["in"] + weights["hidden"])
    chances = jax.nn.log_softmax(hidden @ weights["out"])
    return -jnp.take_along_axis(chances, labels[:, None], 1).mean()


@jax.jit
def trained(weights: Weights, images: jax.Array, labels: jax.Array) -> Weights:
    slopes = jax.grad(loss)(weights, images, labels)
    return jax.tree.map(lambda weight, slope: weight - RATE * slope, weights, slopes)


def run(folder: Path, epochs: int) -> None:
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images, labels = jnp.float32(images / 16)[order], jnp.int32(labels)[order]
    starts = range(HELD_BACK, len(labels) - BATCH + 1, BATCH)

    policy = CheckpointPolicy(folder, "val_loss", save_top_k=2, save_last=True)
    options = CheckpointManagerOptions(save_decision_policy=policy, preservation_policy=policy)
    with ocp.CheckpointManager(folder, options=options) as manager:
        weights, last = start(), manager.latest_step()
        if last is not None:
            weights = manager.restore(last, args=ocp.args.StandardRestore(weights))
        # A step of the manager is an epoch here.
        for epoch in range(0 if last is None else last + 1, epochs):
            for begin in starts:
                batch = slice(begin, begin + BATCH)
                weights = trained(weights, images[batch], labels[batch])
            policy.log({"val_loss": loss(weights, images[:HELD_BACK], labels[:HELD_BACK])}, epoch)
            saved = manager.save(epoch, args=ocp.args.StandardSave(weights))
            reason = policy.outcome.opinions[0]["reason"]
            print(f"epoch {epoch}: {'saved' if saved else 'not saved'}, {reason}", flush=True)
            if policy.outcome.stop:
                break
        policy.finish(manager)
        print(f"best: epoch {policy.best_step}, kept: {manager.all_steps()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    given = parser.parse_args()
    run(given.folder.resolve(), given.epochs)
