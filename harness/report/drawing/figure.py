"""A drawn figure: its bytes, and the words that stand beside it."""

from __future__ import annotations

import base64
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture for a page or a file.

    Attributes
    ----------
    title : str
        Not escaped: it may hold anything that a golden file's name holds. It is not part of the picture.
    data : bytes
    suffix : {".png", ".svg"}
    alt : str
        What is shown, with least and largest value; not escaped.
    width, height : int
        In CSS pixels.
    note : str
        What a reader should know: down-sampling, values that are not finite. Not escaped.

    Examples
    --------
    >>> Figure("probe", b"<svg/>", ".svg", "a picture", 320, 240).data_uri
    'data:image/svg+xml;base64,PHN2Zy8+'
    """

    title: str
    data: bytes
    suffix: str
    alt: str
    width: int
    height: int
    note: str = ""

    @property
    def data_uri(self) -> str:
        """The picture as an address that needs no network."""
        kind = "image/png" if self.suffix == ".png" else "image/svg+xml"
        return f"data:{kind};base64,{base64.b64encode(self.data).decode('ascii')}"
