"""A fixture is read as an experiment in natural units, or refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.core.errors import RefusedError, UnreadableError
from harness.core.storage.digest import digest_array
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import amplitude


@pytest.fixture
def data(small):
    return {key: np.array(value) for key, value in read_archive(small).items()}


def test_natural_units(small):
    """Measured amplitudes, and those of the probe behind a flat object, have a root mean square of 1."""
    e = read_experiment(small)
    assert e.amplitude.square().mean().item() == pytest.approx(1, abs=1e-5)
    flat = amplitude(e.probe, e.flat_object(), e.windows)
    assert flat.square().mean().item() == pytest.approx(1, abs=1e-4)


def test_natural_units_do_not_depend_on_the_dose(small, data, tmp_path):
    """Diffraction and probe scaled by the same factor give the same experiment."""
    path = tmp_path / "scaled.npz"
    write_archive(
        path, {**data, "diffraction": data["diffraction"] * 4, "probeGuess": data["probeGuess"] * 4}
    )
    scaled, plain = read_experiment(path), read_experiment(small)
    assert scaled.amplitude.equal(plain.amplitude)
    assert scaled.object_scale == pytest.approx(plain.object_scale)


def test_the_ground_truth_is_not_used(small, data, tmp_path):
    """Another object of the same shape under objectGuess gives the same experiment."""
    path = tmp_path / "other.npz"
    write_archive(path, {**data, "objectGuess": np.full_like(data["objectGuess"], 7)})
    other, plain = read_experiment(path), read_experiment(small)
    assert other.amplitude.equal(plain.amplitude)
    assert other.probe.equal(plain.probe)
    assert other.object_scale == plain.object_scale


def test_stored_object_and_probe(small, data):
    """A marked pixel of the canvas is at its place in the whole object, in stored units; so is the probe."""
    e = read_experiment(small)
    rows, columns = (slice(c, c + n) for c, n in zip(e.corner, e.windows.shape, strict=True))
    marked = e.flat_object()
    marked[3, 5] = 2
    whole = e.stored_object(marked)
    assert whole.shape == data["objectGuess"].shape
    assert whole[rows, columns][3, 5] == pytest.approx(2 * e.object_scale)
    assert e.stored_probe(e.probe) == pytest.approx(data["probeGuess"], rel=1e-5)


def test_inputs_are_the_digests_of_the_stored_arrays(small, data):
    """Of every array that is used, in its stored dtype. Of the object only the shape is used."""
    used = ("diffraction", "probeGuess", "xcoords", "ycoords")
    assert read_experiment(small).inputs == {key: digest_array(data[key]) for key in used}


@pytest.fixture(params=["one for all", "one for each"])
def masked(request, data, tmp_path):
    """A fixture whose mask excludes a tenth of the pixels, which hold garbage."""
    stack = data["diffraction"]
    shape = stack.shape[1:] if request.param == "one for all" else stack.shape
    mask = np.random.default_rng(0).random(shape) > 0.1
    garbage = np.resize(np.array([np.nan, 65535, -1], dtype=np.float32), stack.shape)
    path = tmp_path / "masked.npz"
    write_archive(path, {**data, "diffraction": np.where(mask, stack, garbage), "mask": mask})
    return path, mask


def test_without_a_mask_every_pixel_counts(small):
    assert read_experiment(small).mask is None


def test_a_mask_has_the_amplitudes_order_of_pixels(masked, data):
    """1 where a pixel counts, the zero frequency at the corner; elsewhere, amplitudes are 0."""
    path, mask = masked
    e = read_experiment(path)
    assert e.mask.dtype == e.amplitude.dtype
    np.testing.assert_array_equal(np.fft.fftshift(e.mask.numpy(), axes=(-2, -1)), mask)
    assert (e.amplitude * (1 - e.mask)).abs().max().item() == 0
    stored = np.where(mask, data["diffraction"], 0)
    shifted = np.fft.fftshift(e.amplitude.numpy(), axes=(1, 2))
    np.testing.assert_allclose(shifted * e.object_scale * e.probe_scale, stored, rtol=1e-5, atol=1e-6)


def test_the_mean_square_is_that_of_the_pixels_that_count(masked):
    """So the scale of the object does not depend on how many pixels are masked."""
    e = read_experiment(masked[0])
    pixels = np.broadcast_to(e.mask.numpy(), e.amplitude.shape).sum()
    assert e.amplitude.square().sum().item() / pixels == pytest.approx(1, abs=1e-5)


def test_a_pixel_that_does_not_count_has_no_excess(masked):
    """Whatever is predicted there; elsewhere it has predicted minus measured, also of some positions."""
    e = read_experiment(masked[0])
    some = torch.tensor([5, 2])
    predicted = torch.full_like(e.amplitude, 7.0)
    expected = torch.where(e.mask.bool().expand(predicted.shape), predicted - e.amplitude, 0.0)
    torch.testing.assert_close(e.excess(predicted), expected, rtol=0, atol=0)
    torch.testing.assert_close(e.excess(predicted[some], some), expected[some], rtol=0, atol=0)


def test_the_digest_of_the_mask_is_among_the_inputs(masked):
    path, mask = masked
    assert read_experiment(path).inputs["mask"] == digest_array(mask)


@pytest.mark.parametrize(
    "mask", [np.ones((64, 64), np.uint8), np.ones((64, 63), bool), np.zeros((64, 64), bool)]
)
def test_an_unusable_mask_is_refused(data, tmp_path, mask):
    """Wrong dtype, wrong shape, nothing that counts: the error names the command that has details."""
    path = tmp_path / "broken.npz"
    write_archive(path, {**data, "mask": mask})
    with pytest.raises(RefusedError, match="harness check"):
        read_experiment(path)


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
def test_a_broken_dataset_is_refused(data, tmp_path, key, change):
    """A missing key, a wrong shape, zeros, NaN and a patch outside the object: the error names the file."""
    data = {**data, key: change(data[key])} if change else {k: v for k, v in data.items() if k != key}
    write_archive(tmp_path / "broken.npz", data)
    with pytest.raises(RefusedError, match=r"broken\.npz"):
        read_experiment(tmp_path / "broken.npz")


def test_a_file_that_is_not_an_archive_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(UnreadableError):
        read_experiment(tmp_path / "text.npz")
