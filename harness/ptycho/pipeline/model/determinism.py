"""Seed, threads and determinism flags of torch."""

from __future__ import annotations

import torch


def make_deterministic(*, seed: int, threads: int) -> None:
    """Make this process deterministic: the same seed, threads and machine give the same bits.

    Call it before any other computation. An operation that torch cannot run deterministically raises
    RuntimeError from then on.
    """
    torch.manual_seed(seed)
    # If two threads take the first square root of a process at the same moment, one of them may round it in
    # another way: every fifth run with two threads had other bits. So one thread takes it alone.
    torch.set_num_threads(1)
    torch.ones(1).sqrt()
    # Not threadpoolctl: it would limit OpenMP, but torch splits its work by a count of its own.
    torch.set_num_threads(threads)
    # The same switch as torch.use_deterministic_algorithms, which takes a second to import the compiler.
    torch.set_deterministic_debug_mode("error")
    # The debug mode also fills each new tensor with NaN. This costs time and helps only code that reads
    # uninitialised memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
