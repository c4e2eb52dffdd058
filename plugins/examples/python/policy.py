"""three-quarters: saves when three quarters of the ranks improved on the checkpoint that is kept,
and the mean improved by half a percent; at most every ten minutes. Keeps one checkpoint."""

from math import isfinite

from guest import (
    Guest, abstain, better, beyond, keeping_one, minutes_since, newest_mine, number, save, skip,
)
from wit_world.exports.policy import (
    Input, Observation, Operation_Mean, Operation_Tally, Plan, Reduction, Round, Source_Feature,
    Source_Input, Verdict, View,
)

# Where the numbers are: in the plan's inputs and reductions, and so in all lists of values.
VALUE = 0
VOTES, MEAN = 0, 1


class Policy(Guest):
    name = "three-quarters"
    version = "0.1.0"
    summary = "Saves when enough ranks and their mean improved."
    # What a site may write; all that it does not allow is refused.
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "Configuration of `three-quarters`.",
        "type": "object",
        "properties": {
            "monitor": {
                "description": "The metric that each rank compares.",
                "type": "string",
                "minLength": 1,
            },
            "mode": {
                "description": "Whether a smaller or a larger number is better.",
                "enum": ["min", "max"],
                "default": "min",
            },
            "ranks": {
                "description": "The share of all ranks that must have improved.",
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "default": 0.75,
            },
            "improvement": {
                "description": "By which part of itself the mean must have improved.",
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "default": 0.005,
            },
            "minutes": {
                "description": "At least so long between two saves, where the host has a clock.",
                "type": "number",
                "minimum": 0,
                "maximum": 525600,
                "default": 10,
            },
        },
        "required": ["monitor"],
        "additionalProperties": False,
        "examples": [
            {"monitor": "val_loss"},
            {"monitor": "val_acc", "mode": "max", "ranks": 0.5, "improvement": 0, "minutes": 0},
        ],
    }

    def plan(self, config: dict) -> Plan:
        """Once: what the host should ask for, reduce and show."""
        return Plan(
            inputs=[Input(config["monitor"], required=True)],
            features=1,
            reductions=[
                Reduction(Source_Feature(0), Operation_Tally()),
                Reduction(Source_Input(VALUE), Operation_Mean()),
            ],
            view=View.MINE,
            moments=["validation-end"],
            every_steps=0,
            passive=False,
        )

    def features(self, config: dict, observation: Observation) -> list[float | None]:
        """On each rank, with that rank's own numbers: a vote."""
        value = observation.values[VALUE]
        if value is None or not isfinite(value):
            return [None]
        kept = newest_mine(observation)
        before = kept.values[VALUE] if kept else None
        if before is None or not isfinite(before):
            return [1.0]
        return [float(better(config["mode"], value, before))]

    def verdict(self, config: dict, round: Round) -> Verdict:
        """On all ranks, with the same numbers: the verdict."""
        return keeping_one(judge(config, round), round, "best")


def judge(config: dict, round: Round) -> Verdict:
    monitor, world = config["monitor"], round.world_size
    votes, mean = round.values[VOTES].value, round.values[MEAN].value
    if mean.non_finite > 0:
        return skip(f"{monitor} is not finite on {mean.non_finite} of {world} ranks")
    if mean.value is None:
        return abstain(f"no rank has {monitor}")
    kept = newest_mine(round)
    passed = minutes_since(round, kept)
    if passed is not None and passed < config["minutes"]:
        least = number(config["minutes"])
        return skip(f"{number(passed)} minutes after the last save, sooner than {least}")
    before = kept.values[MEAN] if kept else None
    if before is None:
        shown = number(mean.value)
        return save(f"mean {monitor} is {shown}, and nothing is kept to compare it with")
    improved = f"{votes.yes} of {world} ranks improved"
    if votes.yes / world < config["ranks"]:
        return skip(f"{improved}, a share below {number(config['ranks'])}")
    bar = beyond(config["mode"], before, config["improvement"])
    shown, bound = number(mean.value), number(bar)
    if better(config["mode"], mean.value, bar):
        return save(f"{improved}, and mean {monitor} {shown} is better than {bound}")
    return skip(f"{improved}, but mean {monitor} {shown} is no better than {bound}")
