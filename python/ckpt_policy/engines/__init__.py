"""What moves bytes between ranks, over the process group that a trainer has already.

An engine is two collectives. It knows nothing of policies. All ranks call them in the same order and
with equal lengths; where a rank is gone or late the others get an :class:`EngineError` and do not wait
for ever. An engine that has failed once is of no use any more, since nobody knows what the others got.
"""

from ckpt_policy.engines.engine import DEADLINE, Carried, Engine, Solo, Work
from ckpt_policy.engines.mpi import Mpi4py
from ckpt_policy.engines.torch_distributed import TorchDistributed, torch_engine

__all__ = ["DEADLINE", "Carried", "Engine", "Mpi4py", "Solo", "TorchDistributed", "Work", "torch_engine"]
