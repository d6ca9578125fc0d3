"""All formats of the field: which one a file is of, by its content; reading, and writing as another."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.data_files import Conversion, DataFile, FileFormat
from harness.core.errors import UnreadableError, UsageError
from harness.core.fixtures.manifest import Source
from harness.core.storage.atomic import require_new
from harness.core.storage.digest import digest_source
from harness.core.system.file_kind import HEAD_BYTES, kind_of
from harness.ptycho.files import npz
from harness.ptycho.files.format import Format, Reading
from harness.ptycho.files.kind import kind_of_file
from harness.ptycho.files.reduce import CHOICES, reduced, require_single
from harness.ptycho.files.write import write_new
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.scan import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    import numpy as np

    from harness.ptycho.files.content import Content
    from harness.ptycho.scan.scan import Scan
ROOM = "harness.ptycho.files"

MODULES: Mapping[str, tuple[str, ...]] = {
    "zip": (
        "ptychodus.product",
        "ptychodus.diffraction",
        "ptychodus.slac",
        "canonical.npz",
        "ptychopinn",
        "canonical.torch_file",
        "canonical.zarr",
        "raw.datacube",
    ),
    "hdf5": (
        "cxi.cxi",
        "ptychodus.product",
        "ptychodus.diffraction",
        "ptychodus.training",
        "canonical.hdf5",
        "matlab.fold_slice",
        "raw.ptyd",
        "raw.datacube",
    ),
    "npy": ("raw.datacube",),
    "mat": ("matlab.fold_slice",),
    "folder": ("canonical.zarr", "raw.datacube"),
    "safetensors": ("canonical.safetensors",),
}
"""By kind of file (:mod:`harness.ptycho.files.kind`): modules with the formats that it may be of. The first
format that recognises a file has it."""

SAME_SIZE = 1e-6
"""Relative difference of two pixel sizes that are the same, but rounded."""

ARCHIVE = "npz"
"""Name of the format that the core reads itself."""


class Options(NamedTuple):
    """What a user adds to what a file says.

    Attributes
    ----------
    axes, step, rotation
        As in :class:`~harness.ptycho.files.format.Reading`.
    reduce : tuple of {"modes", "layers", "mask"}
        What is reduced to one, if there are several.
    join : Path or None
        A second file, whose positions, object and probe belong to the first one's patterns, or the reverse.
    pixel_size : float or None
        Size of an object pixel in metres, where the file does not say.
    """

    axes: str | None = None
    step: float | None = None
    rotation: float | None = None
    reduce: tuple[str, ...] = ()
    join: Path | None = None
    pixel_size: float | None = None

    @property
    def reading(self) -> Reading:
        """The part that concerns one file."""
        return Reading(axes=self.axes, step=self.step, rotation=self.rotation or 0.0)


class _Library:
    """The formats as the core knows them: see :class:`~harness.core.data_files.DataFiles`."""

    def formats(self) -> tuple[FileFormat, ...]:
        """Return the table of formats."""
        return tuple(
            FileFormat(form.name, form.title, form.suffixes, form.write is not None) for form in all_formats()
        )

    def format_of(self, path: Path) -> str | None:
        """Return the title of a file's format; None for the canonical .npz, which the core reads.

        HDF5 that is damaged, or of no known format, is refused here, where it is known what is wrong with it.
        """
        form = find_format(path)
        if form is None and kind_of_file(path) == "hdf5":
            _unknown(path)
        return None if form is None or form.name == ARCHIVE else form.title

    def read(self, path: Path, **options: Any) -> DataFile:
        """Return the arrays of a file in the form of the dataset contract, as far as it has them."""
        form, content = read_content(path, _options(options))
        require_single(path.name, content)
        arrays, notes = contract_form(arrays_of(content))
        return DataFile(form.title, arrays, (*content.transformations, *notes, *_left_out(content)))

    def convert(self, source: Path, target: Path, *, to: str | None, **options: Any) -> Conversion:
        """Write the content of *source* as *target*."""
        return convert(source, target, to=to, options=_options(options))


DATA_FILES = _Library()


def all_formats() -> tuple[Format, ...]:
    """Return every format once, in the order of :data:`MODULES`."""
    modules = dict.fromkeys(name for names in MODULES.values() for name in names)
    return tuple({form.name: form for name in modules for form in _formats_in(name)}.values())


def find_format(path: str | PathLike[str]) -> Format | None:
    """Return the format of a file or folder by its content; None if no format recognises it.

    Raises
    ------
    DependencyError
        A package is needed to look into it.
    """
    kind = kind_of_file(path)
    if kind is None:
        return None
    forms = (form for name in MODULES[kind] for form in _formats_in(name))
    return next((form for form in forms if form.recognise(Path(path))), None)


def read_content(path: str | PathLike[str], options: Options) -> tuple[Format, Content]:
    """Read a file of any format, joined and reduced as the *options* ask.

    Raises
    ------
    UnreadableError
        The file is missing, damaged, or of no known format.
    RefusedError
        Its arrays do not fit each other.
    UsageError
        An option is out of range.
    DependencyError
        A package is needed to read it.
    """
    _require_valid(options)
    form = find_format(path) or _unknown(path)
    other = None if options.join is None else find_format(options.join) or _unknown(options.join)
    _require_used(Path(path).name, options, *(one for one in (form, other) if one is not None))
    content = form.read(Path(path), options.reading)
    if other is not None and options.join is not None:
        from harness.ptycho.files.join import join

        content = join(content, other.read(options.join, options.reading))
    content = reduced(content, options.reduce)
    return form, _with_pixel_size(Path(path).name, content, options.pixel_size)


def read_scan(path: str | PathLike[str], options: Options) -> Scan:
    """Read a scan that has everything a fixture needs, from a file of any format.

    Raises
    ------
    HarnessError
        As :func:`read_content` and :func:`harness.ptycho.files.npz.read_scan`.
    """
    form = find_format(path)
    if form is None or form.name == ARCHIVE:
        _require_valid(options)
        return npz.read_scan(path, axes=options.axes)
    _, content = read_content(path, options)
    name = Path(path).name
    require_single(name, content)
    notes = (*content.transformations, *_left_out(content))
    source = Source(name, digest_source(path))
    return npz.scan_of_arrays(name, arrays_of(content), source=source, axes="nhw", transformations=notes)


def arrays_of(content: Content) -> dict[str, np.ndarray]:
    """Return the arrays of *content* under the keys of the dataset contract; of modes and layers, the first.

    Examples
    --------
    >>> import numpy as np
    >>> from harness.ptycho.files.content import Content
    >>> {key: array.shape for key, array in arrays_of(Content(probe=np.ones((1, 8, 8)))).items()}
    {'probeGuess': (8, 8)}
    """
    arrays = {field: getattr(content, field) for field in KEYS}
    single = {field: array[0] for field in ("object", "probe") if (array := arrays[field]) is not None}
    return {KEYS[field]: array for field, array in {**arrays, **single}.items() if array is not None}


def convert(source: Path, target: Path, *, to: str | None, options: Options) -> Conversion:
    """Write the content of one file as a new file of another format, and read that back.

    Parameters
    ----------
    source, target : Path
    to : str or None
        Name of the format; by default the only one of the target's suffix.
    options : Options

    Raises
    ------
    UsageError
        The target exists, its format is not known, or an option is out of range.
    HarnessError
        As :func:`read_content`; or the content lacks what the format cannot be without. Nothing is written.
    """
    require_new(target)
    form = _format_to_write(target, to)
    read, content = read_content(source, options)
    require_single(source.name, content, form.holds)
    if form.canonical:
        content = _in_contract_form(content)
    written, changed = write_new(target, form, content)
    lost = [f"{part}: not stored in {form.title}" for part in sorted(content.parts() - form.holds)]
    return Conversion(
        source=read.title,
        target=form.title,
        transformations=content.transformations,
        assumed=written.assumed,
        lost=(*lost, *written.lost, *_left_out(content)),
        changed=changed,
    )


def _options(given: Mapping[str, Any]) -> Options:
    return Options(**{name: value for name, value in given.items() if value is not None})


def _formats_in(name: str) -> tuple[Format, ...]:
    forms: tuple[Format, ...] = importlib.import_module(f"{ROOM}.{name}").FORMATS
    return forms


def _left_out(content: Content) -> Iterator[str]:
    """Yield a line for each: with the reason that its reader gives, or the name alone."""
    return (name if ": " in name else f"{name}: left out" for name in content.left_out)


def _require_valid(options: Options) -> None:
    npz.require_valid_axes(options.axes)
    for choice in options.reduce:
        if choice not in CHOICES:
            raise UsageError(
                "--reduce", expected=f"one of {', '.join(CHOICES)}", found=choice, remedy="Correct the word."
            )
    if options.rotation is not None and not math.isfinite(options.rotation):
        found = f"{options.rotation:g}"
        raise UsageError("--rotation", expected="an angle in degrees", found=found, remedy="Correct it.")
    for name in ("step", "pixel_size"):
        value = getattr(options, name)
        if value is not None and not 0 < value < math.inf:
            shown = f"--{name.replace('_', '-')}"
            raise UsageError(shown, expected="a number above 0", found=f"{value:g}", remedy="Correct it.")


def _require_used(name: str, options: Options, *forms: Format) -> None:
    """Refuse an option that no reader of these formats looks at.

    Raises
    ------
    UsageError
        The message names the first.
    """
    used = frozenset().union(*(form.uses for form in forms))
    for option in ("axes", "step", "rotation"):
        if getattr(options, option) is not None and option not in used:
            raise UsageError(
                f"--{option}",
                expected="a file of a format that it is for",
                found=forms[0].title,
                message=f"--{option} has no meaning for {name}, {forms[0].title}",
                remedy="Leave it out.",
            )


def _with_pixel_size(name: str, content: Content, size: float | None) -> Content:
    """Return the content with an object pixel of *size* metres, unless the file has its own.

    Raises
    ------
    UsageError
        The file has another.
    """
    own = content.geometry.object_pixel
    if size is None:
        return content
    if own is not None:
        if any(abs(side - size) > SAME_SIZE * size for side in own):
            found = f"{size:g}"
            expected = f"the size that {name} has, {own[1]:g} x {own[0]:g} m, or no option"
            raise UsageError("--pixel-size", expected=expected, found=found, remedy="Leave it out.")
        return content
    return replace(content, geometry=replace(content.geometry, object_pixel=(size, size)))


def _in_contract_form(content: Content) -> Content:
    """Return the content with its arrays scaled and rounded as the contract asks."""
    fields = {key: field for field, key in KEYS.items()}
    present = {KEYS[field]: array for field in KEYS if (array := getattr(content, field)) is not None}
    made, notes = contract_form(present)
    changed: dict[str, Any] = {fields[key]: array for key, array in made.items()}
    return replace(content, **changed).noted(*notes)


def _format_to_write(target: Path, name: str | None) -> Format:
    """Return the format called *name*, or else the only one that the target's suffix means."""
    written = [form for form in all_formats() if form.write is not None]
    fitting = [form for form in written if (form.name == name if name else target.suffix in form.suffixes)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(form.name for form in fitting or written)
    if name is not None:
        raise UsageError("--to", expected=f"one of {names}", found=name, remedy="Correct the name.")
    raise UsageError(
        str(target),
        expected="a suffix that means one format",
        found=f"{target.suffix!r}" if target.suffix else "none",
        remedy=f"Name the format: --to with one of {names}.",
    )


def _unknown(path: str | PathLike[str]) -> Format:
    """Raise the error for a file that no format recognises, by what it is instead."""
    place = Path(path)
    if kind_of_file(path) == "hdf5":
        from harness.ptycho.files.hdf5.reader import require_intact

        require_intact(path)
    if not (place.is_file() or place.is_dir()):
        found = "something that is not a regular file" if place.exists() else "no such file"
        raise UnreadableError(str(path), expected="a file", found=found, remedy="Correct the path.")
    raise UnreadableError(
        str(path),
        expected="a dataset in one of the formats of `harness convert --formats`",
        found=_what_it_is(place),
        remedy="Name its arrays as one of these formats does.",
    )


def _what_it_is(place: Path) -> str:
    if place.is_dir():
        return "a directory of other files"
    with place.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    known = kind_of(head)
    if head.startswith(b"PK"):
        return "an archive with other arrays"
    return f"{known.name} with other arrays" if known else "a file of another kind"
