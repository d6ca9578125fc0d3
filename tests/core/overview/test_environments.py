"""What changed between the environments of records and that of the last session."""

from __future__ import annotations

from harness.core.overview.environments import compare_environments


def test_settings_that_changed_come_first_with_all_recorded_values():
    rows = compare_environments(
        {"a": "1", "numpy": "2.4"}, [{"a": "1", "numpy": "2.3"}, {"a": "1", "numpy": "2.4"}]
    )
    assert [(row.name, row.now, row.changed) for row in rows] == [
        ("numpy", "2.4", True),
        ("a", "1", False),
    ]
    assert rows[0].recorded == {"2.3": 1, "2.4": 1}


def test_a_setting_on_one_side_alone_has_changed():
    rows = compare_environments({"OMP_NUM_THREADS": "2"}, [{"torch": "2.1"}])
    assert {(row.name, row.now, tuple(row.recorded), row.changed) for row in rows} == {
        ("OMP_NUM_THREADS", "2", ("not set",), True),
        ("torch", "not set", ("2.1",), True),
    }


def test_without_a_session_nothing_has_changed():
    (row,) = compare_environments({}, [{"numpy": "2.4"}])
    assert (row.now, row.changed) == ("", False)
