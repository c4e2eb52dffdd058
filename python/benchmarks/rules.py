"""How often each rule saves, against the number of ranks: prints the table of the README.

A loss that falls with each epoch, as ``1 / (1 + 0.1 epoch)``, and each rank's own noise around it; the best one
is kept. All rules see the same numbers: one decides, the others are shadows.
"""

from __future__ import annotations

import argparse
import random
from statistics import mean
from typing import Union

from ckpt_policy import Event, Exchange, Host, Outcome

RULES = {"unanimous": "AND", "rank-zero": "rank 0", "majority": "majority", "aggregate": "mean"}


def configuration() -> dict[str, object]:
    rules = [
        {
            "name": name,
            "wasm": f"builtin:{name}",
            "mode": "enforce" if name == "unanimous" else "shadow",
            "config": {"monitor": "val_loss"},
        }
        for name in RULES
    ]
    # As Lightning has it: each rank compares with its own books.
    rules[0]["config"] = {"monitor": "val_loss", "books": "per-rank"}
    return {"instances": "reuse", "policy": rules}


def carry(hosts: list[Host], begun: list[Union[Exchange, Outcome, None]]) -> list[Union[Exchange, Outcome, None]]:
    """Carries exchanges between hosts of one process, until they have come to something."""
    while isinstance(begun[0], Exchange):
        everything = b"".join(exchange.message for exchange in begun if isinstance(exchange, Exchange))
        begun = [host.complete(everything) for host in hosts]
    return begun


def run(ranks: int, epochs: int, noise: float, seed: int) -> dict[str, int]:
    """Returns how often each rule saved in one run."""
    drawn = random.Random(seed)
    hosts = [Host({**configuration(), "exchange": {"encoding": "gather"}}, rank, ranks) for rank in range(ranks)]
    carry(hosts, [host.begin_open() for host in hosts])
    saves = dict.fromkeys(RULES, 0)
    for epoch in range(epochs):
        losses = [1 / (1 + 0.1 * epoch) + drawn.gauss(0, noise) for _ in range(ranks)]
        events = [Event("validation-end", epoch + 1, epoch, {"val_loss": loss}) for loss in losses]
        outcomes = carry(hosts, [host.begin(event) for host, event in zip(hosts, events)])
        first = outcomes[0]
        assert isinstance(first, Outcome)
        for opinion in first.opinions:
            is_saved = first.save if opinion["mode"] == "enforce" else opinion["shadow"]["save"]
            saves[opinion["name"]] += is_saved
        while any(isinstance(outcome, Outcome) and (outcome.save or outcome.settle) for outcome in outcomes):
            for host, outcome in zip(hosts, outcomes):
                if isinstance(outcome, Outcome) and outcome.save and outcome.checkpoint is not None:
                    host.saved(outcome.checkpoint)
            outcomes = carry(hosts, [host.begin_settle() for host in hosts])
            for host, outcome in zip(hosts, outcomes):
                assert isinstance(outcome, Outcome)
                for checkpoint in outcome.delete:
                    host.deleted(checkpoint)
    return saves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 4, 8, 16])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--noise", type=float, default=0.02, help="standard deviation of each rank's")
    arguments = parser.parse_args()
    print("| ranks | " + " | ".join(RULES.values()) + " |")
    print("|---" * (1 + len(RULES)) + "|")
    for ranks in arguments.ranks:
        runs = [run(ranks, arguments.epochs, arguments.noise, seed) for seed in range(arguments.runs)]
        saves = [mean(counts[rule] for counts in runs) for rule in RULES]
        print(f"| {ranks} | " + " | ".join(f"{count:.1f}" for count in saves) + " |", flush=True)


if __name__ == "__main__":
    main()
