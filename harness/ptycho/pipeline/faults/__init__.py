"""Faults of pipelines that really happened (P01 to P22), each as a small change that is undone afterwards.

Nothing here imports torch before a fault is made: the table is read by commands that do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.domain.interface import Fault
from harness.ptycho.pipeline.faults import assembly, learning, physics, reading

if TYPE_CHECKING:
    from harness.ptycho.pipeline.inject import Inject

NETWORKS = ("network", "network-halves")
EVERY = (*NETWORKS, "iterative", "iterative-halves")
WITH_TRUTH = ("network", "iterative")


def _fault(
    number: str, title: str, inject: Inject, pipelines: tuple[str, ...] = EVERY, *, quick: bool = False
) -> Fault:
    return Fault(number, title, "pipeline", inject, pipelines=pipelines, quick=quick)


PIPELINE_FAULTS = (
    _fault("P01", "sign of the subpixel shift flipped", physics.flipped_translation, quick=True),
    _fault("P02", "squared prediction compared with amplitude", physics.squared_prediction),
    _fault("P03", "a probe mask on by default", physics.masked_probe),
    _fault("P04", "probe never registered with the optimiser", learning.still_probe),
    _fault("P05", "probe divided twice by its scale", reading.scaled_twice),
    _fault("P06", "patches of a group stitched as if independent", assembly.independent_tiles),
    _fault("P07", "position offsets dropped at reassembly", assembly.dropped_offsets, quick=True),
    _fault("P08", "overlap merge normalised by the wrong mask", assembly.wrong_mask),
    _fault("P09", "centre of mass kept from the last file of several", reading.last_centre_of_mass),
    _fault("P10", "nominal positions used where true ones exist", reading.nominal_positions),
    _fault("P11", "inference with weights that were never loaded", learning.unloaded_weights, NETWORKS),
    _fault("P12", "metrics in a frame 2-3 px off", assembly.frame_off, WITH_TRUTH, quick=True),
    _fault("P13", "group size frozen at import", learning.frozen_gridsize),
    _fault("P14", "collapse to constant amplitude for one seed in three", assembly.collapse_by_seed),
    _fault("P15", "learning rate ten times too high", learning.learning_rate_too_high),
    _fault("P15b", "last epochs skipped", learning.last_epochs_skipped),
    _fault("P16", "scan-wise mean of patches", assembly.mean_of_patches),
    _fault("P17", "object update dead", learning.dead_object_update),
    _fault("P18", "batch statistics used at inference", learning.training_mode_at_inference, NETWORKS),
    _fault("P19", "positions rounded to whole pixels", reading.whole_pixels),
    _fault("P20", "diffraction stored as float16 on the way", reading.half_precision, quick=True),
    _fault("P21", "2 of 64 patterns dead", reading.dead_patterns),
    _fault("P22", "inference transposes what it reads", reading.transposed_at_inference, NETWORKS),
)
"""The faults of pipelines, in the catalogue's order."""
