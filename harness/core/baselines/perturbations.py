"""Changes of a run that should not matter: threads, CPU kernels, noise in the last bit; and other seeds.

A baseline's tolerances are measured from runs under these perturbations. Nothing is run here.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# What PyTorch, oneDNN and MKL use: the CPU's own vector instructions, then those of two older CPUs.
_KERNELS: tuple[Mapping[str, str], ...] = (
    {},
    {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
)


@dataclass(frozen=True, slots=True)
class Perturbation:
    """How one run differs from a plain run.

    Attributes
    ----------
    threads : int
    variables : mapping of str to str
        Environment variables that select the CPU kernels.
    noise : int or None
        Seed of the last-bit noise on the inputs; None for no noise.
    seed : int
        The pipeline's own seed; 0 is the pipeline's default.
    """

    threads: int
    variables: Mapping[str, str] = field(default_factory=dict)
    noise: int | None = None
    seed: int = 0

    def describe(self) -> dict[str, str]:
        """The perturbation as a baseline's certificate records it."""
        noise = {} if self.noise is None else {"last-bit noise": f"seed {self.noise}"}
        seed = {"seed": str(self.seed)} if self.seed else {}
        return {"threads": str(self.threads), **self.variables, **noise, **seed}


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run measured, and under which perturbation."""

    perturbation: Perturbation
    metrics: Mapping[str, float]
    controls: Mapping[str, Mapping[str, float]]


@contextlib.contextmanager
def applied(perturbation: Perturbation) -> Iterator[None]:
    """Context in which the perturbation's environment variables are set; child processes inherit them."""
    before = {name: os.environ.get(name) for name in perturbation.variables}
    os.environ.update(perturbation.variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def perturbations(runs: int = 12) -> tuple[Perturbation, ...]:
    """Return *runs* perturbations, all different: first a plain run, then runs with last-bit noise.

    The noisy ones alternate between 1 and 2 threads and cycle through the kernels of several CPUs.
    """
    kinds = [Perturbation(threads, kernels) for kernels in _KERNELS for threads in (1, 2)]
    noisy = (replace(kinds[i % len(kinds)], noise=i) for i in range(1, runs))
    return (Perturbation(1), *noisy)


THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""What the libraries read that compute with several threads."""

_WIDE = ("AVX512", "X86_V4", "SVE")


@dataclass(frozen=True, slots=True)
class PytestPerturbation:
    """How one run of a project's tests differs from a plain run.

    Attributes
    ----------
    variables : mapping of str to str
        Environment variables, set before Python starts.
    noise : int or None
        Seed of the last-bit noise on the inputs that tests declare.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    noise: int | None = None

    def describe(self) -> dict[str, str]:
        """The perturbation as a certificate records it."""
        noise = {} if self.noise is None else {"last-bit noise": f"seed {self.noise}"}
        return {**self.variables, **noise}


def perturbations_of_tests(runs: int, features: Sequence[str] = ()) -> tuple[PytestPerturbation, ...]:
    """Return *runs* perturbations of a project's tests: a plain run, then noise and kernels by turns.

    Every run has its own hash seed. A run with noise differs from the plain one in nothing else, so that the
    change of a result by that of the inputs is an amplification. OPENBLAS_CORETYPE is left as it is: kernels
    that a processor does not have would end the process.

    Parameters
    ----------
    runs : int
    features : sequence of str
        The processor's features for which numpy has kernels, as :func:`numpy_features` finds them.

    Examples
    --------
    >>> for perturbation in perturbations_of_tests(3, ["X86_V3", "X86_V4"]):
    ...     print(perturbation.noise, perturbation.variables.get("NPY_DISABLE_CPU_FEATURES"))
    None None
    1 None
    None X86_V3 X86_V4
    """
    wide = [name for name in features if name.startswith(_WIDE)]
    disabled = {2: list(features), 1: wide}
    kinds = [(2, 1), (1, 2), (0, 1), (2, 2), (1, 1), (0, 2)]  # of _KERNELS, and threads
    found = []
    for run in range(runs):
        variables = {"PYTHONHASHSEED": str(run)}
        if run % 2 or not run:
            found.append(PytestPerturbation(variables, run or None))
            continue
        kernels, threads = kinds[(run // 2 - 1) % len(kinds)]
        without = " ".join(disabled.get(kernels, ()))
        variables |= dict.fromkeys(THREAD_VARIABLES, str(threads)) | dict(_KERNELS[kernels])
        variables |= {"NPY_DISABLE_CPU_FEATURES": without} if without else {}
        found.append(PytestPerturbation(variables))
    return tuple(found)


def numpy_features() -> tuple[str, ...]:
    """Return the features of this processor for which numpy has kernels of their own; empty if not known."""
    import numpy as np

    try:
        found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    except (TypeError, KeyError):  # an older numpy, or a build without any
        return ()
    return tuple(found)


def other_seeds(seeds: int) -> tuple[Perturbation, ...]:
    """Return *seeds* plain runs in which only the pipeline's seed differs: 1, 2, ..."""
    return tuple(Perturbation(1, seed=seed) for seed in range(1, seeds + 1))
