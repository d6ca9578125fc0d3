"""The pytest fixture ``arrays_regression``: what a test computed against its golden arrays.

The test is the generator of record: when arrays are recorded, it runs again in two new pytest processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.containers.flatten import flatten
from harness.core.containers.tolerances import tolerances_by_array
from harness.core.errors import GoldenMissingError, UsageError
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.fixtures.tolerance import DefaultTolerance, Tolerance, read_tolerances
from harness.core.storage.names import require_golden_name
from harness.plugin.fixture_check import FixtureRegression
from harness.plugin.node_names import (
    golden_name,
    missing_variant,
    node_id,
    require_plain_name,
    variant_name,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    import pytest

    from harness.core.containers.flatten import Flattened
    from harness.core.fixtures.tolerance import AnyTolerance

_SOURCE = Source("simulated", "none")
_ABSENT: Any = object()


class ArraysRegression(FixtureRegression):
    """Compares what a test hands over with golden arrays."""

    __slots__ = ()

    def check(  # type: ignore[override]  # noqa: PLR0913 - the arguments of pytest-regressions' checks
        self,
        data: Any = _ABSENT,
        name: str | None = None,
        tolerances: Mapping[str, Tolerance | Mapping[str, float]] | None = None,
        default_tolerance: Tolerance | Mapping[str, float] | None = None,
        *,
        scale_axis: int | Mapping[str, int] | None = None,
        variant: str | None = None,
        allow_nonfinite: bool | Collection[str] = True,
        allow_constant: bool | Collection[str] = True,
        data_dict: Any = _ABSENT,
        basename: str | None = None,
        fullpath: object = None,
        data_index: Any = None,
        fill_different_shape_with_nan: bool = True,  # noqa: ARG002 - arrays of any shapes are taken
    ) -> None:
        """Compare *data* with ``golden/<module>/<test>.npz``.

        Parameters
        ----------
        data : array_like or mapping
            Arrays by name, one array or number; nested mappings, sequences and dataclasses of them; tensors,
            data frames, labelled and sparse arrays. See
            :func:`~harness.core.containers.flatten.flatten`.
        name : str, optional
            Of this check, in a test that has several: ``golden/<module>/<test>/<name>.npz``.
        tolerances : mapping of str to Tolerance or mapping, optional
            By name, with the keys ``atol``, ``rtol`` and ``ulp``.
        default_tolerance : Tolerance or mapping, optional
            Of all other floating-point arrays. Without one it depends on the golden array's dtype and
            largest magnitude.
        scale_axis : int or mapping of str to int, optional
            Axis along which each slice has the scale of its own largest magnitude: modes, channels. It
            applies to arrays that have the axis and no other tolerance.
        variant : str, optional
            What makes the numbers differ so much that they need their own golden files, such as ``"cuda"``:
            ``golden/<module>/<test>/variant-cuda.npz``. Those of another variant are never used instead.
        allow_nonfinite, allow_constant : bool or collection of str
            Arrays that may be recorded although they hold NaN or infinity, or a single value.
        data_dict, basename, data_index, fill_different_shape_with_nan
            Other spellings, which pytest-regressions uses: ``data_dict`` of *data*, ``basename`` of *name*.
            A ``data_index`` is compared as an array ``index``.
        fullpath
            Not supported: golden files are in one directory.

        Raises
        ------
        UsageError
            If the data cannot be stored, a test checks twice under one name, or a tolerance is not valid.
        GoldenMissingError
            If there are no golden arrays. Nothing is written then.
        DegenerateError
            If an array to be recorded is smaller than its own tolerance.

        Examples
        --------
        In a test module, with a fixture of pytest::

            def test_spectrum(arrays_regression):
                arrays_regression.check({"power": np.abs(np.fft.rfft(signal()))})
        """
        __tracebackhide__ = True
        if fullpath is not None:
            raise _no_path(fullpath)
        given = data_dict if data is _ABSENT else data
        if given is _ABSENT:
            raise TypeError("check() missing 1 required argument: 'data'")  # as Python says it
        plain = self._plain_name(name if name is not None else basename)
        wanted = self._claimed(plain if variant is None else variant_name(plain, variant))
        flat = flatten(given if data_index is None else {**dict(given), "index": data_index})
        fixture = make_fixture(
            wanted,
            flat.arrays,
            generator=generator_of(self.request.node, self.project.root, variant),
            source=_SOURCE,
            transformations=flat.notes,
        )
        try:
            super().check(
                fixture,
                _tolerances(flat, tolerances, default_tolerance, scale_axis),
                allow_nonfinite=allow_nonfinite,
                allow_constant=allow_constant,
            )
        except GoldenMissingError as error:
            raise missing_variant(error, self.project, plain, variant, ".npz") from None

    def _plain_name(self, name: str | None) -> str:
        """Return the golden name of this check without its variant."""
        test = golden_name(node_id(self.request.node, self.project.root))
        if name is not None:
            require_golden_name("check", name)
            require_plain_name(name)
        return test if name is None else f"{test}/{name}"

    def _claimed(self, wanted: str) -> str:
        """Return a golden name; raise if the test has used it before."""
        if not self.session.claim(self.test, wanted):
            raise UsageError(
                f"arrays {wanted!r}",
                expected="one check under each name",
                found="a second one in the same test",
                message=f"{self.test} checks arrays {wanted!r} twice",
                remedy='Give each check of a test its own name: check(data, name="...").',
            )
        return wanted

    def words(self, name: str) -> tuple[str, str]:
        """Return how a failure begins: that the arrays differ, or that the golden files do."""
        return (
            f"arrays {name!r} differ from their golden files:",
            f"the golden files of arrays {name!r} are not those that were recorded:",
        )


def generator_of(item: pytest.Item, root: Path, variant: str | None = None) -> Generator:
    """Return a test as the generator of its arrays; its module is named as its packages say."""
    file = Path(item.path)
    place, module = file.parent, file.stem
    while (place / "__init__.py").is_file() and place not in {root, place.parent}:
        place, module = place.parent, f"{place.name}.{module}"
    inside = place.is_relative_to(root)
    return Generator(
        call=f"{module}:{getattr(item, 'originalname', None) or item.name}",
        version=1,
        parameters={} if variant is None else {"variant": variant},
        path=place.relative_to(root).as_posix() if inside else msgspec.UNSET,
        test=node_id(item, root),
    )


def _tolerances(
    flat: Flattened,
    tolerances: Mapping[str, Tolerance | Mapping[str, float]] | None,
    default: Tolerance | Mapping[str, float] | None,
    scale_axis: int | Mapping[str, int] | None,
) -> dict[str, AnyTolerance | Mapping[str, float]]:
    """The tolerance of every array that does not have the default one."""
    found: dict[str, AnyTolerance | Mapping[str, float]] = {}
    axes = tolerances_by_array(scale_axis, flat) if isinstance(scale_axis, Mapping) else None
    if default is not None:  # it is validated although no array may have it
        read_tolerances({"default_tolerance": default}, {"default_tolerance"})
    if not isinstance(scale_axis, Mapping):
        DefaultTolerance(axis=scale_axis)  # likewise
    dtypes = dict(note.partition(" -> ")[0].rpartition(": ")[::2] for note in flat.notes)
    for name, array in flat.arrays.items():
        axis = axes.get(name) if axes is not None else _axis(array, scale_axis)
        if name in flat.exact:
            found[name] = Tolerance()
        elif default is not None and array.dtype.kind in "fc":
            found[name] = default
        elif axis is not None or name in dtypes:
            found[name] = DefaultTolerance(axis=axis, dtype=dtypes.get(name))
    return found | dict(tolerances_by_array(tolerances or {}, flat))


def _axis(array: np.ndarray, axis: Any) -> int | None:
    """The axis of a scale for every array: None for those that do not have it."""
    return axis if axis is not None and -array.ndim <= axis < array.ndim else None


def _no_path(fullpath: object) -> UsageError:
    return UsageError(
        "fullpath",
        expected="a name",
        found=repr(str(fullpath)),
        message="arrays_regression does not take fullpath: all golden files are in one directory",
        remedy="Leave it out, or use name=. `harness import` takes over existing files.",
    )
