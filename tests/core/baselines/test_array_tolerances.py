"""The document of measured tolerances: a row for each platform, and all that follows from the rows."""

from __future__ import annotations

import msgspec
import pytest

from harness.core.baselines.array_tolerances import (
    encode_tolerances,
    explaining,
    merged,
    problems,
    read_tolerance_document,
    row_of,
    with_class,
)
from harness.core.baselines.platforms import Platform
from harness.core.baselines.samples import Deviation, Spread
from harness.core.errors import StaleFormatError, UnreadableError, UsageError

LINUX = Platform("Linux", "x86_64", "avx2", {"numpy": "2.3"})
MACOS = Platform("Darwin", "arm64", "arm64", {"numpy": "2.3"})
GOLDEN = "xxh128:" + "1" * 32


def run(absolute: float, change: float | None = None) -> dict[str, Deviation]:
    """What one run gives for one array."""
    spread = (
        Spread(1, absolute, None, 3, (0,), absolute if change is None else change) if absolute else Spread()
    )
    return {"power": Deviation("float64", (4,), 1.0, spread)}


def document(linux: float = 1e-12, macos: float | None = None, before=None, golden: str = GOLDEN):
    """Tolerances from four runs on Linux and perhaps one on macOS."""
    rows = [row_of(LINUX, [{}] * 4, [run(0.0), run(linux), run(linux / 2), run(0.0)])]
    rows += [] if macos is None else [row_of(MACOS, [{}], [run(macos)])]
    return merged(golden, run(0.0), rows, before)


def test_a_platform_has_one_row_and_a_new_one_replaces_it():
    both = document(1e-12, 4e-12)
    assert both.certificate.runs == 5
    assert both.arrays["power"].spread.absolute == 4e-12
    again = document(3e-12, before=both)
    assert {str(row.platform): row.arrays["power"].absolute for row in again.platforms.values()} == {
        str(LINUX): 3e-12,
        str(MACOS): 4e-12,
    }


def test_rows_of_another_golden_version_are_forgotten():
    assert len(document(before=document(1e-12, 4e-12, golden="xxh128:" + "2" * 32)).platforms) == 1


def test_a_chosen_class_and_its_reason_outlive_the_next_measurement():
    chosen = with_class(document(), ["power"], "report-only", "it is chaotic")
    again = document(2e-12, before=chosen)
    assert (again.arrays["power"].kind, again.arrays["power"].reason) == ("report-only", "it is chaotic")
    measured = with_class(again, ["power"], None, "")
    assert (measured.arrays["power"].kind, measured.arrays["power"].reason) == ("measured", None)


def test_an_array_that_is_chosen_to_be_exact_has_no_tolerance():
    chosen = with_class(document(), ["power"], "exact", "it is a table of constants")
    assert (chosen.arrays["power"].atol, chosen.arrays["power"].rtol) == (0.0, 0.0)
    assert list(problems(chosen)) == []


def test_what_no_tolerance_holds_cannot_be_measured():
    moved = merged(
        GOLDEN,
        run(0.0),
        [row_of(LINUX, [{}], [{"power": Deviation("<U1", (4,), spread=Spread(1, moved=True))}])],
    )
    assert moved.arrays["power"].kind == "report-only"
    with pytest.raises(UsageError, match="NaN or infinity"):
        with_class(moved, ["power"], "measured", "why")


def test_a_measured_document_has_no_problems():
    assert list(problems(document(1e-12, 3e-12))) == []


@pytest.mark.parametrize(
    ("change", "word", "contradicts"),
    [
        ({"atol": 1.0}, "widened", False),
        ({"rtol": 0.5}, "widened", False),
        ({"atol": 5e-12}, "narrowed", False),
        ({"atol": 5e-13}, "narrowed", True),
        ({"kind": "report-only"}, "class was changed by hand", False),
        ({"spread": Spread(1, 1.0)}, "not the largest", True),
    ],
)
def test_what_was_changed_by_hand_is_a_problem(change, word, contradicts):
    """Narrower than its own spread is worse: no run of harness writes that."""
    known = document()
    edited = {"power": msgspec.structs.replace(known.arrays["power"], **change)}
    (problem,) = problems(msgspec.structs.replace(known, arrays=edited))
    assert word in problem.detail
    assert problem.contradicts is contradicts


def test_a_difference_is_explained_by_another_platform_only():
    """Not by the own one, and not if it is larger than all."""
    both = document(1e-12, 4e-12)
    assert explaining(both, "power", run(3e-12)["power"].spread, LINUX) == MACOS
    assert explaining(both, "power", run(1e-12)["power"].spread, LINUX) is None
    assert explaining(both, "power", run(5e-12)["power"].spread, LINUX) is None
    assert explaining(both, "power", run(5e-13)["power"].spread, MACOS) is None


def test_a_document_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "waves.tolerances.json"
    file.write_bytes(encode_tolerances(document(1e-12, 4e-12)))
    assert read_tolerance_document(file) == document(1e-12, 4e-12)


@pytest.mark.parametrize(("text", "error"), [("{}", UnreadableError), ('{"schema": 9}', StaleFormatError)])
def test_what_is_not_a_document_is_refused(tmp_path, text, error):
    file = tmp_path / "waves.tolerances.json"
    file.write_text(text)
    with pytest.raises(error):
        read_tolerance_document(file)
