"""Golden files, registry and history are written together, or nothing is."""

from __future__ import annotations

import difflib
import re

import numpy as np
import pytest

from harness.core.domain.code_digest import code_digest
from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.fixtures.manifest import Generator
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.registry.history import read_history, record_digest
from harness.core.registry.registry import history_path, read_registry
from harness.core.registry.verify import verify
from harness.core.storage.digest import sha256_file
from harness.core.system.environment import fingerprint
from harness.core.verdict import exit_code

FIXTURE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"
HISTORY = "golden/history.jsonl"
BRIGHTER = {"image": np.ones(3)}


@pytest.fixture
def golden(project, contents):
    """Bytes of all that must not change when something is refused."""

    def read() -> dict[str, bytes]:
        return {name: data for name, data in contents(project.root).items() if not name.startswith(".")}

    return read


def test_a_first_commit_writes_and_registers_everything(project, staged, golden, chain):
    assert set(golden()) == {MANIFEST, BASELINE, FIXTURE, HISTORY, "registry.json"}
    assert golden()[FIXTURE] == staged()[0].data.read_bytes()
    assert exit_code(verify(project)) == 0
    entries = read_registry(project.registry).entries
    assert {path: entry.kind for path, entry in entries.items()} == {
        FIXTURE: "fixture",
        MANIFEST: "manifest",
        BASELINE: "baseline",
    }
    for path in entries:
        (record,) = chain(project, path)
        assert (record.reason, record.previous) == ("first light", None)


def test_a_record_vouches_for_the_bytes_and_the_entry_names_the_record(project, chain):
    for path, entry in read_registry(project.registry).entries.items():
        record = chain(project, path)[-1]
        assert record.sha256 == entry.sha256 == sha256_file(project.root / path)
        assert entry.record == record_digest(record)


def test_a_record_says_when_why_and_with_what(project, staged, chain):
    changes = plan(project, staged(arrays=BRIGHTER))
    commit(project, changes, reason="wider probe", command="pytest --force-regen")
    record = chain(project, FIXTURE)[-1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record.at)
    assert (record.reason, record.command) == ("wider probe", "pytest --force-regen")
    assert read_history(project).environments[record.environment].environment == fingerprint()


def test_a_manifests_record_has_the_digest_of_the_code(empty, staged, record, chain, module):
    """So that an audit sees that the code has changed since; other files have none."""
    module("generators", "def lattice(): return 1\n")
    record(staged(generator=Generator("generators:lattice", 1, {})))
    assert chain(empty, MANIFEST)[-1].code
    assert not chain(empty, FIXTURE)[-1].code


def test_the_code_behind_a_file_of_tests_is_read_once(project, staged, record, module, monkeypatch):
    """A hundred tests of one file have the same; that of another file has its own."""
    module("generators", "def lattice(): return 1\ndef other(): return 2\n")
    module("more", "def lattice(): return 3\n")
    read = []
    monkeypatch.setattr(
        "harness.core.recording.commit.code_digest",
        lambda call, root, **given: read.append(call) or code_digest(call, root, **given),
    )
    calls = ("generators:lattice", "generators:other", "more:lattice")
    files = [staged(name=f"made{n}", generator=Generator(call, 1, {})) for n, call in enumerate(calls)]
    record([item for pair in files for item in pair])
    newest = {line.path: line.code for line in read_history(project).records.values()}
    codes = [newest[f"golden/made{n}.json"] for n in range(3)]
    assert codes[0] == codes[1] != codes[2]
    assert read == ["generators", "more"]


def test_each_record_follows_the_one_before(project, staged, staged_baseline, record, chain):
    before = read_registry(project.registry).entries
    record([*staged(), staged_baseline(mae=0.5)], reason="wider probe")
    record([*staged(), staged_baseline(mae=0.75)], reason="wider still")
    after = read_registry(project.registry).entries
    assert (after[FIXTURE], after[MANIFEST]) == (before[FIXTURE], before[MANIFEST])
    records = chain(project, BASELINE)
    assert [item.reason for item in records] == ["first light", "wider probe", "wider still"]
    assert [item.previous for item in records] == [None, *map(record_digest, records[:-1])]


def test_the_history_only_grows(project, staged, record):
    """By two lines for two changed files; the environment is there already."""
    before = history_path(project).read_bytes()
    record(staged(arrays=BRIGHTER))
    after = history_path(project).read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == before.count(b"\n") + 2
    assert after.count(b'"type":"environment"') == 1


@pytest.fixture
def cost(project, record):
    """Record staged files; return how many lines change in the registry, and are added to the history."""

    def count(*items) -> tuple[int, int]:
        registry, history = project.registry.read_text().splitlines(), history_path(project).read_bytes()
        record(items)
        changed = difflib.unified_diff(registry, project.registry.read_text().splitlines(), n=0)
        lines = [line for line in changed if line.startswith("+") and not line.startswith("+++")]
        return len(lines), history_path(project).read_bytes()[len(history) :].count(b"\n")

    return count


def test_a_changed_array_and_metric_cost_few_lines(cost, staged, staged_baseline, arrays):
    """Four lines of the registry and one of the history a file; with an array its manifest changes.

    A reviewer reads these lines in a pull request.
    """
    arrays["image"] += 1
    lines, records = cost(*staged(arrays=arrays))
    assert 0 < lines <= 8
    assert records == 2
    lines, records = cost(staged_baseline(mae=0.5, ssim=0.875))
    assert 0 < lines <= 4
    assert records == 1
    arrays["image"] += 1
    lines, records = cost(*staged(arrays=arrays), staged_baseline(mae=0.75, ssim=0.875))
    assert 0 < lines <= 12
    assert records == 3


def test_an_unchanged_file_is_not_rewritten(project, staged, record, golden):
    """No file, no record, no new date."""
    before, stamp = golden(), (project.root / FIXTURE).stat().st_mtime_ns
    assert record(staged(), reason="again") == ()
    assert golden() == before
    assert (project.root / FIXTURE).stat().st_mtime_ns == stamp


def test_a_damaged_golden_file_is_rewritten(project, staged, record):
    path = project.root / FIXTURE
    path.write_bytes(path.read_bytes() + b"\0")
    assert [change.path for change in record(staged(), reason="restored")] == [FIXTURE]
    assert exit_code(verify(project)) == 0


def test_a_staged_file_that_is_gone_changes_nothing(project, staged, staged_baseline, golden):
    """The last of three files cannot be read: the first two are not written either."""
    changes = plan(project, [*staged(arrays=BRIGHTER), staged_baseline(mae=0.5)])
    assert [change.path for change in changes] == [MANIFEST, FIXTURE, BASELINE]
    before = golden()
    changes[-1].data.unlink()
    with pytest.raises(UnreadableError):
        commit(project, changes, reason="none", command="none")
    assert golden() == before


def test_a_golden_file_that_changed_since_the_plan_is_not_overwritten(project, staged, golden):
    changes = plan(project, staged(arrays=BRIGHTER))
    (project.root / FIXTURE).write_bytes(b"someone's work")
    before = golden()
    with pytest.raises(RefusedError, match=r"another process has changed golden/lattice\.npz"):
        commit(project, changes, reason="none", command="none")
    assert golden() == before


@pytest.mark.parametrize("damage", [b"{", b'{"schema": 3}'])
@pytest.mark.parametrize("name", ["registry.json", HISTORY])
def test_a_registry_or_history_that_cannot_be_read_changes_nothing(project, staged, golden, name, damage):
    """It was sound when the change was planned, and is not when it is committed."""
    changes = plan(project, staged(arrays=BRIGHTER))
    (project.root / name).write_bytes(damage)
    before = golden()
    with pytest.raises(HarnessError):
        commit(project, changes, reason="none", command="none")
    assert golden() == before


@pytest.mark.parametrize("lose", ["the file", "a line"])
def test_nothing_is_recorded_after_a_record_that_is_lost(project, staged, golden, lose):
    """A chain with a gap could not be repaired later. The message names the file to restore."""
    path = history_path(project)
    lines = path.read_bytes().splitlines(keepends=True)
    changes = plan(project, staged(arrays=BRIGHTER))
    if lose == "the file":
        path.unlink()
    else:
        path.write_bytes(b"".join(line for line in lines if b"lattice.npz" not in line))
    before = golden()
    with pytest.raises(RefusedError, match="has lost the newest record of golden/lattice") as caught:
        commit(project, changes, reason="none", command="none")
    assert caught.value.remedy == "Restore it from a copy."
    assert golden() == before


def test_a_file_whose_entry_was_removed_starts_a_new_chain(project, staged, record, chain):
    """Its old records stay in the history, which never loses a line."""
    (project.root / FIXTURE).unlink()
    registry = project.registry.read_text()
    start = registry.index(f'    "{FIXTURE}"')
    end = registry.index("    },\n", start) + len("    },\n")
    project.registry.write_text(registry[:start] + registry[end:])
    record(staged(), reason="again")
    assert [item.reason for item in chain(project, FIXTURE)] == ["again"]
    assert [r.reason for r in read_history(project).records.values() if r.path == FIXTURE] == [
        "first light",
        "again",
    ]


def test_text_that_is_not_unicode_is_recorded_with_replacement(empty, staged, record, chain):
    """A reason typed in another encoding than the locale's."""
    record(staged(), reason="bright\udce9 \ud83d")
    assert chain(empty, FIXTURE)[-1].reason == "bright\ufffd \ufffd"


def test_a_reason_that_an_ascii_locale_could_not_decode_is_kept(empty, staged, chain):
    """Python escapes each byte of it."""
    escaped = "für 3 €".encode().decode("ascii", "surrogateescape")
    commit(empty, plan(empty, staged()), reason=escaped, command="pytest")
    assert chain(empty, FIXTURE)[-1].reason == "für 3 €"


def test_without_changes_nothing_is_written(empty, contents):
    commit(empty, (), reason="none", command="none")
    assert contents(empty.root) == {}


def test_a_record_names_the_file_that_nothing_has_made_again(project, staged, chain):
    changes = plan(project, staged(arrays=BRIGHTER))
    commit(project, changes, reason="r", command="c", imported_from={FIXTURE: "tests/a.npz"})
    assert chain(project, FIXTURE)[-1].imported_from == "tests/a.npz"
    assert not chain(project, MANIFEST)[-1].imported_from


def test_a_record_has_the_environment_in_which_the_content_was_made(project, staged, chain):
    """That of another machine, where it is not this one."""
    there = {"numpy": "2.9.0"}
    commit(project, plan(project, staged(arrays=BRIGHTER)), reason="r", command="c", environment=there)
    history = read_history(project)
    assert history.environments[chain(project, FIXTURE)[-1].environment].environment == there
    assert history.environments[chain(project, FIXTURE)[0].environment].environment == fingerprint()
