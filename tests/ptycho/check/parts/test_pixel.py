"""Broken pixels are found alone among all others, named with their places, and masked exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from second_simulator import UNUSUAL, Variant, drawn_variant, make_scan
from second_simulator.faults import FAULTS

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts import pixel
from harness.ptycho.check.search import chosen
from harness.ptycho.check.trial import Trial, execute
from harness.ptycho.scan.residual import Dataset

BY_NAME = {fault.name: fault for fault in FAULTS if fault.part == "pixel"}
SAYS = {
    "one hot pixel": "1 hot pixel (row",
    "twelve hot pixels": "12 hot pixels (row",
    "a flickering pixel": "1 flickering pixel (row",
    "dead rows": "2 dead rows (",
    "a dead column": "1 dead column (",
    "gaps without a mask": "2 dead rows",
    "a beam stop without a mask": "a disc of 21 dead pixels around the centre",
    "a constant background": "a constant background (0.09",
    "a background of its own for each pixel": "a background of its own for each pixel (0.0",
    "read noise": "read noise of 3",
    "uneven gain": "20.0% more than the right one",
}


def trials_of(arrays) -> list[Trial]:
    """Return the trials of all corrections of pixels."""
    evidence = Evidence.of(Dataset.of(arrays))
    found = [execute(one, evidence) for one in pixel.quick(evidence)]
    return [trial for trial in found if trial is not None and trial.is_accepted]


def best_of(arrays) -> Trial:
    """Return the trial that is reported."""
    found = chosen(trials_of(arrays))
    assert found is not None
    return found


@pytest.mark.parametrize("photons", [1e4, 1e6])
@pytest.mark.parametrize("name", SAYS)
def test_every_fault_of_pixels_is_named_and_its_remedy_reaches_the_noise(name, photons):
    """After the remedy, executed, the excess is less than the noise."""
    fault = BY_NAME[name]
    found = best_of(fault.of(make_scan(replace(fault.variant(Variant()), photons=photons), 0), 0))
    assert SAYS[name] in found.correction.name
    assert found.after.excess < found.after.floor**2
    assert found.share > 0.8


def test_the_mask_excludes_the_broken_pixels_and_no_other():
    sound = make_scan(Variant(photons=1e4), 3)
    stack = sound["diffraction"].copy()
    stack[:, 5, 7] = stack[:, 40, 41] = 0.4 * stack.max()
    found = best_of({**sound, "diffraction": stack})
    mask = found.correction.apply(Dataset.of({**sound, "diffraction": stack})).mask
    assert np.argwhere(~mask).tolist() == [[5, 7], [40, 41]]
    assert found.correction.remedy == "Store a mask (H, W) that excludes them: 2 of 2304 pixels."


def test_a_mask_for_each_pattern_stays_and_excludes_the_pixel_as_well():
    sound = make_scan(Variant(mask="patterns"), 3)
    stack = sound["diffraction"].copy()
    stack[:, 5, 7] = 0.4 * stack.max()
    data = Dataset.of({**sound, "diffraction": stack})
    mask = best_of({**sound, "diffraction": stack}).correction.apply(data).mask
    expected = sound["mask"].copy()
    expected[:, 5, 7] = False
    assert np.array_equal(expected, mask)


@pytest.mark.parametrize("kind", ["gaps", "stop"])
def test_gaps_and_a_beam_stop_are_sound_with_their_mask_and_named_without(kind):
    masked = make_scan(Variant("spokes", "snake", (48, 48), 49, 1e5, mask=kind), 1)
    without = {key: value for key, value in masked.items() if key != "mask"}
    assert not trials_of(masked)
    found = best_of(without)
    excluded = ~found.correction.apply(Dataset.of(without)).mask
    # In the dark, a pixel that is covered is as good as one that is not.
    assert not (excluded & masked["mask"]).any()
    assert found.after.excess < found.after.floor**2


def test_what_happens_in_one_pattern_is_not_a_pixels_fault():
    sound = make_scan(Variant(), 2)
    stack = sound["diffraction"].copy()
    stack[3, 10, 10:14] = 0.9 * stack.max()
    assert not trials_of({**sound, "diffraction": stack})


def test_positions_that_are_off_are_not_blamed_on_pixels():
    sound = make_scan(Variant(), 2)
    assert not trials_of({**sound, "xcoords": sound["xcoords"] + 1.0})


@pytest.mark.parametrize("name", ["small particle in vacuum", "50 photons", "a mask for each pattern"])
def test_unusual_sound_scans_gain_nothing(name):
    assert not trials_of(make_scan(UNUSUAL[name], 0))


@pytest.mark.parametrize("seed", range(8))
def test_drawn_sound_scans_gain_nothing(seed):
    variant = drawn_variant(seed)
    assert not trials_of(make_scan(replace(variant, positions=min(variant.positions, 64)), seed))


def test_partly_coherent_light_is_not_a_background():
    assert not trials_of(make_scan(Variant(incoherent=0.02), 1))


def test_a_measured_scan_gains_nothing(star):
    data = Dataset(star.diffraction, star.probe, star.object, star.x, star.y)
    evidence = Evidence.of(data)
    found = [execute(one, evidence) for one in pixel.quick(evidence)]
    assert not any(trial.is_accepted for trial in found if trial is not None)


def test_dark_data_have_no_broken_pixels():
    sound = make_scan(Variant(), 2)
    assert not trials_of({**sound, "diffraction": np.zeros_like(sound["diffraction"])})
    assert not list(pixel.blind(Dataset.of(sound)))
