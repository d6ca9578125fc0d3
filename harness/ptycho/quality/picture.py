"""Draw objects side by side in one picture: amplitude and phase on common scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ZOOM, MARGIN, CAPTION = 2, 8, 16
"""Screen pixels: side of an object's pixel, gap between panels, height of a caption."""

TAILS = (0.5, 99.5)
"""Percentiles drawn black and white, so that a few bright pixels do not darken the rest."""


def write_picture(path: Path, objects: Mapping[str, np.ndarray], mask: np.ndarray) -> None:
    """Write a .png with one column per object: its amplitude above its phase.

    Parameters
    ----------
    path : Path
    objects : mapping of str to (M, M') complex
        By caption. The first one sets both scales; phases are shown relative to their mean in *mask*.
    mask : (M, M') bool
        The scales are taken inside it, and panels are dimmed outside.

    Raises
    ------
    ImportError
        Pillow, which comes with scikit-image, is not installed.
    """
    from PIL import Image, ImageDraw  # slow to import

    rows, columns = (ZOOM * size for size in mask.shape)
    width = (columns + MARGIN) * len(objects) + MARGIN
    sheet = Image.new("L", (width, 2 * (rows + MARGIN + CAPTION) + MARGIN), 255)
    draw = ImageDraw.Draw(sheet)
    for line, kind in enumerate(("amplitude", "phase")):
        panels = _panels(objects, mask, kind)
        top = MARGIN + line * (rows + MARGIN + CAPTION)
        for number, (name, panel) in enumerate(panels.items()):
            left = MARGIN + number * (columns + MARGIN)
            draw.text((left, top), f"{name}: {kind}", fill=0)
            image = Image.fromarray(panel).resize((columns, rows), Image.Resampling.NEAREST)
            sheet.paste(image, (left, top + CAPTION))
    sheet.save(path, compress_level=4)  # 9 takes eight times as long, for 3 % of the bytes


def _panels(objects: Mapping[str, np.ndarray], mask: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """Return each object's amplitude or phase as grey levels, (M, M') uint8, on the first one's scale."""
    values = {
        name: np.abs(obj) if kind == "amplitude" else _phase(obj, mask) for name, obj in objects.items()
    }
    low, high = np.percentile(next(iter(values.values()))[mask], TAILS)
    span = max(high - low, np.finfo(float).tiny)
    grey = {name: np.clip((value - low) / span, 0, 1) for name, value in values.items()}
    return {name: (255 * np.where(mask, g, 0.5 + (g - 0.5) / 4)).astype(np.uint8) for name, g in grey.items()}


def _phase(obj: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the phase in radians relative to its mean inside *mask*, wrapped to -pi .. pi."""
    return np.asarray(np.angle(obj * np.exp(-1j * np.angle(obj[mask].sum()))))
