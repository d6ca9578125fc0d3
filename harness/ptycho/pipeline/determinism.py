"""Seeds, threads and flags, set before anything else in a process."""

from __future__ import annotations

import torch


def settle(*, seed: int, threads: int) -> None:
    """Make this process repeatable to the bit: same seed, threads and machine, same result.

    Without the last flag, deterministic mode also fills every new tensor with NaN, which costs time and
    changes nothing where no uninitialised memory is read.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
