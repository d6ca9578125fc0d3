"""Errors of conventions that an adapter may have, each injected into its prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np


def transposed(predict, data):
    return predict(data).transpose(0, 2, 1)


def half_a_pixel(predict, data):
    return predict(data.moved(-0.5, -0.5))


def half_a_pixel_of_x(predict, data):
    return predict(data.moved(-0.5, 0.0))


def fft_scale(predict, data):
    return predict(data) * np.sqrt(data.probe.size)


def intensity(predict, data):
    return predict(data) ** 2


def conjugated(predict, data):
    return predict(replace(data, object=data.object.conj(), probe=data.probe.conj()))


def sign_of_y(predict, data):
    return predict(replace(data, y=data.object.shape[0] - data.y))


def swapped(predict, data):
    return predict(replace(data, x=data.y, y=data.x))


def zero_at_the_corner(predict, data):
    return np.fft.ifftshift(predict(data), axes=(1, 2))


def rounded(predict, data):
    return predict(replace(data, x=np.rint(data.x), y=np.rint(data.y)))


def snapped(predict, data):
    """P23: centres are rounded half to even, as if a window of even size were centred on a pixel."""
    return predict(replace(data, x=np.rint(data.x - 0.5) + 0.5, y=np.rint(data.y - 0.5) + 0.5))


ERRORS = {
    error.__name__: error
    for error in (
        transposed,
        half_a_pixel,
        half_a_pixel_of_x,
        fft_scale,
        intensity,
        conjugated,
        sign_of_y,
        swapped,
        zero_at_the_corner,
        rounded,
        snapped,
    )
}
