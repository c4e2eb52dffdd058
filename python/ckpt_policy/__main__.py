"""The program ``ckpt-policy``: ``python -m ckpt_policy …``.

With ``run --engine torch`` it is started once a rank, by ``torchrun --nproc-per-node N -m ckpt_policy``,
and with ``run --engine mpi`` by ``mpirun -n N python -m ckpt_policy``.
"""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Optional

from ckpt_policy import _native
from ckpt_policy.engines import DEADLINE, Engine, Mpi4py, TorchDistributed


def main(arguments: Optional[list[str]] = None) -> int:
    """Runs the program with these arguments; returns its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    command = ["ckpt-policy", *given]
    # The rest is parsed, and refused, by the program.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--engine")
    parser.add_argument("--deadline", type=float, default=DEADLINE)
    try:
        known, _ = parser.parse_known_args(given)
    except argparse.ArgumentError:
        known = argparse.Namespace(engine=None)
    # What runs is not Python, which would not hear of a keyboard interrupt before its end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if given[:1] != ["run"] or known.engine not in ("torch", "mpi"):
        return _native.program(command)
    if known.engine == "mpi":
        return _over_mpi(command, known.deadline)
    return _over_torch(command, known.deadline)


def _over_torch(command: list[str], deadline: float) -> int:
    try:
        import torch.distributed as dist

        dist.init_process_group("gloo")
    except (ImportError, ValueError, RuntimeError) as error:
        return _refuse(f"there is no process group of torch: {error}", "torchrun --nproc-per-node N -m ckpt_policy")
    engine: Engine = TorchDistributed(dist.group.WORLD, deadline=deadline)
    code = _native.program_on(engine, command)
    if code == 0:
        dist.destroy_process_group()
    return code


def _over_mpi(command: list[str], deadline: float) -> int:
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        return _refuse(f"there is no MPI: {error}", "mpirun -n N python -m ckpt_policy")
    code = _native.program_on(Mpi4py(MPI.COMM_WORLD, deadline=deadline), command)
    if code != 0:
        # The others may wait for this rank, and nothing but MPI can call them off.
        MPI.COMM_WORLD.Abort(code)
    return code


def _refuse(text: str, launcher: str) -> int:
    print(f"error: {text}\n\nhint: start it by `{launcher} run --engine …`", file=sys.stderr)
    return 4


if __name__ == "__main__":
    sys.exit(main())
