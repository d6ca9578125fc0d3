"""What all modes of a probe predict together, to decide what a file does not say."""

from __future__ import annotations

import numpy as np

from harness.ptycho.scan.forward import amplitude, inside


def predicted_amplitude(
    probe: np.ndarray, obj: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray | None:
    """Return the amplitudes that all modes predict together, (N, H, W); None if one is outside.

    Parameters
    ----------
    probe : (modes, H, W) or (H, W) complex
    obj : (layers, M, M') or (M, M') complex
        Layers are taken as one plane, their product.
    x, y : (N,) float
        Patch centres in object pixels.

    Examples
    --------
    >>> light = predicted_amplitude(np.ones((2, 4, 4)), np.ones((8, 8)), np.array([4.0]), np.array([4.0]))
    >>> round(float(np.sum(light**2)))  # two modes of 16 each
    32
    """
    modes = probe.reshape(-1, *probe.shape[-2:])
    layers = obj.reshape(-1, *obj.shape[-2:])
    (height, width), (rows, columns) = modes.shape[1:], layers.shape[1:]
    if not (inside(x, width, columns) & inside(y, height, rows)).all():
        return None
    plane = np.prod(layers.astype(np.complex128), axis=0)
    light = np.sum([amplitude(mode, plane, x, y) ** 2 for mode in modes], axis=0)
    return np.asarray(np.sqrt(light))
