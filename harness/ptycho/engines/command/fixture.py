"""The fixture as a program reads it: in its own format, without the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.storage.npz import write_archive
from harness.ptycho.files.format import Written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

STEM = "fixture"
ANSWERS = ("Y",)
"""Arrays that no program is given: the ground-truth patches."""


NEEDED = frozenset({"diffraction", "x", "y"})
"""Parts of a fixture without which no program can reconstruct anything."""


def require_format(engine: str, name: str) -> None:
    """Require a format of this *name* that can be written, and holds patterns with their positions.

    Raises
    ------
    UsageError
        The message lists them.
    """
    from harness.ptycho.files.library import all_formats

    written = [form for form in all_formats() if form.write is not None]
    known = [form.name for form in written if form.holds >= NEEDED]
    if name not in known:
        raise UsageError(
            f"[tool.harness.engines] {engine}: fixture_format",
            expected=f"one of {', '.join(known)}",
            found=repr(name),
            remedy="Correct pyproject.toml.",
        )


def write_fixture(folder: Path, arrays: Mapping[str, np.ndarray], name: str) -> tuple[Path, tuple[str, ...]]:
    """Write a fixture's *arrays* into the new *folder*, in the format called *name*.

    Returns
    -------
    Path
        The new file.
    tuple of str
        What the format needed that the fixture does not have, and what it does not hold.

    Raises
    ------
    RefusedError
        The arrays lack what the format cannot be without.
    """
    from harness.ptycho.files.library import ARCHIVE, Options, all_formats, read_content

    folder.mkdir(parents=True)
    archive = folder / f"{STEM}.npz"
    write_archive(archive, {key: array for key, array in arrays.items() if key not in ANSWERS})
    if name == ARCHIVE:
        return archive, ()
    form = next(form for form in all_formats() if form.name == name)
    # The order of axes is named: with a flat object and as many patterns as pixels, no reader could see it.
    _, content = read_content(archive, Options(axes="nhw"))
    archive.unlink()
    target = folder / f"{STEM}{next(iter(form.suffixes), '')}"
    written = form.write(target, content) if form.write is not None else Written()
    lost = (f"{part}: not stored in {form.title}" for part in sorted(content.parts() - form.holds))
    return target, tuple(f"fixture in {name}: {note}" for note in (*written.assumed, *lost, *written.lost))
