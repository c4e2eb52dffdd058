"""What every policy in Python needs, and what is not the idea of any: the four functions of the
contract around three of yours, a check of the configuration, and exceptions as answers.

A policy is a class with `name`, `version`, `summary` and `schema`, and with three methods that look
at nothing but their arguments: `plan`, `features` (only where the plan has some) and `verdict`.
"""

import json
from decimal import Decimal
from math import isfinite

from componentize_py_types import Err
from wit_world.exports.policy import (
    Ballot, Checkpoint, Description, Error_Config, Error_Failed, Label, Observation, Prepared,
    Round, Verdict,
)


def answers(function):
    """Makes an exception the answer `failed`, with the line that raised it; else it would be a
    trap, which says nothing."""

    def call(self, *arguments):
        try:
            return function(self, *arguments)
        except Err:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}, at {place(error)}"
            raise Err(Error_Failed(what)) from None

    return call


def place(error: Exception) -> str:
    """Where an exception was raised. The module `traceback` would look into the source's file."""
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    file = code.co_filename.rsplit("/", 1)[-1]
    return f"{file}:{trace.tb_lineno} in `{code.co_name}`"


class Guest:
    """The contract's functions. What travels as `settings` is the configuration with its defaults;
    there is no state."""

    def plan(self, config):
        raise NotImplementedError("a policy has a method `plan`")

    def features(self, config, observation):
        return []

    def verdict(self, config, round):
        raise NotImplementedError("a policy has a method `verdict`")

    @answers
    def describe(self) -> Description:
        return Description(self.name, self.version, self.summary, json.dumps(self.schema))

    @answers
    def prepare(self, config: str, previous: bytes | None) -> Prepared:
        settings = read(config, self.schema)
        return Prepared(self.plan(settings), json.dumps(settings).encode(), b"")

    @answers
    def observe(self, settings: bytes, state: bytes, observation: Observation):
        return self.features(json.loads(settings), observation)

    @answers
    def decide(self, settings: bytes, state: bytes, round: Round) -> Verdict:
        return self.verdict(json.loads(settings), round)


def read(text: str, schema: dict) -> dict:
    """Reads a configuration and fills in the defaults; all mistakes are said at once."""
    try:
        config = json.loads(text)
    except ValueError as error:
        raise Err(Error_Config(f"the configuration is not JSON: {error}")) from None
    known = schema["properties"]
    if not isinstance(config, dict):
        raise Err(Error_Config(f"the configuration: expected an object, found {found(config)}"))
    names = listed(f"`{key}`" for key in sorted(known))
    mistakes = [f"unknown key `{key}`, expected {names}" for key in config if key not in known]
    for key, rule in known.items():
        if key not in config and key in schema["required"]:
            mistakes.append(f"the key `{key}` is missing, expected {expected(rule)}")
        elif key in config and not fits(rule, config[key]):
            mistakes.append(f"`{key}`: expected {expected(rule)}, found {found(config[key])}")
    if mistakes:
        raise Err(Error_Config("; ".join(mistakes)))
    return {key: rule.get("default") for key, rule in known.items()} | config


def fits(rule: dict, value) -> bool:
    if "enum" in rule:
        return any(type(one) is type(value) and one == value for one in rule["enum"])
    if rule["type"] == "string":
        return isinstance(value, str) and len(value) >= rule.get("minLength", 0)
    if rule["type"] == "boolean":
        return isinstance(value, bool)
    kinds = (int,) if rule["type"] == "integer" else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    # NaN, which is not JSON but which Python reads, is in no range.
    least, most = rule.get("minimum", float("-inf")), rule.get("maximum", float("inf"))
    return is_number and least <= value <= most


def expected(rule: dict) -> str:
    if "enum" in rule:
        return listed(json.dumps(one) for one in rule["enum"])
    if rule["type"] == "string":
        return "a string that is not empty" if rule.get("minLength") else "a string"
    if rule["type"] == "boolean":
        return "true or false"
    bounds = [("minimum", "of at least"), ("maximum", "of at most")]
    ends = [f"{word} {rule[bound]}" for bound, word in bounds if bound in rule]
    kind = "an integer" if rule["type"] == "integer" else "a number"
    return f"{kind} {' and '.join(ends)}".strip()


def found(value) -> str:
    if isinstance(value, str):
        return f"the string {json.dumps(value, ensure_ascii=False)}"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value)


def listed(items) -> str:
    *some, last = items
    return f"{', '.join(some)} or {last}" if some else last


def number(value: float) -> str:
    """A number as people read it: six digits, and no exponent where none is needed."""
    if not isfinite(value):
        return f"{value}"
    short = Decimal(f"{value:.5e}").normalize()
    if -6 < short.adjusted() < 16:
        return f"{short:f}"
    digits, _, exponent = f"{value:.5e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"


def better(mode: str, new: float, old: float) -> bool:
    """Whether a number is strictly better; `mode` is "min" or "max"."""
    return new < old if mode == "min" else new > old


def beyond(mode: str, old: float, part: float) -> float:
    """The bar that lies `part` of its own size beyond a number, on its better side."""
    return old - part * abs(old) if mode == "min" else old + part * abs(old)


def newest_mine(seen: Observation | Round) -> Checkpoint | None:
    """The newest checkpoint that the policy holds, complete or still being written."""
    return next((one for one in reversed(seen.checkpoints) if one.mine), None)


def minutes_since(round: Round, checkpoint: Checkpoint | None) -> float | None:
    """Minutes since a checkpoint was saved; none where the host has no clock, now or then."""
    if not checkpoint or None in (round.elapsed_seconds, checkpoint.elapsed_seconds):
        return None
    return (round.elapsed_seconds - checkpoint.elapsed_seconds) / 60


def save(reason: str) -> Verdict:
    return answer(Ballot.SAVE, reason)


def skip(reason: str) -> Verdict:
    return answer(Ballot.SKIP, reason)


def abstain(reason: str) -> Verdict:
    return answer(Ballot.ABSTAIN, reason)


def answer(ballot: Ballot, reason: str) -> Verdict:
    return Verdict(
        ballot, reason, figures=[], tags=[], labels=[], hold=[], release=[], stop=False,
        not_before=None, state=b"",
    )


def keeping_one(verdict: Verdict, round: Round, label: str) -> Verdict:
    """Keeps one checkpoint: a save releases all others that the policy holds, and takes over the
    label. The host waits with a release until the new one is complete, and forgets it if it fails."""
    newest = newest_mine(round)
    best = newest.id if newest else None
    if verdict.ballot is Ballot.SAVE:
        best = round.candidate
        mine = [one.id for one in round.checkpoints if one.mine]
        verdict.release = [one for one in mine if one != round.candidate]
    if best is not None:
        verdict.labels = [Label(label, best)]
    return verdict
