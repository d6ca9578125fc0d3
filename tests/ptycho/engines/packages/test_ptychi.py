"""pty-chi, for real: its prediction is ours for any size of window, and each method reconstructs."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ptycho.engines.conventions import ERRORS

from harness.core.errors import RefusedError
from harness.core.storage.npz import write_archive
from harness.ptycho.engines.handshake import Handshake, require_handshake
from harness.ptycho.engines.library import ptychi_bh, ptychi_lsqml, ptychi_rpie
from harness.ptycho.engines.packages.ptychi import import_torchvision, unsnapped
from harness.ptycho.scan.forward import amplitude
from harness.ptycho.scan.residual import Dataset

MINIMAL = Path(__file__).parents[4] / "golden" / "minimal_v1.npz"
ADAPTER = "harness.ptycho.engines.packages.ptychi:Lsqml"


@pytest.fixture(scope="module")
def needs_ptychi(installed):
    installed("ptychi")


@pytest.fixture(scope="module")
def figures(needs_ptychi, handshakes, small):
    return handshakes(ADAPTER, small)


def test_its_prediction_is_ours(figures):
    found = Handshake(*figures["none"])

    require_handshake("pty-chi", found)
    assert found.residual == pytest.approx(found.own_residual, rel=0.05)


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_of_conventions_is_refused(figures, error):
    with pytest.raises(RefusedError):
        require_handshake("pty-chi", Handshake(*figures[error]))


@pytest.mark.parametrize("shape", [(31, 32), (33, 33)])
def test_no_window_jumps_if_its_size_is_odd(needs_ptychi, handshakes, small_arrays, tmp_path, shape):
    height, width = shape
    probe = np.zeros(shape, dtype=np.complex64)
    rows, columns = min(height, 32), min(width, 32)
    probe[:rows, :columns] = small_arrays["probeGuess"][:rows, :columns]
    x, y, obj = (small_arrays[key] for key in ("xcoords", "ycoords", "objectGuess"))
    arrays = {"probeGuess": probe, "objectGuess": obj, "xcoords": x, "ycoords": y}
    arrays["diffraction"] = amplitude(probe, obj, x, y).astype(np.float32)
    write_archive(tmp_path / "odd.npz", arrays)

    require_handshake("pty-chi", Handshake(*handshakes(ADAPTER, tmp_path / "odd.npz")["none"]))


@pytest.mark.usefixtures("needs_ptychi")
@pytest.mark.parametrize(("run", "epochs"), [(ptychi_lsqml, 20), (ptychi_rpie, 20)], ids=["lsqml", "rpie"])
def test_the_method_reconstructs(small, tmp_path, run, epochs):
    result = run(small, tmp_path, epochs=epochs)

    flat = result.controls["flat"]
    assert result.metrics["diffraction_error"] < flat["diffraction_error"] / 2
    assert result.metrics["aligned_correlation"] > flat["aligned_correlation"] + 0.2


@pytest.mark.usefixtures("needs_ptychi")
def test_the_bilinear_hessian_method_runs_and_explains_the_data_better(tmp_path):
    """No more than that, and on 64 positions: elsewhere it diverges, or noise in the last bit changes all."""
    result = ptychi_bh(MINIMAL, tmp_path, epochs=15)

    assert result.metrics["diffraction_error"] < result.controls["flat"]["diffraction_error"]


@pytest.mark.parametrize("size", [31, 32])
@pytest.mark.parametrize("whole", [0.0, 0.5])
def test_coordinates_are_rounded_to_what_our_windows_begin_at(size, whole):
    centres = np.arange(40.0, 60.0) + whole
    data = Dataset(np.ones((20, size, size)), np.ones((size, size)), np.ones((99, 99)), centres, centres)

    origin, (rows, columns) = unsnapped(data)

    firsts = np.rint(rows) + origin[0] - (size - 1) / 2
    assert np.array_equal(firsts, np.rint(firsts))
    assert np.abs(firsts - 2 - (centres - size / 2)).max() <= 0.5
    assert np.array_equal(rows, columns)


def test_torchvision_is_replaced_only_where_it_cannot_be_imported(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    there = ModuleType("torchvision.transforms")
    package = ModuleType("torchvision")
    package.transforms = there
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.transforms", there)
    import_torchvision()
    assert sys.modules["torchvision.transforms"] is there

    monkeypatch.setitem(sys.modules, "torchvision", None)  # importing it raises ImportError
    import_torchvision()

    blur = sys.modules["torchvision.transforms"].GaussianBlur
    with pytest.raises(NotImplementedError, match="torchvision could not be imported"):
        blur(3)
