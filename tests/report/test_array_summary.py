"""Lines for ``git diff``: a line for each array, which changes only with its own array."""

from __future__ import annotations

from dataclasses import replace

from harness.core.fixtures.summary import ArraySummary
from harness.core.storage.lfs import Pointer
from harness.report.array_summary import array_lines, pointer_lines

IMAGE = ArraySummary(
    name="image", shape=(2, 3), dtype="float32", digest="xxh128:0a", minimum=0.0, maximum=5.0, mean=2.5
)
PHASE = ArraySummary(
    name="phase",
    shape=(2,),
    dtype="complex128",
    digest="xxh128:0b",
    minimum=5.0,
    maximum=5.0,
    mean=5.0,
    nan=1,
    infinite=2,
    magnitude=True,
)


def test_a_line_for_each_array():
    """Name, dtype, shape, range and digest in columns; then what is special about the array."""
    assert array_lines([IMAGE, PHASE]) == [
        (
            "image             float32     (2, 3)          min 0.0             max 5.0             "
            "mean 2.5             xxh128:0a"
        ),
        (
            "phase             complex128  (2,)            min 5.0             max 5.0             "
            "mean 5.0             xxh128:0b  of magnitude  1 NaN  2 infinite"
        ),
    ]


def test_an_array_without_a_range():
    """A dash for each of minimum, maximum and mean."""
    (line,) = array_lines([ArraySummary(name="words", shape=(), dtype="str32", digest="xxh128:0c")])
    assert line.split() == ["words", "str32", "()", "min", "-", "max", "-", "mean", "-", "xxh128:0c"]


def test_what_is_special_comes_last():
    """Each remark only where it applies."""
    real = replace(PHASE, magnitude=False)
    whole = replace(PHASE, nan=0, infinite=0)
    endings = [line.partition("xxh128:0b")[2] for line in array_lines([real, whole])]
    assert endings == ["  1 NaN  2 infinite", "  of magnitude"]


def test_no_arrays():
    """An empty archive has one line as well, so that a diff shows it."""
    assert array_lines([]) == ["no arrays"]


def test_another_array_changes_no_line():
    """Columns have fixed widths: a longer name, shape or number moves only its own line."""
    long = ArraySummary(
        name="c" * 60, shape=(10, 20, 30, 40), dtype="float64", digest="xxh128:0d", minimum=-1.2345678901e-300
    )
    assert array_lines([long, IMAGE])[1] == array_lines([PHASE, IMAGE])[1]
    assert array_lines([long, IMAGE])[0].startswith("c" * 60 + "  float64")


def test_names_cannot_forge_lines():
    """Line breaks and terminal codes in a name are escaped."""
    (line,) = array_lines([ArraySummary(name="x\n\x1b[31my", shape=(1,), dtype="int8", digest="xxh128:0")])
    assert line.startswith("x\\n\\x1b[31my ")


def test_a_git_lfs_pointer():
    """The command that downloads the file; digest and size on their own lines, for a diff."""
    assert pointer_lines(Pointer("sha256:0af", 12)) == [
        "a Git LFS pointer; download the file with `git lfs pull`",
        "digest sha256:0af",
        "size 12 bytes",
    ]
    assert pointer_lines(Pointer(None, None))[1:] == ["digest unknown", "size unknown"]
