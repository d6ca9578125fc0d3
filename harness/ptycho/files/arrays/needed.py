"""What a writer cannot be without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.ptycho.files.content import Content

_WORDS = {
    "diffraction": "patterns",
    "x": "positions",
    "y": "positions",
    "object": "an object",
    "probe": "a probe",
}


def require_parts(content: Content, parts: Iterable[str], title: str) -> None:
    """Refuse a content without the parts that a format needs.

    Parameters
    ----------
    content : Content
    parts : iterable of str
        Names of its fields.
    title : str
        The format with its article.

    Examples
    --------
    >>> from harness.ptycho.files.content import Content
    >>> require_parts(Content(), ["probe"], "a ptychodus product")
    Traceback (most recent call last):
        ...
    harness.core.errors.RefusedError: a ptychodus product needs a probe. Convert a file that has it.
    """
    for part in parts:
        if getattr(content, part) is None:
            words = _WORDS.get(part, part)
            raise RefusedError(
                part,
                expected=words,
                found="none",
                message=f"{title} needs {words}",
                remedy=f"Convert a file that has {'them' if words.endswith('s') else 'it'}.",
            )
