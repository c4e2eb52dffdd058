"""What a decision costs over gloo, beside what carries its bytes and beside Lightning's own.

Starts worlds of 2 and of 4 processes on this machine and prints medians in µs, side by side::

    python python/benchmarks/decision.py [RANKS …]

A decision is a whole one from Python: an event with eight metrics, which the benchmarks' policy reduces
to eight means and does not save. Lightning's is a `ModelCheckpoint.on_validation_end` that refuses, plus
one synchronised mean, the least that its own rule needs to see what ours has seen eight times.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

PROBE = Path(__file__).resolve().parents[2] / "tests" / "probe" / "probe.wasm"
METRICS = 8
BLOCKS, BLOCK = 20, 25


def site(encoding: str, instances: str = "fresh") -> dict[str, object]:
    """A configuration with the benchmarks' policy, which never saves."""
    probe = {"name": "probe", "wasm": str(PROBE), "config": {"reductions": METRICS, "quiet": True}}
    return {"instances": instances, "exchange": {"encoding": encoding}, "policy": [probe]}


def launch(ranks: int) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(ranks)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command += ["--master-port", str(29400 + ranks), __file__, "worker"]
    subprocess.run(command, check=True, env=environment)


def worker() -> None:
    import lightning.pytorch as pl
    import torch
    from lightning.pytorch.callbacks import ModelCheckpoint

    from ckpt_policy import Event, Host, Solo, TorchDistributed

    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)

    class Model(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
            return self.layer(batch[0]).square().mean()

        def validation_step(self, batch: list[torch.Tensor]) -> None:
            self.log("val_loss", self.layer(batch[0]).square().mean())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.01)

    class Measure(pl.Callback):
        def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            if trainer.sanity_checking:
                return
            compare(trainer, module)

    def compare(trainer: pl.Trainer, module: pl.LightningModule) -> None:
        strategy = trainer.strategy
        (checkpoint,) = trainer.checkpoint_callbacks
        assert isinstance(checkpoint, ModelCheckpoint)
        # The kept one is better than whatever comes.
        checkpoint.best_k_models = {"kept.ckpt": torch.tensor(-1.0)}
        checkpoint.kth_best_model_path, checkpoint.kth_value = "kept.ckpt", torch.tensor(-1.0)
        checkpoint.best_model_path = "kept.ckpt"

        engine = TorchDistributed()
        rank, ranks = engine.rank, engine.world_size
        kinds = [(encoding, instances) for encoding in ("gather", "reduce") for instances in ("fresh", "reuse")]
        hosts = {kind: Host(site(*kind), rank, ranks).open(engine) for kind in kinds}
        step = 0
        numbers = {f"m{index}": 0.1 + index + rank for index in range(METRICS)}
        mean = torch.tensor(1.0 + rank)

        def decide(encoding: str, instances: str) -> None:
            nonlocal step
            step += 1
            event = Event("step-end", step, 0, numbers)
            assert not hosts[encoding, instances].decide(event, engine).save

        def refused() -> None:
            checkpoint._last_global_step_saved = -1
            checkpoint.on_validation_end(trainer, module)

        # Begun and never ended: exchanges of the size of all others.
        gather, reduce = (
            Host(site(encoding), rank, ranks).open(engine).begin(Event("step-end", 1, 0, numbers))
            for encoding in ("gather", "reduce")
        )
        own = torch.frombuffer(bytearray(gather.message), dtype=torch.uint8)
        everything = torch.empty(ranks * len(own), dtype=torch.uint8)
        integers = torch.frombuffer(bytearray(reduce.sums), dtype=torch.int64)
        dist = torch.distributed
        solo = Host(site("gather")).open(Solo())

        def alone() -> None:
            nonlocal step
            step += 1
            solo.decide(Event("step-end", step, 0, numbers), Solo())

        calls: dict[str, Callable[[], object]] = {
            f"gloo all-gather of {len(own)} bytes": lambda: dist.all_gather_into_tensor(everything, own),
            f"gloo all-reduce of {len(integers)} integers": lambda: dist.all_reduce(integers.clone()),
            "engine: gather, the same bytes": lambda: engine.all_gather(gather.message),
            "engine: reduce, the same bytes": lambda: engine.all_reduce(reduce.sums, reduce.maxima),
            "host: decision, gather, fresh instances": lambda: decide("gather", "fresh"),
            "host: decision, gather, reused instances": lambda: decide("gather", "reuse"),
            "host: decision, reduce, fresh instances": lambda: decide("reduce", "fresh"),
            "host: decision in a world of one, fresh": alone,
            "Lightning: reduce_boolean_decision": lambda: strategy.reduce_boolean_decision(True),
            "Lightning: broadcast of an object": lambda: strategy.broadcast(True),
            "Lightning: a mean with sync_dist": lambda: strategy.reduce(mean.clone(), reduce_op="mean"),
            "Lightning: ModelCheckpoint, refused": refused,
        }
        took: dict[str, list[float]] = {name: [] for name in calls}
        # In blocks that take turns, so that whatever else the machine does meets all of them.
        for turn in range(1 + BLOCKS):
            for name, call in calls.items():
                dist.barrier()
                for _ in range(BLOCK):
                    start = time.perf_counter()
                    call()
                    if turn > 0:
                        took[name].append((time.perf_counter() - start) * 1e6)
        figures = torch.tensor([median(took[name]) for name in calls], dtype=torch.float64)
        tails = torch.tensor([sorted(took[name])[int(0.95 * BLOCKS * BLOCK)] for name in calls], dtype=torch.float64)
        dist.all_reduce(figures)
        dist.all_reduce(tails)
        if rank != 0:
            return
        medians = dict(zip(calls, (figures / ranks).tolist()))
        print(f"\n{ranks} ranks over gloo, {METRICS} metrics: medians over {BLOCKS * BLOCK} calls, in µs")
        print(f"{'':<46} {'median':>8} {'95 %':>8}")
        for (name, figure), tail in zip(medians.items(), (tails / ranks).tolist()):
            print(f"{name:<46} {figure:>8.0f} {tail:>8.0f}")
        theirs = medians["Lightning: ModelCheckpoint, refused"] + medians["Lightning: a mean with sync_dist"]
        for kind in ("gather, fresh", "gather, reused"):
            ours = medians[f"host: decision, {kind} instances"]
            print(f"ratio of a decision ({kind}) to Lightning's with one mean: {ours / theirs:.2f}")

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(64, 4)), batch_size=8)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=int(os.environ["WORLD_SIZE"]),
        strategy="ddp",
        max_epochs=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=tempfile.mkdtemp(),
        callbacks=[Measure(), ModelCheckpoint(monitor="val_loss", save_top_k=1, save_on_train_epoch_end=False)],
    )
    trainer.fit(Model(), data, data)
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        worker()
    else:
        for size in map(int, sys.argv[1:] or ("2", "4")):
            launch(size)
