"""Keep the arrays of a PtychoPINN result: its own inference writes two pictures.

A project that tests PtychoPINN runs this as its ``export``, by the interpreter that has PtychoPINN:
``python ptychopinn_export.py MODEL SCAN RESULT IMAGES``. It calls PtychoPINN's functions, as its command line
does, and puts their canvas, whose centre is the mean of the positions, onto the canvas of the scan's object.
Tried with PtychoPINN's commit 712c23f.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ptycho.config.config import PyTorchExecutionConfig
from ptycho.raw_data import RawData
from ptycho_torch.config_factory import create_inference_payload
from ptycho_torch.inference import _run_inference_and_reconstruct
from ptycho_torch.workflows.components import load_inference_bundle_torch


def reconstruct(model: Path, scan: Path, images: int) -> np.ndarray:
    """Return PtychoPINN's canvas, (M, M) complex; its centre is the mean of the positions."""
    execution = PyTorchExecutionConfig(accelerator="cpu")
    payload = create_inference_payload(
        model_path=model,
        test_data_file=scan,
        output_dir=model / "export",
        overrides={"n_groups": images},
        execution_config=execution,
    )
    models, parameters = load_inference_bundle_torch(bundle_dir=model, model_name="diffraction_to_obj")
    amplitude, phase = _run_inference_and_reconstruct(
        models["diffraction_to_obj"],
        RawData.from_file(str(scan)),
        payload.tf_inference_config,
        execution,
        "cpu",
        quiet=True,
        intensity_scale=parameters.get("intensity_scale"),
    )
    return amplitude * np.exp(1j * phase)


def placed(canvas: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the canvas on another of this *shape*, with its centre at the mean of the positions."""
    found = np.full(shape, np.abs(canvas[canvas != 0]).mean(), np.complex64)
    rows, columns = np.nonzero(canvas)
    top, left = round(y.mean() - canvas.shape[0] / 2), round(x.mean() - canvas.shape[1] / 2)
    inside = (rows + top >= 0) & (rows + top < shape[0]) & (columns + left >= 0) & (columns + left < shape[1])
    rows, columns = rows[inside], columns[inside]
    found[rows + top, columns + left] = canvas[rows, columns]
    return found


def main(model: str, scan: str, result: str, images: str) -> None:
    """Write the object that a trained model makes of a scan."""
    canvas = reconstruct(Path(model), Path(scan), int(images))
    with np.load(scan) as data:
        x, y = (data[key][: int(images)] for key in ("xcoords", "ycoords"))
        np.savez(result, object=placed(canvas, x, y, data["objectGuess"].shape))


if __name__ == "__main__":
    main(*sys.argv[1:])
