"""Bugs of ptychography pipelines that really happened (P01 to P23), each as a change that can be undone.

Commands list these faults without torch, so nothing here imports it before a fault is injected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.domain.interface import Fault
from harness.ptycho.pipeline.faults import data_loading, forward_model, reassembly, training

if TYPE_CHECKING:
    from harness.ptycho.pipeline.inject import Inject

NETWORKS = ("network", "network-halves")
QUASI_NEWTON = ("quasi-newton", "quasi-newton-halves")
WITH_BATCHES = (*NETWORKS, "iterative", "iterative-halves")
ALL_PIPELINES = (*WITH_BATCHES, *QUASI_NEWTON)
WITH_TRUTH = ("network", "iterative", "quasi-newton")


def _fault(
    number: str,
    title: str,
    inject: Inject,
    pipelines: tuple[str, ...] = ALL_PIPELINES,
    *,
    quick: bool = False,
) -> Fault:
    return Fault(number, title, "pipeline", inject, pipelines=pipelines, quick=quick)


PIPELINE_FAULTS = (
    _fault("P01", "sign of the subpixel shift flipped", forward_model.flipped_translation, quick=True),
    _fault("P02", "squared prediction compared with amplitude", forward_model.squared_prediction),
    _fault("P03", "a probe mask on by default", forward_model.masked_probe),
    _fault("P04", "probe never registered with the optimiser", training.fixed_probe),
    _fault("P05", "probe divided twice by its scale", data_loading.scaled_twice),
    _fault("P06", "patches of a group stitched as if independent", reassembly.independent_tiles),
    _fault("P07", "position offsets dropped at reassembly", reassembly.dropped_offsets, quick=True),
    _fault("P08", "overlap merge normalised by the wrong mask", reassembly.wrong_mask),
    _fault("P09", "centre of mass kept from the last file of several", data_loading.last_centre_of_mass),
    _fault("P10", "nominal positions used where true ones exist", data_loading.nominal_positions),
    _fault("P11", "inference with weights that were never loaded", training.unloaded_weights, NETWORKS),
    _fault("P12", "metrics in a frame 2-3 px off", reassembly.shifted_comparison, WITH_TRUTH, quick=True),
    _fault("P13", "group size frozen at import", training.frozen_gridsize, WITH_BATCHES),
    _fault("P14", "collapse to constant amplitude for one seed in three", reassembly.collapse_by_seed),
    _fault("P15", "learning rate ten times too high", training.learning_rate_too_high, WITH_BATCHES),
    _fault("P15b", "last epochs skipped", training.last_epochs_skipped),
    _fault("P16", "scan-wise mean of patches", reassembly.mean_of_patches),
    _fault("P17", "object update dead", training.dead_object_update),
    _fault("P18", "batch statistics used at inference", training.training_mode_at_inference, NETWORKS),
    _fault("P19", "positions rounded to whole pixels", data_loading.whole_pixels),
    _fault("P20", "diffraction stored as float16 on the way", data_loading.half_precision, quick=True),
    _fault("P21", "2 of 64 patterns dead", data_loading.dead_patterns),
    _fault("P22", "inference transposes what it reads", data_loading.transposed_at_inference, NETWORKS),
    _fault("P23", "windows rounded half to even", data_loading.half_pixel_snapping),
)
"""The pipelines' faults, in the order of the catalogue."""
