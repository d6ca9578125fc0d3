"""Perturbations: which runs a calibration makes, and what is set while one of them lasts."""

from __future__ import annotations

import os

import pytest

from harness.core.baselines.perturbations import Perturbation, applied, other_seeds, perturbations


def test_the_first_run_is_plain_and_all_are_different():
    twelve = perturbations()
    assert (len(twelve), twelve[0]) == (12, Perturbation(1))
    assert len({str(item.describe()) for item in twelve}) == 12
    assert None not in [item.noise for item in twelve[1:]]
    assert perturbations(3) == twelve[:3]


def test_runs_vary_threads_and_kernels():
    """Twelve runs are two of each: 1 and 2 threads, and the kernels of three CPUs."""
    kinds = [(item.threads, item.variables.get("ATEN_CPU_CAPABILITY")) for item in perturbations()]
    assert sorted(kinds, key=str) == sorted(
        [(threads, kernels) for threads in (1, 2) for kernels in (None, "avx2", "default")] * 2, key=str
    )


def test_only_the_seed_differs_in_runs_with_other_seeds():
    assert [item.describe() for item in other_seeds(2)] == [
        {"threads": "1", "seed": "1"},
        {"threads": "1", "seed": "2"},
    ]


def test_a_description_has_everything_that_was_perturbed():
    everything = Perturbation(2, {"KERNELS": "avx2"}, noise=0, seed=3)
    assert everything.describe() == {
        "threads": "2",
        "KERNELS": "avx2",
        "last-bit noise": "seed 0",
        "seed": "3",
    }


def test_environment_variables_are_set_only_while_the_context_lasts(monkeypatch):
    """They are restored even after an interruption."""
    monkeypatch.setenv("HARNESS_OLD", "old")
    monkeypatch.delenv("HARNESS_NEW", raising=False)
    perturbation = Perturbation(1, {"HARNESS_OLD": "set", "HARNESS_NEW": "set"})
    seen = {}

    def interrupted() -> None:
        with applied(perturbation):
            seen.update(os.environ)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (seen["HARNESS_OLD"], seen["HARNESS_NEW"]) == ("set", "set")
    assert os.environ["HARNESS_OLD"] == "old"
    assert "HARNESS_NEW" not in os.environ
