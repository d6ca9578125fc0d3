"""The whole page as values."""

from __future__ import annotations

import msgspec
import pytest

from harness.core.overview.collect import collect_overview
from harness.core.sensitivity.stored_result import (
    StoredAnswer,
    StoredFault,
    StoredFile,
    StoredMove,
    StoredResult,
)
from harness.core.storage.project import Project
from harness.report.page import build
from harness.report.page.build import build_page

RESULT = StoredResult(
    1,
    "2026-01-31T12:00:00Z",
    quick=False,
    checks=("digest",),
    faults=(
        StoredFault("X01", "caught", False, "", (StoredAnswer("digest", True, "1"),)),
        StoredFault("X02", "missed", False, "", ()),
        StoredFault("X03", "harmless", True, "", ()),
    ),
    files=(
        StoredFile("golden/a.npz", 2, 1, "", (StoredMove("image", "G04", "", "too wide", False),)),
        StoredFile("golden/b.npz", 0, 0, "no test compares a fixture with it", ()),
    ),
)


@pytest.fixture
def page(overview, sketched):
    return build_page(overview, problems=["a problem"])


def test_the_overview_counts_and_says_what_to_type(page):
    assert [(count.word, count.number) for count in page.counts] == [("drifted", 2)]
    assert page.headline == "2 of 2 golden files do not match."
    assert page.next == 'pytest --force-regen --golden-reason "..."'
    assert page.next_text.startswith("If the change is intended")
    assert page.problems == ("a problem",)
    assert dict(page.session)["took"] == "1.5 s"
    assert page.kinds == ("baseline", "fixture")
    assert {line.reason for line in page.recordings} == {"another <b>compiler</b>", "first light"}


def test_all_well(drifted, sketched):
    (drifted.workspace / "obtained" / "results.json").unlink()
    page = build_page(collect_overview(drifted))
    assert page.headline == "All 2 golden files match (4 files with manifests and arrays)."
    assert (page.next_text, page.session) == ("Type next:", ())


def test_nothing_golden(tmp_path):
    page = build_page(collect_overview(Project(tmp_path)))
    assert (page.headline, page.items) == ("There are no golden files yet.", ())


def spots(page):
    return {spot.title: spot for spot in page.blind_spots}


def test_what_golden_files_cannot_see_is_listed(overview, sketched):
    page = build_page(overview, sensitivity=RESULT)
    found = spots(page)
    assert found["Unreferenced files"].command == "pytest --golden-unreferenced=warn"
    assert found["Arrays that are only reported: 1"].names == ("stack of optics/waves",)
    assert found["Faults that no check caught: 1"].names == ("X02: missed",)
    assert found["Changes of arrays that no test saw: 1"].names == ("G04 in image of golden/a.npz: too wide",)
    assert found["Files in which no change is seen: 1"].names[0].startswith("golden/b.npz")
    assert "Injected faults" in spots(build_page(overview))


def test_files_without_a_generator_are_a_blind_spot(drifted, sketched):
    from harness.core.recording.commit import commit
    from harness.core.recording.plan import plan
    from harness.core.recording.staged import Staged

    (drifted.golden / "table.csv").write_text("1,2\n")
    staged = [Staged("golden/table.csv", "file", drifted.golden / "table.csv")]
    commit(drifted, plan(drifted, staged), reason="a table", command="harness add")
    page = build_page(collect_overview(drifted))
    assert spots(page)["Files registered as they are: 1"].names == ("golden/table.csv",)


def test_details_are_left_out_after_many_groups_and_that_is_said(overview, sketched, monkeypatch):
    monkeypatch.setattr(build, "DETAILED_GROUPS", 1)
    page = build_page(overview)
    assert [item.has_details for item in page.items] == [True, False]
    assert page.left_out[0].startswith("Details of 1 golden files are left out")


def test_a_page_lists_no_more_than_a_browser_shows_and_says_what_is_left_out(overview, sketched, monkeypatch):
    """The worst come first. Whether what is not listed matches is said, too."""
    monkeypatch.setattr(build, "LISTED_GROUPS", 1)
    page = build_page(overview)
    assert len(page.items) == 1
    assert page.left_out[-1].startswith("1 more golden files are not listed, to keep the page small; ")
    assert sum(count.number for count in page.counts) == 2
    monkeypatch.setattr(build, "LISTED_GROUPS", 0)
    wrong = sum(not state.outcome.accepted for state in overview.groups)
    assert build_page(overview).left_out[-1].endswith(f"{wrong} of them do not match: run `harness verify`.")


def test_files_that_are_the_same_are_drawn_where_there_are_few(drifted, sketched, monkeypatch):
    (drifted.workspace / "obtained" / "results.json").unlink()
    assert all(item.views for item in build_page(collect_overview(drifted)).items[:1])
    monkeypatch.setattr(build, "DRAWN_GROUPS", 0)
    item = build_page(collect_overview(drifted)).items[0]
    assert item.views == ()
    assert item.left_out == ("figures: those of other files come first",)


def test_a_session_that_did_not_end_is_said(drifted, sketched):
    results = drifted.workspace / "obtained" / "results.json"
    document = msgspec.json.decode(results.read_bytes())
    results.write_bytes(msgspec.json.encode({**document, "complete": False}))
    assert "not complete" in dict(build_page(collect_overview(drifted)).session)
