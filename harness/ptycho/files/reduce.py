"""Several modes, layers or masks reduced to one: only when asked, and with what that leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import RefusedError
from harness.ptycho.files.content import LAYERS, MASKS, MODES, Content

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

CHOICES = ("modes", "layers", "mask")
"""What can be reduced, as typed for ``--reduce``."""

_PART = {"modes": MODES, "layers": LAYERS, "mask": MASKS}
_WHAT = {
    MODES: "one mode of the probe",
    LAYERS: "one layer of the object",
    MASKS: "one mask for all patterns",
}


def reduced(content: Content, choices: Collection[str]) -> Content:
    """Return *content* with one mode, layer or mask where that is asked for and there are several.

    Parameters
    ----------
    content : Content
    choices : collection of {"modes", "layers", "mask"}
        modes: the strongest mode of the probe; the light of the others is lost. layers: the product of all,
        as if they lay in one plane. mask: a pixel counts where it counts in every pattern.

    Examples
    --------
    >>> made = reduced(Content(probe=np.array([[[1.0]], [[3.0]]])), ["modes"])
    >>> made.probe.shape, made.transformations
    ((1, 1, 1), ('probeGuess: mode 2 of 2 kept, with 90.0 % of the light',))
    """
    several = content.parts()
    for choice in CHOICES:
        if choice in choices and _PART[choice] in several:
            content = _REDUCED[choice](content)
    return content


def require_single(name: str, content: Content, held: Collection[str] = ()) -> None:
    """Refuse several modes, layers or masks, except those that are *held* by what they are for.

    Raises
    ------
    RefusedError
        The message says which, and how to reduce them.
    """
    several = content.parts()
    for choice, part in _PART.items():
        if part in several and part not in held:
            raise RefusedError(
                f"{name}: {choice}",
                expected=_WHAT[part],
                found=_found(content, part),
                remedy=f"Reduce them with `--reduce {choice}`, which says what is lost.",
            )


def _found(content: Content, part: str) -> str:
    arrays = {MODES: content.probe, LAYERS: content.object, MASKS: content.mask}
    array = arrays[part]
    return f"{len(array)}" if array is not None else "none"


def _one_mode(content: Content) -> Content:
    probe = _array(content.probe)
    light = np.sum(np.abs(probe.astype(np.complex128)) ** 2, axis=(1, 2))
    best = int(np.argmax(light))
    share = light[best] / light.sum() if light.sum() > 0 else 1.0
    note = f"probeGuess: mode {best + 1} of {len(probe)} kept, with {share:.1%} of the light"
    return replace(content, probe=probe[best : best + 1]).noted(note.replace("%", " %"))


def _one_layer(content: Content) -> Content:
    layers = _array(content.object)
    product = np.prod(layers.astype(np.complex128), axis=0)[np.newaxis].astype(layers.dtype)
    return replace(content, object=product).noted(f"objectGuess: product of {len(layers)} layers")


def _one_mask(content: Content) -> Content:
    masks = _array(content.mask)
    common = np.asarray(masks.all(axis=0))
    note = f"mask: of {len(masks)} masks, pixels that count in all"
    cut = content.diffraction * common if content.diffraction is not None else None
    return replace(content, mask=common, diffraction=cut).noted(note)


def _array(array: np.ndarray | None) -> np.ndarray:
    if array is None:  # what has several is there
        raise TypeError
    return array


_REDUCED: dict[str, Callable[[Content], Content]] = {
    "modes": _one_mode,
    "layers": _one_layer,
    "mask": _one_mask,
}
