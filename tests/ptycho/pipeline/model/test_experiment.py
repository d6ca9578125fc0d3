"""A fixture becomes an experiment in natural units, or is refused."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import RefusedError, UnreadableError
from harness.core.storage.digest import digest_array
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import amplitude


@pytest.fixture
def data(small):
    return {key: np.array(value) for key, value in read_archive(small).items()}


def test_natural_units(small):
    """Amplitudes, and the far field of the probe behind the flat start, have a root mean square of 1."""
    e = read_experiment(small)
    assert e.amplitude.square().mean().item() == pytest.approx(1, abs=1e-5)
    flat = amplitude(e.probe, e.flat(), e.windows)
    assert flat.square().mean().item() == pytest.approx(1, abs=1e-4)


def test_units_do_not_depend_on_the_dose(small, data, tmp_path):
    """Diffraction and probe scaled together, as from_scan does, give the same experiment."""
    path = tmp_path / "scaled.npz"
    write_archive(
        path, {**data, "diffraction": data["diffraction"] * 4, "probeGuess": data["probeGuess"] * 4}
    )
    scaled, plain = read_experiment(path), read_experiment(small)
    assert scaled.amplitude.equal(plain.amplitude)
    assert scaled.transmission == pytest.approx(plain.transmission)


def test_the_truth_is_not_read(small, data, tmp_path):
    """Another object of the same shape under objectGuess gives the same experiment: no truth leaks in."""
    path = tmp_path / "other.npz"
    write_archive(path, {**data, "objectGuess": np.full_like(data["objectGuess"], 7)})
    other, plain = read_experiment(path), read_experiment(small)
    assert other.amplitude.equal(plain.amplitude)
    assert other.probe.equal(plain.probe)
    assert other.transmission == plain.transmission


def test_stored_units_and_frame(small, data):
    """The stored truth, cut to the canvas and stored again, comes back where the scan saw it."""
    e = read_experiment(small)
    rows, columns = (slice(c, c + n) for c, n in zip(e.corner, e.windows.shape, strict=True))
    marked = e.flat()
    marked[3, 5] = 2
    whole = e.stored_object(marked)
    assert whole.shape == data["objectGuess"].shape
    assert whole[rows, columns][3, 5] == pytest.approx(2 * e.transmission)
    assert e.stored_probe(e.probe) == pytest.approx(data["probeGuess"], rel=1e-5)


def test_what_was_read_has_the_digests_of_what_is_stored(small, data):
    """Every array that the computation takes, in its stored dtype; of the object it takes the shape alone."""
    used = ("diffraction", "probeGuess", "xcoords", "ycoords")
    assert read_experiment(small).inputs == {key: digest_array(data[key]) for key in used}


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("probeGuess", None),
        ("diffraction", lambda a: a[:, :, :-2]),
        ("diffraction", np.zeros_like),
        ("diffraction", lambda a: np.where(a == a.max(), np.nan, a)),
        ("probeGuess", np.zeros_like),
        ("xcoords", lambda a: a[:-1]),
        ("ycoords", lambda a: a + 1000),
    ],
)
def test_refused(data, tmp_path, key, change):
    """A missing key, a wrong shape, no light, NaN and a patch outside the object are refused by file name."""
    data = {**data, key: change(data[key])} if change else {k: v for k, v in data.items() if k != key}
    write_archive(tmp_path / "broken.npz", data)
    with pytest.raises(RefusedError, match=r"broken\.npz"):
        read_experiment(tmp_path / "broken.npz")


def test_unreadable(tmp_path):
    """A file that is no archive is refused as such."""
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(UnreadableError):
        read_experiment(tmp_path / "text.npz")
