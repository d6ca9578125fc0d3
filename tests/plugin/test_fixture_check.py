"""``fixture_regression``: equal digests load nothing; a drifted file is read and compared once."""

from __future__ import annotations

import numpy as np
import pytest

import harness.core.registry.verify
import harness.plugin.fixture_check
import harness.plugin.stored_tolerances
from harness.core.errors import GoldenMissingError, UnreadableError
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.storage.npz import read_archive
from harness.plugin.fixture_check import FixtureRegression
from harness.plugin.session import GoldenSession, RecordedError
from harness.plugin.settings import Settings

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"


@pytest.fixture
def check(request, tmp_path, session):
    """``fixture_regression.check`` of a session that does not write."""
    return FixtureRegression(request, tmp_path, session).check


def counted(monkeypatch: pytest.MonkeyPatch, module, name: str) -> list:
    """Count the calls of a function by its first arguments."""
    function, calls = getattr(module, name), []

    def count(*arguments, **options):
        calls.append(arguments[0])
        return function(*arguments, **options)

    monkeypatch.setattr(module, name, count)
    return calls


def test_an_equal_fixture_loads_no_array(check, lattice, session, monkeypatch):
    """Digests decide; the golden files count as used."""
    loaded = counted(monkeypatch, harness.plugin.fixture_check, "map_archive")
    check(lattice())
    assert loaded == []
    assert session.used == {ARCHIVE, MANIFEST}
    assert session.staged == []


def test_a_drifted_fixture_is_read_and_compared_once(check, lattice, monkeypatch):
    """Each golden file is hashed once, and the arrays are compared once."""
    hashed = counted(monkeypatch, harness.core.registry.verify, "digest_plain_file")
    hashed_again = counted(monkeypatch, harness.core.registry.verify, "digest_file")
    compared = counted(monkeypatch, harness.plugin.stored_tolerances, "compare")
    with pytest.raises(pytest.fail.Exception):
        check(lattice(1.0))
    assert [path.rpartition("/")[2] for path in hashed] == ["lattice.npz", "lattice.json"]
    assert hashed_again == []
    assert len(compared) == 1


def test_a_damaged_file_is_hashed_once(check, lattice, session, monkeypatch):
    """Its digest says both that it differs and how."""
    path = session.project.root / ARCHIVE
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(np.float64(5).tobytes())] ^= 1
    path.write_bytes(damaged)
    hashed = counted(monkeypatch, harness.core.registry.verify, "digest_plain_file")
    hashed_again = counted(monkeypatch, harness.core.registry.verify, "digest_file")
    with pytest.raises(pytest.fail.Exception, match="expected xxh128:"):
        check(lattice())
    assert [path.rpartition("/")[2] for path in hashed].count("lattice.npz") == 1
    assert hashed_again == []


def test_drift_is_reported_in_full(check, lattice, session):
    """What differs, how to see more, and what to do if it is intended."""
    with pytest.raises(pytest.fail.Exception) as caught:
        check(lattice(1.0))
    lines = str(caught.value).splitlines()
    assert lines[:2] == [
        "fixture 'lattice' differs from its golden files:",
        "  a: 6 of 6 elements differ (100 %)",
    ]
    assert lines[-3:] == [
        "To see all differences, run",
        "  harness diff golden/lattice.npz .harness/obtained/lattice.npz",
        "If the change is intended, re-record it with `pytest --force-regen`.",
    ]
    obtained = session.project.root / ".harness" / "obtained"
    assert sorted(file.name for file in obtained.iterdir()) == ["lattice.json", "lattice.npz"]
    assert read_archive(obtained / "lattice.npz")["a"].tolist() == lattice(1.0).arrays["a"].tolist()


def test_a_tolerance_has_an_inside_and_an_outside(check, lattice):
    """Just within it the arrays are accepted, just beyond it they are not; the manifest is compared, too."""
    with pytest.raises(pytest.fail.Exception) as caught:
        check(lattice(0.126), {"a": {"atol": 0.125, "rtol": 0}})
    assert "elements differ" in str(caught.value)
    check(lattice(0.124), {"a": {"atol": 0.125, "rtol": 0}})


def test_a_damaged_golden_file_is_reported_though_the_arrays_are_equal(check, lattice, session):
    """The registry decides what is golden."""
    path = session.project.root / MANIFEST
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(pytest.fail.Exception, match=r"golden/lattice\.json: "):
        check(lattice())


def test_damage_and_what_cannot_be_read_are_reported_together(check, lattice, session):
    """An archive that cannot be read does not hide that it was changed."""
    (session.project.root / ARCHIVE).write_bytes(b"PK")
    with pytest.raises(pytest.fail.Exception) as caught:
        check(lattice())
    first, second, *_ = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert first.startswith("golden/lattice.npz: corrupt: ")
    assert "lattice.npz: expected " in second


def test_a_registered_file_that_cannot_be_read_is_an_error(check, lattice, session, monkeypatch):
    """If the registry has no complaint, the error itself is raised."""

    def unreadable(*_):
        raise UnreadableError("lattice.npz", expected="an archive", found="rubbish", remedy="Restore it.")

    monkeypatch.setattr(harness.plugin.fixture_check, "map_archive", unreadable)
    with pytest.raises(UnreadableError, match="rubbish"):
        check(lattice(1.0))


def test_a_fixture_that_is_not_recorded_is_refused(check, lattice, session):
    """Nothing is written."""
    before = sorted(session.project.golden.iterdir())
    with pytest.raises(GoldenMissingError):
        check(lattice(name="other"))
    assert sorted(session.project.golden.iterdir()) == before
    assert session.staged == []


def test_notes_are_a_line_for_each_fixture_and_kind(request, tmp_path, empty):
    """However many arrays it has: what is too small to be seen to change, and what has no finite number."""
    session = GoldenSession(empty, Settings(writes=True))
    arrays = {
        "most": np.array([1e-20, 1e-20, 1.0]),
        "some": np.array([1e-20, 2.0, 3.0, 1.0]),
        "good": np.array([1.0, 2.0]),
        **{f"blank{n}": np.full(2, np.nan) for n in range(3)},
    }
    fixture = make_fixture(
        "lattice",
        arrays,
        generator=Generator("lattice:lattice", 1, {}),
        source=Source("simulated", "none"),
    )
    with pytest.raises(RecordedError):
        FixtureRegression(request, tmp_path, session).check(
            fixture, allow_nonfinite=True, allow_constant=True
        )
    small, blank = session.notes
    assert small == (
        "golden/lattice.npz, most: 2 of 3 elements, and some of 1 more array, are smaller than the "
        "tolerance, so that no change of them alone could fail"
    )
    assert blank == "golden/lattice.npz, blank0 and 2 more arrays: not one finite number"
