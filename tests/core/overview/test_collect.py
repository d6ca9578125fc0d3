"""What is gathered about a project: verdicts, the last session, records, limits, and what cannot be read."""

from __future__ import annotations

import math

import pytest

from harness.core.errors import UnreadableError
from harness.core.overview.collect import collect_overview
from harness.core.registry.registry import history_path
from harness.core.storage.project import Project
from harness.core.verdict import Outcome


def by_name(overview):
    return {state.group.name: state for state in overview.groups}


def test_the_last_session_decides_where_the_registry_sees_no_change(drifted):
    overview = collect_overview(drifted)
    waves = by_name(overview)["optics/waves"]
    assert waves.group.outcome is Outcome.SAME
    assert waves.outcome is Outcome.DRIFTED
    assert [check.test for check in waves.checks] == ["tests/test_waves.py::test_fixture"]
    assert by_name(overview)["optics/waves.smooth"].outcome is Outcome.DRIFTED
    assert overview.next == 'pytest --force-regen --golden-reason "..."'
    assert overview.problems == ()


def test_a_damaged_file_is_more_urgent_than_drift(drifted):
    (drifted.golden / "optics" / "waves.npz").unlink()
    overview = collect_overview(drifted)
    assert overview.groups[0].outcome is Outcome.MISSING
    assert overview.next == overview.status.next != "pytest"


def test_a_session_about_other_bytes_does_not_count(drifted):
    """The golden file was recorded, or restored, after the session."""
    results = drifted.root / ".harness" / "obtained" / "results.json"
    entry = by_name(collect_overview(drifted))["optics/waves"].checks[0].golden["optics/waves.npz"]
    results.write_text(results.read_text().replace(entry, f"sha256:{'7' * 64}"))
    waves = by_name(collect_overview(drifted))["optics/waves"]
    assert (waves.superseded, waves.outcome) == (True, Outcome.SAME)


def test_records_drift_and_environments_are_there(drifted):
    overview = collect_overview(drifted)
    waves = by_name(overview)["optics/waves"]
    assert [record.reason for record in waves.records] == ["first light", "another <b>compiler</b>"]
    assert waves.drift is not None
    assert all(record.environment in overview.environments for record in waves.records)
    assert overview.limit == 3.0
    assert next(row for row in overview.environment if row.name == "numpy").changed


@pytest.mark.parametrize("place", ["history", "results"])
def test_a_file_that_cannot_be_read_is_a_problem_and_not_the_end(drifted, place):
    path = history_path(drifted) if place == "history" else drifted.workspace / "obtained" / "results.json"
    path.write_text("{]\n")
    overview = collect_overview(drifted)
    assert len(overview.problems) == 1
    assert path.name in overview.problems[0]
    assert len(overview.groups) == 2


def test_a_limit_that_is_not_a_number_is_not_one(drifted):
    (drifted.root / "pyproject.toml").write_text('[tool.pytest.ini_options]\ngolden_max_drift = "far"\n')
    assert math.isnan(collect_overview(drifted).limit)


def test_a_registry_that_cannot_be_read_is_an_error(drifted):
    drifted.registry.write_text("{]\n")
    with pytest.raises(UnreadableError, match=r"registry\.json"):
        collect_overview(drifted)


def test_an_interrupted_regeneration_is_a_notice(drifted):
    drifted.journal.parent.mkdir(parents=True)
    drifted.journal.write_text("{}")
    overview = collect_overview(drifted)
    assert [notice.outcome for notice in overview.notices] == [Outcome.INTERRUPTED]


def test_an_empty_project_has_nothing(tmp_path):
    overview = collect_overview(Project(tmp_path))
    assert (overview.groups, overview.session, overview.problems) == ((), None, ())
