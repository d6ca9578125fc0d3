"""Seeds, threads and flags, set before anything else in a process."""

from __future__ import annotations

import torch


def settle(*, seed: int, threads: int) -> None:
    """Make this process repeatable to the bit: same seed, threads and machine, same result.

    The debug mode is the same switch as ``use_deterministic_algorithms``, which would spend a second on
    importing the compiler. Without the last flag, every new tensor is also filled with NaN, which costs time
    and changes nothing where no uninitialised memory is read.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
