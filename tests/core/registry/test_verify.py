"""Every golden file is compared with its entry: what is the same, what is not, and how it differs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import RefusedError, StaleFormatError, UnreadableError
from harness.core.fixtures.fixture import write_fixture
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.registry import describe_file, history_path, read_registry, with_entries
from harness.core.registry.verify import is_intact, verify
from harness.core.storage.digest import digest_array, digest_file, digest_plain_file
from harness.core.storage.npz import read_archive
from harness.core.verdict import Outcome, exit_code

FIXTURE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"
COLLISION = Path(__file__).parents[4] / "shared" / "data" / "one_xxh128_two_arrays.npz"


def verdict(project, name: str, code: int):
    """Return the verdict on one golden file; the others must be the same, and the exit code the given one."""
    verdicts = verify(project)
    found = {item.name: item for item in verdicts}
    assert all(item.outcome is Outcome.SAME for item in verdicts if item.name != name)
    assert exit_code(verdicts) == code
    return found[name]


def test_intact_files_are_the_same(project):
    verdicts = verify(project)
    assert [item.name for item in verdicts] == [MANIFEST, FIXTURE, BASELINE]
    assert {item.outcome for item in verdicts} == {Outcome.SAME}
    assert exit_code(verdicts) == 0


def test_nothing_is_written(project, contents):
    before = contents(project.root)
    (project.root / FIXTURE).write_bytes(b"")
    verify(project)
    assert contents(project.root) == before | {FIXTURE: b""}


@pytest.mark.parametrize("name", [FIXTURE, MANIFEST, BASELINE])
def test_a_missing_file_is_missing(project, name):
    (project.root / name).unlink()
    found = verdict(project, name, 1)
    assert found.outcome is Outcome.MISSING
    assert found.remedy == "Restore it from a copy, or re-record it with `pytest --force-regen`."


def test_a_directory_in_a_files_place_is_missing(project):
    (project.root / FIXTURE).unlink()
    (project.root / FIXTURE).mkdir()
    found = verdict(project, FIXTURE, 1)
    assert (found.outcome, "not a file" in found.detail) == (Outcome.MISSING, True)


@pytest.mark.parametrize("name", [FIXTURE, MANIFEST, BASELINE])
def test_every_byte_counts(project, name):
    """One bit of any byte: the verdict is never "same", and only the zip's own bytes may be "repacked"."""
    path = project.root / name
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        outcome = {item.name: item.outcome for item in verify(project)}[name]
        harmless = {Outcome.REPACKED} if name == FIXTURE else set()
        assert outcome in {Outcome.DRIFTED, Outcome.CORRUPT, Outcome.STALE} | harmless


def test_other_arrays_are_drift(project):
    np.savez(project.root / FIXTURE, image=np.zeros(3))
    found = verdict(project, FIXTURE, 1)
    assert found.outcome is Outcome.DRIFTED
    assert "bytes, found" in found.detail


def test_other_values_of_one_size_are_drift_and_both_digests_are_reported(project):
    path = project.root / BASELINE
    expected = digest_file(path)
    path.write_bytes(path.read_bytes().replace(b"0.875", b"0.885"))
    found = verdict(project, BASELINE, 1)
    assert (found.outcome, found.detail) == (
        Outcome.DRIFTED,
        f"expected {expected}, found {digest_file(path)}",
    )


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_same_arrays_in_another_container_are_accepted(project, arrays, save):
    """Another zlib, another order, another tool: reported, and accepted."""
    save(project.root / FIXTURE, **dict(reversed(arrays.items())))
    assert verdict(project, FIXTURE, 0).outcome is Outcome.REPACKED


def test_another_container_is_drift_without_an_intact_manifest(project, arrays):
    """If the manifest is missing, changed or unregistered, the recorded arrays are unknown."""
    np.savez_compressed(project.root / FIXTURE, **arrays)
    manifest = project.root / MANIFEST
    whole = manifest.read_bytes()
    for change in (manifest.unlink, lambda: manifest.write_bytes(whole + b" ")):
        change()
        outcomes = {item.name: item.outcome for item in verify(project)}
        assert outcomes[FIXTURE] is Outcome.DRIFTED
    manifest.write_bytes(whole)
    registry = read_registry(project.registry)
    rest = {path: entry for path, entry in registry.entries.items() if path != MANIFEST}
    project.registry.write_bytes(encode_registry(Registry(rest)))
    outcomes = {item.name: item.outcome for item in verify(project)}
    assert (outcomes[FIXTURE], outcomes[MANIFEST]) == (Outcome.DRIFTED, Outcome.UNREGISTERED)


def forge_entry(project, name: str, **parts) -> None:
    """Set parts of a registry entry, as if other bytes had been made that have the same digest."""
    registry = read_registry(project.registry)
    entry = registry.entries[name]._replace(**parts)
    project.registry.write_bytes(encode_registry(with_entries(registry, {name: entry})))


def collide(project, name: str) -> None:
    """Let the registry have size and xxh128 of a forged file, and the SHA-256 of the recorded one."""
    found = describe_file(project.root / name, "file")
    forge_entry(project, name, size=found.size, xxh128=found.xxh128)


def test_the_arrays_of_another_container_are_compared_by_sha256(empty, record, staged):
    """Both arrays have one xxh128: the forged one was made by arithmetic."""
    if not COLLISION.is_file():
        pytest.skip(f"{COLLISION} is not here")
    arrays = read_archive(COLLISION)
    assert digest_array(arrays["recorded"]) == digest_array(arrays["forged"])
    record(staged(arrays={"image": arrays["recorded"]}))
    np.savez_compressed(empty.root / FIXTURE, image=arrays["recorded"])
    assert verdict(empty, FIXTURE, 0).outcome is Outcome.REPACKED
    np.savez_compressed(empty.root / FIXTURE, image=arrays["forged"])
    assert verdict(empty, FIXTURE, 1).outcome is Outcome.DRIFTED


def test_a_manifest_must_be_intact_by_sha256_to_describe_another_container(project, made):
    """A forged manifest may have the recorded size and xxh128, too."""
    write_fixture(made(arrays={"image": np.ones((3, 4))}), project.golden)
    collide(project, MANIFEST)
    assert verdict(project, FIXTURE, 1).outcome is Outcome.DRIFTED


@pytest.mark.parametrize("name", [FIXTURE, MANIFEST, BASELINE])
def test_sha256_finds_other_bytes_of_the_same_size_and_xxh128(project, name):
    path = project.root / name
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    collide(project, name)
    assert {item.outcome for item in verify(project)} == {Outcome.SAME}
    found = {item.name: item for item in verify(project, sha256=True)}
    assert found.pop(name).outcome is not Outcome.SAME
    assert {item.outcome for item in found.values()} == {Outcome.SAME}


def test_sha256_accepts_intact_files_and_finds_what_xxh128_finds(project):
    assert {item.outcome for item in verify(project, sha256=True)} == {Outcome.SAME}
    (project.root / BASELINE).unlink()
    (project.root / FIXTURE).write_bytes(b"PK")
    assert verify(project, sha256=True) == verify(project)
    forge_entry(project, MANIFEST, xxh128=f"xxh128:{'0' * 32}")
    found = {item.name: item for item in verify(project, sha256=True)}[MANIFEST]
    assert (found.outcome, "expected xxh128:0000" in found.detail) == (Outcome.DRIFTED, True)


@pytest.mark.parametrize(
    ("name", "data", "detail"),
    [
        (FIXTURE, b"", "an empty file"),
        (FIXTURE, b"PK\x03\x04", "truncated"),
        (FIXTURE, b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (MANIFEST, b"{", "truncated"),
        (MANIFEST, b"<<<<<<< HEAD\n", "conflict markers"),
        (BASELINE, b"", "an empty file"),
        (BASELINE, b'{"schema": 1}', "missing required field"),
    ],
)
def test_what_cannot_be_read_is_corrupt(project, name, data, detail):
    (project.root / name).write_bytes(data)
    found = verdict(project, name, 1)
    assert found.outcome is Outcome.CORRUPT
    assert detail in found.detail


@pytest.mark.parametrize("name", [MANIFEST, BASELINE])
def test_a_file_of_a_newer_harness_is_stale(project, name):
    path = project.root / name
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"schema": 3}))
    found = verdict(project, name, 1)
    assert (found.outcome, "Upgrade" in found.remedy) == (Outcome.STALE, True)


def test_unregistered_files_are_listed(project):
    """At any depth; hidden files and directories are not golden files."""
    for name in ("stray.npz", "deep/stray.json", ".hidden", ".cache/stray.npz"):
        path = project.golden / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    verdicts = verify(project)
    strangers = [item.name for item in verdicts if item.outcome is Outcome.UNREGISTERED]
    assert strangers == ["golden/deep/stray.json", "golden/stray.npz"]
    assert exit_code(verdicts) == 1


def test_the_history_is_the_only_file_that_needs_no_entry(project):
    """In the golden directory itself; a file of its name below is as unregistered as any other."""
    assert history_path(project).is_file()
    below = project.golden / "sub" / history_path(project).name
    below.parent.mkdir()
    below.write_bytes(b"")
    strangers = [item.name for item in verify(project) if item.outcome is Outcome.UNREGISTERED]
    assert strangers == ["golden/sub/history.jsonl"]


@pytest.mark.parametrize("name", [FIXTURE, MANIFEST, BASELINE])
def test_a_drifted_file_is_hashed_once(project, monkeypatch, name):
    """Whatever kind it is of: another digest at the same size."""
    data = (project.root / name).read_bytes()
    (project.root / name).write_bytes(data[:-1] + b"?")
    hashed = []
    module = "harness.core.registry.verify"
    for function in (digest_file, digest_plain_file):

        def counted(path, *rest, function=function):
            hashed.append(os.path.relpath(path, project.root))
            return function(path, *rest)

        monkeypatch.setattr(f"{module}.{function.__name__}", counted)
    assert {item.name for item in verify(project) if item.outcome is not Outcome.SAME} == {name}
    assert hashed.count(name) == 1


def test_no_golden_directory_and_no_registry_have_no_verdicts(empty):
    assert verify(empty) == ()


def test_size_and_digest_are_both_compared(project):
    entry = read_registry(project.registry).entries[FIXTURE]
    path = project.root / FIXTURE
    assert is_intact(path, entry)
    with path.open("ab") as stream:
        stream.write(b"\0")
    assert not is_intact(path, entry)


@pytest.mark.parametrize(("data", "kind"), [(b"{", UnreadableError), (b'{"schema": 3}', StaleFormatError)])
def test_an_unreadable_registry_has_no_answer(project, data, kind):
    project.registry.write_bytes(data)
    with pytest.raises(kind) as caught:
        verify(project)
    assert caught.value.exit_code == 2


def test_a_registered_link_that_leaves_the_repository_is_refused(project, tmp_path):
    path = project.root / FIXTURE
    path.rename(tmp_path / "elsewhere.npz")
    path.symlink_to(tmp_path / "elsewhere.npz")
    with pytest.raises(RefusedError):
        verify(project)


@pytest.mark.parametrize("leads", ["inside", "out"])
def test_a_directory_may_be_a_link_inside_the_repository_only(project, tmp_path, leads):
    """The bytes are the registered ones either way."""
    target = (project.root if leads == "inside" else tmp_path) / "kept"
    project.golden.rename(target)
    project.golden.symlink_to(target)
    if leads == "out":
        with pytest.raises(RefusedError, match="a path inside the repository"):
            verify(project)
    else:
        assert exit_code(verify(project)) == 0


def test_a_system_without_the_fast_way_gives_the_same_verdicts(project, monkeypatch):
    (project.root / FIXTURE).write_bytes(b"no archive")
    fast = verify(project)
    monkeypatch.setattr("harness.core.storage.digest._UNIX", False)
    assert verify(project) == fast


def test_a_registered_file_may_lie_outside_of_golden(project):
    (project.root / "mask.tif").write_bytes(b"mask")
    registry = read_registry(project.registry)
    entry = describe_file(project.root / "mask.tif", "file", registry.entries[FIXTURE].record)
    project.registry.write_bytes(encode_registry(with_entries(registry, {"mask.tif": entry})))
    assert exit_code(verify(project)) == 0
    (project.root / "mask.tif").write_bytes(b"Mask")
    assert verdict(project, "mask.tif", 1).outcome is Outcome.DRIFTED


def test_intact_files_are_verified_without_slow_imports(project):
    """Start-up time is a promise: none of them is imported until something differs."""
    script = (
        "import sys; from pathlib import Path; from harness.core.storage.project import Project;"
        "from harness.core.registry.verify import verify; verdicts = verify(Project(Path(sys.argv[1])));"
        "slow = {'numpy', 'torch', 'rich', 'msgspec', 'click', 'dataclasses'};"
        "print([item.outcome.value for item in verdicts], slow & set(sys.modules))"
    )
    command = [sys.executable, "-c", script, str(project.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['same', 'same', 'same'] set()"


def test_verdicts_are_the_same_however_many_threads_read(project, monkeypatch):
    """Large files are read by several threads, with the same verdicts."""
    (project.golden / "lattice.npz").write_bytes(b"no archive")
    (project.golden / "lattice.json").unlink()
    alone = verify(project)
    monkeypatch.setattr("harness.core.registry.verify._LARGE_BYTES", 0)
    monkeypatch.setattr("harness.core.registry.verify._MANY_BYTES", 0)
    assert verify(project) == alone
    assert {verdict.outcome for verdict in alone} == {Outcome.SAME, Outcome.CORRUPT, Outcome.MISSING}


def test_an_error_in_a_thread_is_raised(project, monkeypatch):
    """A link that leaves the repository is refused among large files, too."""
    monkeypatch.setattr("harness.core.registry.verify._LARGE_BYTES", 0)
    monkeypatch.setattr("harness.core.registry.verify._MANY_BYTES", 0)
    (project.root / BASELINE).unlink()
    (project.root / BASELINE).symlink_to("/etc/passwd")
    with pytest.raises(RefusedError, match="a path inside the repository"):
        verify(project)


@pytest.mark.parametrize("name", [MANIFEST, BASELINE])
def test_line_endings_are_named_as_the_cause(project, name):
    """With commands that restore them; a file that differs in anything else has only drifted."""
    path = project.root / name
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    found = verdict(project, name, 1)
    assert found.outcome is Outcome.DRIFTED
    assert found.detail.startswith("line endings: expected LF, found CRLF")
    assert "`git rm -r -q --cached golden registry.json`, then `git checkout HEAD --" in found.remedy
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    assert "line endings" not in verdict(project, name, 1).detail


def test_advice_has_a_reason_where_the_project_requires_one(project):
    """The command works as it is printed."""
    (project.root / "pytest.ini").write_text("[pytest]\ngolden_require_reason = true\n")
    (project.root / BASELINE).unlink()
    assert '`pytest --force-regen --golden-reason "..."`' in verdict(project, BASELINE, 1).remedy


def test_dropped_content_of_git_annex_is_named_with_the_command_that_gets_it(project):
    path = project.root / BASELINE
    path.unlink()
    path.symlink_to("../.git/annex/objects/x/key")
    (project.root / ".git" / "annex").mkdir(parents=True)
    (verdict,) = (verdict for verdict in verify(project) if verdict.name == BASELINE)
    assert verdict.outcome is Outcome.MISSING
    assert verdict.remedy == f"Run `git annex get {BASELINE}`."


@pytest.mark.parametrize("name", [FIXTURE, MANIFEST, BASELINE])
@pytest.mark.parametrize("keeper", ["Git LFS", "git-annex"])
def test_a_pointer_in_place_of_any_golden_file_is_named_with_the_command_that_fetches_it(
    project, name, keeper
):
    """Whatever the file's kind; a pointer to other content is what it is, another file."""
    digest = read_registry(project.registry).entries[name].sha256.removeprefix("sha256:")
    text = {
        "Git LFS": f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 5\n",
        "git-annex": f"/annex/objects/SHA256E-s5--{digest}.npz\n",
    }[keeper]
    (project.root / name).write_text(text)
    found = verdict(project, name, 1)
    assert found.outcome is Outcome.MISSING
    assert f"found a pointer of {keeper} to content that this clone does not have" in found.detail
    command = {"Git LFS": "git lfs pull", "git-annex": f"git annex get {name}"}[keeper]
    assert found.remedy == f"Run `{command}`."
    (project.root / name).write_text(text.replace(digest, digest[::-1]))
    assert verdict(project, name, 1).outcome in {Outcome.CORRUPT, Outcome.DRIFTED}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("golden/Mask.tif", "golden/mask.tif"),
        ("golden/A/mask.tif", "golden/a/other.tif"),
        ("golden/caf\xe9.tif", "golden/cafe\u0301.tif"),
        ("golden/stra\xdfe.tif", "golden/STRASSE.tif"),
    ],
)
def test_names_that_some_file_systems_do_not_distinguish_are_said(project, first, second):
    """They meet in a merge of two branches, each of which was right to record its own."""
    registry = read_registry(project.registry)
    record = registry.entries[FIXTURE].record
    entries = {}
    for name in (first, second):
        file = project.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"mask")
        entries[name] = describe_file(file, "file", record)
    project.registry.write_bytes(encode_registry(with_entries(registry, {first: entries[first]})))
    (project.root / second).rename(project.root / "kept")
    assert exit_code(verify(project)) == 0
    (project.root / "kept").rename(project.root / second)
    project.registry.write_bytes(encode_registry(with_entries(registry, entries)))
    found = verdict(project, "registry.json", 1)
    assert found.outcome is Outcome.CORRUPT
    assert "differ only by case or Unicode form, which some file systems ignore" in found.detail


def git(project, *arguments: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(project.root), *identity, *arguments]
    subprocess.run(command, check=True, capture_output=True)


def commit(project) -> None:
    git(project, "add", "-A", ".")
    git(project, "commit", "-qm", "a commit", "--allow-empty")


def type_command(project, remedy: str) -> None:
    """Run the first command of a remedy as a user would type it."""
    subprocess.run(remedy.split("`")[1], shell=True, check=True, cwd=project.root)  # noqa: S602 - our words


@pytest.mark.parametrize("committed", ["not", "staged", "once", "long ago"])
@pytest.mark.parametrize(
    "harm", ["other bytes", "deleted", "a link to nothing", "a link to itself", "a long link"]
)
def test_the_printed_command_restores_a_file_also_if_the_harm_was_committed(project, harm, committed):
    file = project.root / FIXTURE
    git(project, "init", "-q")
    commit(project)
    if harm == "other bytes":
        file.write_bytes(b"other")
    else:
        file.unlink()
    if harm in {"a link to nothing", "a link to itself", "a long link"}:
        targets = {"a link to nothing": "nothing", "a link to itself": file.name, "a long link": "x" * 300}
        file.symlink_to(targets[harm])
    if committed == "staged":
        git(project, "add", "-A")
    elif committed != "not":
        commit(project)
    if committed == "long ago":
        (project.root / "more").touch()
        commit(project)
    type_command(project, verdict(project, FIXTURE, 1).remedy)
    assert exit_code(verify(project, sha256=True)) == 0


def test_what_a_link_leads_to_is_restored(project):
    """Git refuses the path through the linked directory."""
    project.golden.rename(project.root / "kept files")
    project.golden.symlink_to("kept files")
    git(project, "init", "-q")
    commit(project)
    (project.root / FIXTURE).write_bytes(b"other")
    commit(project)
    type_command(project, verdict(project, FIXTURE, 1).remedy)
    assert exit_code(verify(project)) == 0


def test_without_a_commit_that_has_the_bytes_none_is_named(project, monkeypatch):
    """Not recorded where git is, not committed, or git fails: then the project is restored from a copy."""
    (project.root / FIXTURE).write_bytes(b"other")
    git(project, "init", "-q")
    unborn = verdict(project, FIXTURE, 1).remedy
    commit(project)
    for remedy in (unborn, verdict(project, FIXTURE, 1).remedy):
        assert remedy.startswith("Restore it from a copy, because no commit has the recorded bytes, or re-re")
    monkeypatch.setenv("PATH", "")
    remedy = verdict(project, FIXTURE, 1).remedy
    assert remedy.startswith("Restore it from a copy, because git cannot be asked for it, or re-record it")


def test_git_is_asked_for_a_few_files_only(project, monkeypatch):
    git(project, "init", "-q")
    commit(project)
    for name in (FIXTURE, MANIFEST, BASELINE):
        (project.root / name).write_bytes(b"other")
    monkeypatch.setattr("harness.core.registry.verify._MANY_FILES", 2)
    remedies = [item.remedy for item in verify(project)]
    assert sum("git checkout HEAD -- " in remedy for remedy in remedies) == 2
    assert sum("with the command that `harness audit` prints" in remedy for remedy in remedies) == 1


def test_damaged_content_of_git_annex_is_fetched_again(project):
    """Git has the right link, so checking it out changes nothing."""
    digest = read_registry(project.registry).entries[FIXTURE].sha256.removeprefix("sha256:")
    content = project.root / f".git/annex/objects/F4/k9/SHA256--{digest}/SHA256--{digest}"
    content.parent.mkdir(parents=True)
    (project.root / FIXTURE).rename(content)
    (project.root / FIXTURE).symlink_to(f"../{content.relative_to(project.root)}")
    assert exit_code(verify(project)) == 0
    content.write_bytes(b"other")
    expected = f"Run `git annex fsck {FIXTURE}`, then `git annex get {FIXTURE}`."
    assert verdict(project, FIXTURE, 1).remedy == expected


def test_a_file_that_a_sparse_checkout_left_out_comes_back_by_the_command_printed(project):
    git(project, "init", "-q")
    commit(project)
    git(project, "sparse-checkout", "set", "elsewhere")
    found = next(item for item in verify(project) if item.name == FIXTURE)
    assert (found.outcome, found.detail.partition(": ")[2]) == (
        Outcome.MISSING,
        "a sparse checkout left it out",
    )
    command = found.remedy.split("`")[1]
    subprocess.run(command, shell=True, cwd=project.root, check=True)  # noqa: S602 - our own words
    assert exit_code(verify(project)) == 0
