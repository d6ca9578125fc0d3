"""An engine whose prediction is not ours is refused, with both figures, whatever its conventions are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ptycho.engines.conventions import ERRORS

from harness.core.errors import RefusedError
from harness.ptycho.engines.handshake import predict_by_moved_probe, require_handshake, shake_hands
from harness.ptycho.scan.forward import residual
from harness.ptycho.scan.residual import Dataset


def own_model(data):
    return data.predict()


def interpolated(data, error=0.005):
    """What a code predicts that interpolates in another way: half a percent off, at random."""
    own = data.predict()
    noise = np.random.default_rng(0).normal(size=own.shape)
    return own + error * np.linalg.norm(own) / np.linalg.norm(noise) * noise


@pytest.fixture(scope="session")
def noisy(small_arrays):
    """Patterns of so few photons that half a pixel hardly changes the residual."""
    amplitude = small_arrays["diffraction"]
    counts = np.random.default_rng(1).poisson(amplitude**2 / np.max(amplitude**2) * 20)
    return Dataset.of({**small_arrays, "diffraction": np.sqrt(counts)})


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("photons", ["many", "few"])
def test_every_error_of_conventions_is_refused(data, noisy, error, photons):
    asked = data if photons == "many" else noisy

    with pytest.raises(RefusedError, match="engine 'theirs' predicts other diffraction"):
        require_handshake("theirs", shake_hands(asked, error(own_model, asked)))


def test_in_noisy_data_it_is_the_prediction_that_tells(noisy):
    found = shake_hands(noisy, ERRORS["half_a_pixel"](own_model, noisy))

    assert abs(found.residual / found.own_residual - 1) < 0.05
    with pytest.raises(RefusedError, match="the two predictions differ by"):
        require_handshake("theirs", found)


def test_the_message_has_both_figures_and_says_that_nothing_ran(data):
    found = shake_hands(data, ERRORS["transposed"](own_model, data))

    with pytest.raises(RefusedError) as caught:
        require_handshake("theirs", found)

    assert f"its residual is {found.residual:.4g}, ours is {found.own_residual:.4g}" in str(caught.value)
    assert "Nothing was reconstructed." in str(caught.value)


def test_a_scale_is_refused_by_name(data):
    with pytest.raises(RefusedError, match="its scale is"):
        require_handshake("theirs", shake_hands(data, 2 * data.predict()))


def test_our_own_model_and_another_interpolation_are_accepted(data):
    for predicted in (data.predict(), data.predict().astype(np.float32), interpolated(data)):
        require_handshake("theirs", shake_hands(data, predicted))


@pytest.mark.parametrize("whole", [np.rint, np.floor])
def test_a_code_that_moves_the_probe_and_not_the_patch_is_accepted_in_small_windows(data, whole):
    found = shake_hands(data, predict_by_moved_probe(data, whole))

    require_handshake("theirs", found)
    assert found.difference < 1e-12
    assert residual(predict_by_moved_probe(data, whole), data.predict()) > 0.01


def test_where_our_residual_is_zero_another_interpolation_is_accepted_and_half_a_pixel_is_not(data):
    clean = replace(data, diffraction=data.predict())

    require_handshake("theirs", shake_hands(clean, interpolated(clean)))
    with pytest.raises(RefusedError):
        require_handshake("theirs", shake_hands(clean, ERRORS["half_a_pixel"](own_model, clean)))


@pytest.mark.parametrize(("factor", "accepted"), [(1.04, True), (1.06, False), (0.96, True), (0.94, False)])
def test_five_percent_are_allowed(data, factor, accepted):
    found = shake_hands(data, data.predict())._replace(own_residual=0.5, residual=0.5 * factor)

    if accepted:
        require_handshake("theirs", found)
    else:
        with pytest.raises(RefusedError, match="its residual is"):
            require_handshake("theirs", found)


def test_nan_is_refused(data):
    with pytest.raises(RefusedError):
        require_handshake("theirs", shake_hands(data, np.full(data.diffraction.shape, np.nan)))


def test_another_shape_is_refused(data):
    with pytest.raises(RefusedError, match=r"a prediction of shape \(16, 32, 32\)"):
        shake_hands(data, data.predict()[:, :, :-1])


def test_pixels_that_do_not_count_are_not_compared(data):
    mask = np.ones(data.probe.shape, dtype=bool)
    mask[:, 3] = False
    masked = replace(data, mask=mask, diffraction=np.where(mask, data.diffraction, 0))
    predicted = np.where(mask, data.predict(), 1e6)

    require_handshake("theirs", shake_hands(masked, predicted))
