"""An audit of files that git does not keep, with the versions that it kept before or keeps now."""

from __future__ import annotations

import pytest

from harness.core.errors import UnreadableError
from harness.core.provenance.audit import audit
from harness.core.provenance.evidence import PathState, gather
from harness.core.provenance.finding import Rank

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"
DOUBTS = {
    (MANIFEST, "code"), (MANIFEST, "source"), (ARCHIVE, "dirty"), (MANIFEST, "dirty"), (BASELINE, "dirty"),
    (BASELINE, "tolerances"),
}  # fmt: skip
"""What the example's files have anyway: their generator does not exist, and one run measures nothing."""


def findings(project) -> dict[tuple[str, str], str]:
    """Return the details of what is broken or weak, by path and rule, but for what the example has anyway."""
    found = audit(gather(project))
    serious = [one for one in found if one.rank is not Rank.INFORMATIONAL]
    return {
        (one.path, one.rule): one.detail
        for one in serious
        if one.rank is Rank.BROKEN or (one.path, one.rule) not in DOUBTS
    }


@pytest.fixture
def again(record, staged, arrays, git):
    """Record and commit a second version of the fixture."""

    def change(project) -> None:
        arrays["image"] += 1
        record(staged(arrays=arrays), reason="another gain")
        git(project.root, "commit", "-q", "--all", "-m", "second version")

    return change


@pytest.fixture
def twice(kept, again):
    """Two versions of the fixture, both committed, both only in the store."""
    again(kept)
    return kept


@pytest.mark.parametrize("here", [True, False])
def test_what_the_store_has_is_no_finding(twice, contents, here):
    """The audit reads it, and leaves the golden directory as it is."""
    if not here:
        (twice.root / ARCHIVE).unlink()
    before = contents(twice.golden)
    assert findings(twice) == {}
    file = gather(twice).files[ARCHIVE]
    assert (file.state is PathState.STORED, file.stored) == (not here, True)
    assert file.on_disk.sha256 == file.entry.sha256
    assert contents(twice.golden) == before


def test_all_files_may_be_in_the_store(twice):
    """Manifest and baseline too."""
    for path in (ARCHIVE, MANIFEST, BASELINE):
        (twice.root / path).unlink()
    found = findings(twice)
    assert {rule for _, rule in found} <= {"uncommitted"}  # git has two of them, and misses them
    assert gather(twice).files[BASELINE].baseline is not None
    assert gather(twice).files[ARCHIVE].declared is not None


def test_a_lost_object_of_a_missing_file(twice, entry, object_of):
    object_of(entry(ARCHIVE)).unlink()
    (twice.root / ARCHIVE).unlink()
    detail = findings(twice)[ARCHIVE, "missing"]
    assert detail.startswith(f"expected a file of {entry(ARCHIVE).size} bytes, found none, and no object in ")


@pytest.mark.parametrize(
    ("change", "problem"), [(None, "no object"), (1, "an object of "), (0, "an object with other bytes")]
)
def test_a_lost_or_changed_object_of_a_file_that_is_here(twice, entry, object_of, change, problem):
    """No other clone could have it."""
    place, size = object_of(entry(ARCHIVE)), entry(ARCHIVE).size
    place.unlink()
    if change is not None:
        place.write_bytes(b"x" * (size + change))
    assert findings(twice)[ARCHIVE, "store"].startswith(
        f"no commit has the file; expected its bytes, found {problem}"
    )


def test_a_store_that_does_not_answer_gives_no_answer(twice, unreachable):
    unreachable()
    with pytest.raises(UnreadableError):
        gather(twice)


def test_an_older_version_that_neither_git_nor_the_store_has(twice, chain, object_of, entry):
    first, _ = chain(twice, ARCHIVE)
    object_of(entry(ARCHIVE)._replace(sha256=first.sha256)).unlink()
    assert findings(twice)[ARCHIVE, "lost version"] == (
        f"neither git nor the store has the version recorded at {first.at}, {first.sha256}"
    )


def test_a_version_that_was_never_committed_may_be_lost(  # noqa: PLR0913, PLR0917 - fixtures by name
    kept, record, staged, again, arrays, object_of, entry
):
    """It was recorded, and replaced before a commit."""
    arrays["image"] += 1
    record(staged(arrays=arrays), reason="too hasty")
    hasty = entry(ARCHIVE)
    again(kept)
    object_of(hasty).unlink()
    assert findings(kept) == {}


def test_versions_that_git_had_before_there_was_a_store(kept, again, git, object_of, entry):
    """The first version was committed, and is in the store as well; then it is in git alone."""
    first = entry(ARCHIVE)
    git(kept.root, "add", "--force", ARCHIVE)
    git(kept.root, "commit", "-q", "-m", "into git")
    git(kept.root, "rm", "-q", "--cached", ARCHIVE)
    git(kept.root, "commit", "-q", "-m", "out of git")
    again(kept)
    assert findings(kept) == {}
    object_of(first).unlink()
    assert findings(kept) == {}


def test_versions_that_came_back_to_git(twice, git, object_of, entry, chain):
    """The newest version is committed now, too: its object is not asked for, that of the first one is."""
    git(twice.root, "add", "--force", ARCHIVE)
    git(twice.root, "commit", "-q", "-m", "into git")
    object_of(entry(ARCHIVE)).unlink()
    assert findings(twice) == {}
    first = chain(twice, ARCHIVE)[0]
    object_of(entry(ARCHIVE)._replace(sha256=first.sha256)).unlink()
    assert list(findings(twice)) == [(ARCHIVE, "lost version")]


def test_without_a_store_such_a_file_is_not_kept(twice):
    (twice.root / "pyproject.toml").write_text("")
    assert (ARCHIVE, "unkept") in findings(twice)


def test_a_forged_entry_is_found_although_the_store_has_its_bytes(twice, chain):
    """The registry names the older version again, which the newest record does not vouch for."""
    first = chain(twice, ARCHIVE)[0]
    newest = chain(twice, ARCHIVE)[-1]
    text = twice.registry.read_text()
    twice.registry.write_text(text.replace(newest.sha256, first.sha256))
    (twice.root / ARCHIVE).unlink()
    assert (ARCHIVE, "seal") in findings(twice)
