"""One group of golden files on the page."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from harness.core.obtained.results import ArrayResult
from harness.core.overview.collect import collect_overview
from harness.core.storage.npz import write_archive
from harness.core.verdict import Outcome
from harness.report.page.budget import Budget
from harness.report.page.items import MOST_ARRAYS, OPEN_GROUPS, make_item, short_item

pytestmark = pytest.mark.usefixtures("sketched")


def item(overview, name, *, size=10**7, groups=9):
    state = next(state for state in overview.groups if state.group.name == name)
    return make_item(2, state, overview, (), Budget(size, groups))


def test_a_drifted_fixture_shows_all_there_is(overview):
    made = item(overview, "optics/waves")
    assert (made.number, made.word, made.accepted, made.is_open) == (2, "drifted", False, True)
    assert made.headline == "curve: 25 tolerances, at [7]"
    assert [view.name for view in made.views] == ["curve", "field", "image", "stack", "count", "labels"]
    assert all(view.slices[0].obtained for view in made.views)
    assert [line.word for line in made.files] == ["same"] * 3
    assert made.checks[0].lines[0] == "curve: 1 element differs"
    assert (len(made.tolerances), len(made.timeline.events)) == (4, 2)
    assert made.left_out == ()


def test_a_baseline_shows_its_metrics(overview):
    made = item(overview, "optics/waves.smooth")
    assert [line.name for line in made.metrics] == ["ssim"]
    assert made.measured.startswith("4 runs on Linux x86_64")
    assert made.views == ()


def test_the_same_files_are_closed(drifted):
    (drifted.workspace / "obtained" / "results.json").unlink()
    made = item(collect_overview(drifted), "optics/waves")
    assert (made.word, made.is_open, made.headline, made.note) == ("same", False, "", "")


@pytest.mark.parametrize(("size", "groups"), [(0, 9), (10**7, 0)])
def test_without_room_no_figure_is_drawn_and_that_is_said(overview, size, groups):
    made = item(overview, "optics/waves", size=size, groups=groups)
    assert made.views == ()
    assert made.left_out == ("figures: those of other files come first",)


def test_an_array_that_does_not_fit_is_named(overview):
    made = item(overview, "optics/waves", size=1)
    assert "figures of curve: the page would become too large" in made.left_out


@pytest.mark.parametrize("name", ["waves.npz", "waves.json", "waves.tolerances.json"])
def test_a_damaged_file_is_named_and_the_rest_is_shown(drifted, name):
    (drifted.golden / "optics" / name).write_bytes(b"{]")
    made = item(collect_overview(drifted), "optics/waves")
    assert made.word == "corrupt"
    assert made.timeline is not None
    if name != "waves.json":
        assert any(name in line for line in made.left_out)


def test_a_missing_file_is_named(drifted):
    (drifted.golden / "optics" / "waves.npz").unlink()
    made = item(collect_overview(drifted), "optics/waves")
    assert made.word == "missing"
    assert made.headline.startswith("curve")
    assert any("no file" in line.detail for line in made.files)


def test_obtained_data_that_cannot_be_read_are_named(drifted):
    (drifted.workspace / "obtained" / "optics" / "waves.npz").write_bytes(b"no archive")
    made = item(collect_overview(drifted), "optics/waves")
    assert any(line.startswith("obtained arrays: ") for line in made.left_out)
    assert len(made.views) == 6


def test_many_arrays_are_cut_and_counted(drifted):
    arrays = {f"a{number:03}": np.arange(3.0) for number in range(MOST_ARRAYS + 5)}
    write_archive(drifted.golden / "optics" / "waves.npz", arrays)
    (drifted.workspace / "obtained" / "results.json").unlink()
    made = item(collect_overview(drifted), "optics/waves")
    assert len(made.views) == MOST_ARRAYS
    assert made.left_out[-1] == f"figures of 5 arrays more, of {MOST_ARRAYS + 5}"


def test_a_session_about_other_bytes_is_noted(drifted):
    results = drifted.workspace / "obtained" / "results.json"
    digest = collect_overview(drifted).groups[0].checks[0].golden["optics/waves.npz"]
    results.write_text(results.read_text().replace(digest, f"sha256:{'7' * 64}"))
    made = item(collect_overview(drifted), "optics/waves")
    assert (made.word, made.headline) == ("same", "")
    assert made.note.startswith("The last session compared with another version")
    assert made.views[0].slices[0].obtained is None


def test_a_short_item_has_no_details(overview):
    made = short_item(7, overview.groups[0])
    assert (made.number, made.name, made.has_details) == (7, "optics/waves", False)


def test_only_the_first_groups_are_open(overview):
    state = overview.groups[0]
    numbers = range(OPEN_GROUPS + 1)
    opened = [make_item(number, state, overview, (), Budget(0, 0)).is_open for number in numbers]
    assert opened == [True] * OPEN_GROUPS + [False]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"max_absolute": 0.5}, "curve: off by 0.5, no difference is allowed"),
        ({"max_absolute": 0.5, "atol": 0.1}, "curve: no tolerance accepts the difference"),
        ({}, "curve: no tolerance accepts the difference"),
    ],
)
def test_a_difference_without_a_share_is_said_in_words(overview, result, text):
    state = overview.groups[0]
    check = msgspec.structs.replace(
        state.checks[0], arrays=(ArrayResult("curve", Outcome.DRIFTED, **result),)
    )
    made = make_item(0, replace(state, checks=(check,)), overview, (), Budget(0, 0))
    assert made.headline == text
