"""cdtools, for real: its prediction is ours, an error of conventions is refused, and it reconstructs."""

from __future__ import annotations

import pytest
from ptycho.engines.conventions import ERRORS

from harness.core.errors import RefusedError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.engines.handshake import Handshake, require_handshake
from harness.ptycho.engines.library import cdtools

ADAPTER = "harness.ptycho.engines.packages.cdtools:FancyPtycho"


@pytest.fixture(scope="module", autouse=True)
def _needs_cdtools(installed):
    installed("cdtools")


@pytest.fixture(scope="module")
def figures(handshakes, small):
    return handshakes(ADAPTER, small)


def test_its_prediction_is_ours(figures):
    found = Handshake(*figures["none"])

    require_handshake("cdtools", found)
    assert found.residual == pytest.approx(found.own_residual, rel=0.05)


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_of_conventions_is_refused(figures, error):
    with pytest.raises(RefusedError):
        require_handshake("cdtools", Handshake(*figures[error]))


def test_it_reconstructs_and_the_same_seed_gives_the_same_metrics(small, tmp_path):
    first, second, other = (
        cdtools(small, tmp_path / str(number), seed=seed, epochs=30) for number, seed in enumerate((0, 0, 1))
    )

    assert first.metrics == second.metrics != other.metrics
    flat = first.controls["flat"]
    assert first.metrics["diffraction_error"] < flat["diffraction_error"] / 2
    assert first.metrics["aligned_correlation"] > flat["aligned_correlation"] + 0.2


def test_pixels_that_do_not_count_do_not_change_the_result(small_arrays, tmp_path):
    mask = small_arrays["diffraction"][0] >= 0
    mask[:, 5] = False
    results = []
    for number, value in enumerate((0.0, 7.0)):
        diffraction = small_arrays["diffraction"].copy()
        diffraction[:, :, 5] = value
        path = tmp_path / f"{number}.npz"
        write_archive(path, {**small_arrays, "diffraction": diffraction, "mask": mask})
        results.append(cdtools(path, tmp_path / str(number), epochs=3).metrics)

    assert results[0] == results[1]


def test_a_run_for_a_time_ends_then_and_says_how_many_epochs_it_made(small, tmp_path):
    cdtools(small, tmp_path, seconds=0.1, clock="cpu")

    assert b'"epochs": 1,' in (tmp_path / "engine.json").read_bytes()
    assert read_archive(tmp_path / "reconstruction.npz")["object"].shape[0] >= 128
