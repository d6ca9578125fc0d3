"""Perturbations: which runs a calibration makes, and what is set while one of them lasts."""

from __future__ import annotations

import os

import pytest

from harness.core.baselines.perturbations import (
    Perturbation,
    applied,
    numpy_features,
    other_seeds,
    perturbations,
    perturbations_of_tests,
)


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


def test_tests_run_plainly_then_with_noise_and_with_other_kernels_by_turns():
    """A run with noise differs from the plain one in nothing but its hash seed."""
    runs = perturbations_of_tests(12, ["X86_V3", "X86_V4"])
    assert runs[0].variables == {"PYTHONHASHSEED": "0"}
    assert len({str(run.describe()) for run in runs}) == 12
    for run in runs[1::2]:
        assert run.noise is not None
        assert run.variables.keys() == {"PYTHONHASHSEED"}
    kinds = {
        (run.variables.get("ATEN_CPU_CAPABILITY"), run.variables["OMP_NUM_THREADS"]) for run in runs[2::2]
    }
    assert len(kinds) == 5


def test_no_run_of_tests_changes_the_core_type_of_openblas():
    assert all("OPENBLAS_CORETYPE" not in run.variables for run in perturbations_of_tests(14))


@pytest.mark.parametrize(
    ("features", "disabled"),
    [((), {None}), (("ASIMDHP", "SVE"), {"ASIMDHP SVE", "SVE", None}), (("AVX2",), {"AVX2", None})],
)
def test_only_features_that_numpy_has_kernels_for_are_switched_off(features, disabled):
    """Another name would end the process with an error of numpy."""
    runs = perturbations_of_tests(13, features)
    assert {run.variables.get("NPY_DISABLE_CPU_FEATURES") for run in runs} == disabled


def test_numpy_names_features_of_this_processor():
    assert all(name.isidentifier() for name in numpy_features())
