"""What kind of file this is, by its first bytes and not by its name, and how to make an .npz of it."""

from __future__ import annotations

import codecs
import shlex
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a doctest has it from here

HEAD_BYTES = 1024
"""How much of a file decides. MATLAB puts 512 bytes in front of the HDF5 that it writes."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_COLUMNS = "import numpy; a = numpy.genfromtxt({source!r}{options}); "


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file that is not an .npz archive.

    Attributes
    ----------
    name : str
        With its article, such as ``an HDF5 file``.
    program : str
        Python code that writes its arrays as an .npz archive, with places for ``source``, ``target`` and
        ``key``, the array's name where the file has none; empty if there is no general way.
    hint : str
        What to do if there is no program.
    """

    name: str
    program: str = ""
    hint: str = ""

    def remedy(self, path: Path) -> str:
        """Return how to convert the file at *path*, as a sentence with a command; empty if it is not known.

        >>> print(FileKind("a single .npy array", "print({key!r})").remedy(Path("images.npy")))
        It is not in a format that harness reads. Convert it: `python -c "print('images')"`
        """
        if not self.program:
            return self.hint
        target = path.with_suffix(".npz")
        if target == path:
            target = path.with_name(f"{path.stem}_converted.npz")
        code = self.program.format(source=str(path), target=str(target), key=path.stem)
        return f"It is not in a format that harness reads. Convert it: `python -c {_quoted(code)}`"


def _quoted(code: str) -> str:
    """Return *code* as one word of a shell, in double quotes where no sign has a meaning in them."""
    return shlex.quote(code) if set(code) & set('"$`\\!\n') else f'"{code}"'


_BY_NAME = (
    "numpy.savez({target!r}, **{{k: numpy.squeeze(v['real'] + 1j * v['imag'] if v.dtype.names else v){order} "
    "for k, v in ((k, f[k][()]) for k in f if hasattr(f[k], 'shape'))}})"
)
_H5PY = "import h5py, numpy; f = h5py.File({source!r}); "
_IMAGE = (
    "import imageio.v3, numpy; "
    "numpy.savez({target!r}, **{{{key!r}: imageio.v3.imread(open({source!r}, 'rb'))}})"
)

HDF5 = FileKind("an HDF5 file", _H5PY + _BY_NAME.replace("{order}", ""))
MATLAB_7_3 = FileKind("a MATLAB file of version 7.3 (HDF5)", _H5PY + _BY_NAME.replace("{order}", ".T"))
MATLAB_5 = FileKind(
    "a MATLAB file of version 5",
    "import numpy, scipy.io; f = scipy.io.loadmat({source!r}, squeeze_me=True); "
    "numpy.savez({target!r}, **{{k: v for k, v in f.items() if k[0] != '_'}})",
)
NPY = FileKind(
    "a single .npy array",
    "import numpy; numpy.savez({target!r}, **{{{key!r}: numpy.load({source!r})}})",
)
JSON = FileKind(
    "a JSON document",
    "import json, numpy; f = json.load(open({source!r})); f = f if isinstance(f, dict) else {{{key!r}: f}}; "
    "numpy.savez({target!r}, **{{k: numpy.array(v) for k, v in f.items()}})",
)
NUMBERS = FileKind(
    "a text file", _COLUMNS.replace("{options}", "") + "numpy.savez({target!r}, **{{{key!r}: a}})"
)
CSV = FileKind(
    "a text file of comma-separated values",
    _COLUMNS.replace("{options}", ", delimiter=','") + "numpy.savez({target!r}, **{{{key!r}: a}})",
)
NAMED_CSV = FileKind(
    "a text file of comma-separated values",
    _COLUMNS.replace("{options}", ", delimiter=',', names=True")
    + "numpy.savez({target!r}, **{{n: a[n] for n in a.dtype.names}})",
)
PICKLE = FileKind(
    "a pickle, which is never loaded because it can run code",
    hint="Load it where you trust it, and write its arrays with numpy.savez.",
)
PAGE = FileKind("an HTML page", hint="Download the file itself.")
PACKED = FileKind("a gzip archive", hint="Unpack it with `gunzip` first.")
PNG, TIFF, JPEG = (FileKind(f"a {name} image", _IMAGE) for name in ("PNG", "TIFF", "JPEG"))

_STARTS = (
    (b"MATLAB 7.3", MATLAB_7_3),
    (_HDF5, HDF5),
    (b"MATLAB 5.0", MATLAB_5),
    (b"\x93NUMPY", NPY),
    (b"\x89PNG", PNG),
    (b"II*\0", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0*", TIFF),
    (b"\xff\xd8\xff", JPEG),
    (b"\x1f\x8b", PACKED),
    *((bytes([0x80, protocol]), PICKLE) for protocol in range(2, 6)),
)


def kind_of(head: bytes) -> FileKind | None:
    r"""Return the kind of a file that begins with *head*, ``HEAD_BYTES`` of it; None if it is not known.

    Examples
    --------
    >>> kind_of(b"x, y\n1.0, 2.0\n").name
    'a text file of comma-separated values'
    """
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[512:].startswith(_HDF5):
        return HDF5
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> FileKind | None:
    try:
        # The last character of a part of a file may be cut off.
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return None
    text = text.lstrip("\ufeff \t\r\n")
    if not text or any(ord(sign) < ord(" ") and not sign.isspace() for sign in text):
        return None
    if text.startswith(("{", "[")):
        return JSON
    if text[:9].lower().startswith(("<!doctype", "<html")):
        return PAGE
    first = text.splitlines()[0]
    if "," not in first:
        return NUMBERS
    return CSV if _is_numbers(first) else NAMED_CSV


def _is_numbers(line: str) -> bool:
    try:
        [float(part) for part in line.split(",") if part.strip()]
    except ValueError:
        return False
    return True
