"""Objects side by side as one picture, for people: amplitude and phase on common scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ZOOM, MARGIN, CAPTION = 2, 8, 16
"""Screen pixels: of an object's pixel, between panels, of a caption's height."""

TAILS = (0.5, 99.5)
"""Percentiles that become black and white: a few bright pixels must not darken the rest."""


def write_picture(path: Path, objects: Mapping[str, np.ndarray], mask: np.ndarray) -> None:
    """Write a .png with one column an object: its amplitude above its phase.

    Parameters
    ----------
    path : Path
    objects : mapping of str to (M, M') complex
        By caption. The first one sets both scales; phases are shown relative to their mean in *mask*.
    mask : (M, M') bool
        Where the scales are taken from, and outside of which panels are dimmed.
    """
    from PIL import Image, ImageDraw  # pillow comes with scikit-image

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
    sheet.save(path, optimize=True)


def _panels(objects: Mapping[str, np.ndarray], mask: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """Return every object's amplitude or phase as grey levels, (M, M') uint8, on the first one's scale."""
    values = {
        name: np.abs(obj) if kind == "amplitude" else _phase(obj, mask) for name, obj in objects.items()
    }
    low, high = np.percentile(next(iter(values.values()))[mask], TAILS)
    span = max(high - low, np.finfo(float).tiny)
    grey = {name: np.clip((value - low) / span, 0, 1) for name, value in values.items()}
    return {name: (255 * np.where(mask, g, 0.5 + (g - 0.5) / 4)).astype(np.uint8) for name, g in grey.items()}


def _phase(obj: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the phase in radians relative to the mean of the lit part, wrapped to -pi..pi."""
    return np.asarray(np.angle(obj * np.exp(-1j * np.angle(obj[mask].sum()))))
