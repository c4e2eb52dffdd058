"""Decides when a distributed training job saves a checkpoint, by running sandboxed policies.

Each rank has a :class:`Host`. It tells the host of an :class:`Event` with its own numbers; the host
reduces them over all ranks by an :class:`Engine`, asks the policies that the site has configured, and
returns the same :class:`Outcome` on every rank::

    from ckpt_policy import Event, Host, TorchDistributed

    engine = TorchDistributed()
    with Host("site.toml", engine.rank, engine.world_size) as host:
        host.open(engine)
        ...
        event = Event("validation-end", step, epoch, {"val_loss": loss})
        outcome = host.decide(event, engine)
        host.follow(outcome, engine, save=write, delete=remove)

Nothing is printed; what is worth knowing goes to the logger ``ckpt_policy``.
"""

from ckpt_policy._native import (
    AgreementError,
    Checkpoint,
    CkptPolicyError,
    ConfigError,
    EngineError,
    Event,
    Exchange,
    InternalError,
    Outcome,
    PolicyError,
    Resume,
    UsageError,
    __version__,
)
from ckpt_policy.engines import Carried, Engine, Mpi4py, Solo, TorchDistributed, Work
from ckpt_policy.host import Host

__all__ = [
    "AgreementError",
    "Carried",
    "Checkpoint",
    "CkptPolicyError",
    "ConfigError",
    "Engine",
    "EngineError",
    "Event",
    "Exchange",
    "Host",
    "InternalError",
    "Mpi4py",
    "Outcome",
    "PolicyError",
    "Resume",
    "Solo",
    "TorchDistributed",
    "UsageError",
    "Work",
    "__version__",
]
