"""The child's side of an engine that is a Python package: the handshake, then the reconstruction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from harness.core.domain.references import load_reference
from harness.core.storage.digest import digest_array
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.engines.handshake import require_handshake, shake_hands
from harness.ptycho.engines.packages.engine import (
    ANSWER_FILE,
    RESULT_FILE,
    TASK_FILE,
    EngineAnswer,
    EngineTask,
)
from harness.ptycho.engines.packages.settings import Cost, epochs_of
from harness.ptycho.engines.start import starting_point
from harness.ptycho.pipeline.configuration import make_configuration
from harness.ptycho.scan.residual import Dataset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.ptycho.pipeline.child_process import Task

READ_KEYS = ("diffraction", "probeGuess", "xcoords", "ycoords", "mask")
"""Arrays that the reconstruction depends on. Of the object, it knows only the shape."""


def main(task: Task) -> Mapping[str, str]:
    """Let the adapter predict, compare, and only then reconstruct.

    Returns the digests of the arrays that were read.

    Raises
    ------
    UsageError
        An option is unknown or out of range.
    RefusedError
        The prediction is not ours.
    """
    asked = msgspec.json.decode((task.output / TASK_FILE).read_bytes(), type=EngineTask)
    settings = make_configuration(load_reference(asked.adapter), asked.options)
    arrays = read_archive(task.fixture)
    data = Dataset.of(arrays)
    before = Cost.now()
    handshake = shake_hands(data, np.asarray(settings.predict(data)))
    cost = Cost.now() - before
    require_handshake(asked.engine, handshake)
    start = starting_point(data, settings.defocus)
    epochs = epochs_of(settings, asked.began, task.report_progress, spent=cost)
    obj, probe = settings.reconstruct(start, epochs)
    write_archive(task.output / RESULT_FILE, {"object": obj, "probe": probe, "start_probe": start.probe})
    answer = EngineAnswer(handshake._asdict(), _parameters(settings, epochs.done), cost._asdict())
    (task.output / ANSWER_FILE).write_bytes(msgspec.json.encode(answer))
    return {name: digest_array(arrays[name]) for name in READ_KEYS if name in arrays}


def _parameters(settings: Any, epochs: int) -> dict[str, Any]:
    """Return every setting, with the epochs that were really run."""
    return {**msgspec.structs.asdict(settings), "epochs": epochs}
