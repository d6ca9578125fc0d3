"""``harness audit`` as a user types it, in a project in git."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest


def test_intact_files_have_no_finding(traced, harness):
    """Each file is traced from source and generator to the commit with its author and subject."""
    shown = harness("audit")
    assert shown.code == 0
    assert "4 golden files audited: 0 broken, 0 weak, 0 informational." in shown.out.splitlines()[-1]
    for text in (
        "scan.bin xxh128:",
        "waves:waves, version 1: count=4, photons=1000000.0",
        "by Ada Lovelace: first light",
        "by Ada Lovelace: Record waves and scan",
    ):
        assert text in shown.out


def test_a_broken_file_exits_with_1(traced, harness):
    """The finding names the file and a command that restores it; other files can be audited alone."""
    data = bytearray((traced / "golden" / "waves.npz").read_bytes())
    data[data.index(b"\n") + 1] ^= 1  # the first value, behind the header of the array
    (traced / "golden" / "waves.npz").write_bytes(data)
    shown = harness("audit", "waves")
    assert shown.code == 1
    assert "broken: golden/waves.npz: bytes: " in shown.out
    assert "git checkout HEAD -- golden/waves.npz" in shown.out
    assert harness("audit", "scanned").code == 0
    assert harness("audit", "golden/scanned.npz").code == 0


def test_json_has_findings_and_files(traced, harness):
    """The files are sorted, each with the evidence that was found."""
    (traced / "golden" / "waves.npz").unlink()
    shown = harness("audit", "--json")
    assert shown.code == 1
    result = json.loads(shown.out)
    assert result["broken"] is True
    first = result["findings"][0]
    assert (first["rank"], first["rule"], first["path"]) == ("broken", "missing", "golden/waves.npz")
    paths = [file["path"] for file in result["files"]]
    assert paths == sorted(paths)
    files = dict(zip(paths, result["files"], strict=True))
    assert files["golden/waves.npz"]["on_disk"] is None
    assert files["golden/waves.json"]["on_disk"]["sha256"] == files["golden/waves.json"]["entry"]["sha256"]
    assert files["golden/scanned.npz"]["source"]["name"] == "scan.bin"
    assert [commit["subject"] for commit in files["golden/waves.json"]["commits"]] == [
        "Record waves and scan"
    ]
    assert "cumulative" in files["golden/waves.npz"]


def test_an_entry_outside_golden_is_a_finding(traced, harness):
    """Other verbs refuse such a registry; an audit goes on and reports it."""
    text = (traced / "registry.json").read_text().replace("golden/waves.npz", "../waves.npz")
    (traced / "registry.json").write_text(text)
    shown = harness("audit")
    assert shown.code == 1
    assert "broken: ../waves.npz: path: " in shown.out


def test_control_characters_are_escaped(traced, harness):
    """A path in the registry cannot write on the terminal."""
    tree = json.loads((traced / "registry.json").read_bytes())
    tree["entries"]["evil\x07"] = tree["entries"].pop("golden/scanned.npz")
    (traced / "registry.json").write_text(json.dumps(tree))
    shown = harness("audit")
    assert shown.code == 1
    assert not set(shown.out) & {"\x1b", "\x07", "\r"}
    assert "evil\\x07" in shown.out


def test_in_toto_writes_one_statement_per_line(traced, harness):
    """For one fixture, or for all. Subjects are the files as they are on disk."""
    shown = harness("audit", "waves", "--format", "in-toto")
    assert shown.code == 0
    (line,) = shown.out.splitlines()
    statement = json.loads(line)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["name"] for subject in statement["subject"]] == ["golden/waves.json", "golden/waves.npz"]
    assert len(harness("audit", "--format", "in-toto").out.splitlines()) == 2


@pytest.mark.parametrize("change", [lambda file: file.unlink(), lambda file: file.write_bytes(b"PK")])
def test_in_toto_has_no_statement_of_broken_files(traced, harness, change):
    """Standard error says why, so that standard output stays one document per line."""
    change(traced / "golden" / "waves.npz")
    shown = harness("audit", "--format", "in-toto")
    assert shown.code == 1
    names = [[subject["name"] for subject in json.loads(line)["subject"]] for line in shown.out.splitlines()]
    assert names == [["golden/scanned.json", "golden/scanned.npz"]]
    assert "broken: golden/waves.npz: " in shown.err
    assert "no statement: golden/waves.json, golden/waves.npz" in shown.err


def test_in_toto_has_no_statement_if_the_history_lost_lines(traced, harness):
    """Also of a single fixture: whatever a record names may be what was removed."""
    history = traced / "golden" / "history.jsonl"
    lines = history.read_bytes().splitlines(keepends=True)
    history.write_bytes(b"".join(line for line in lines if b'"type":"record"' in line))
    shown = harness("audit", "waves", "--format", "in-toto")
    assert (shown.code, shown.out) == (1, "")
    assert "no statement: golden/waves.json, golden/waves.npz" in shown.err


def test_files_that_the_last_full_test_run_did_not_use_are_weak(traced, run_pytest, harness):
    suite = traced / "test_waves.py"
    suite.write_text(suite.read_text().partition("def test_scanned")[0])
    assert run_pytest(traced).returncode == 0
    shown = harness("audit")
    assert shown.code == 0
    assert "weak: golden/scanned.json, golden/scanned.npz: unreferenced" in shown.out


def test_a_partial_test_run_says_nothing_about_unused_files(traced, run_pytest, harness):
    assert run_pytest(traced, "-k", "waves").returncode == 0
    assert "unreferenced" not in harness("audit").out


@pytest.mark.parametrize("verb", ["audit", "reproduce"])
def test_an_unknown_name_exits_with_2(traced, harness, verb):
    """The message lists the names there are."""
    shown = harness(verb, "nothing")
    assert (shown.code, shown.out) == (2, "")
    assert "one of scanned, waves" in shown.err
    assert "'nothing'" in shown.err


def test_without_a_registry_it_exits_with_2(tmp_path, harness):
    shown = harness("audit")
    assert (shown.code, shown.out) == (2, "")
    assert "registry.json" in shown.err


PAGE = Path(__file__).parents[2] / "docs/fixture-design.md"


@pytest.mark.parametrize("code_first", [False, True])
def test_the_example_of_the_page_on_fixtures_has_no_findings(tmp_path, git, run_pytest, harness, code_first):
    """Recorded and committed twice, its code together with the golden files, or before, in a directory."""
    text, place = PAGE.read_text("utf-8"), tmp_path / ("tests" if code_first else ".")
    place.mkdir(exist_ok=True)
    for name in ("lattice.py", "test_lattice.py"):
        (code,) = re.findall(f"```python\n# {name}\n(.*?)```", text, re.DOTALL)
        (place / name).write_text(code)
    git("init", "-q", "-b", "main")
    git("config", "user.name", "Ada Lovelace")
    for size in (32, 48):
        code = (place / "lattice.py").read_text()
        (place / "lattice.py").write_text(code.replace("size: int = 32", f"size: int = {size}"))
        if code_first:
            git("add", "lattice.py", "test_lattice.py", cwd=place)
            git("commit", "-qm", f"Use {size} points")
        done = run_pytest(tmp_path, "--regen-all", "--golden-reason", f"{size} points")
        assert done.returncode == 0, done.stdout
        git("add", "-A")
        git("commit", "-qm", f"Record {size} points")
        shown = harness("audit")
        assert shown.code == 0
        assert "3 golden files audited: 0 broken, 0 weak" in shown.out.splitlines()[-1]


@pytest.mark.parametrize("options", [(), ("--remeasure",), ("--json",), ("--format", "in-toto")])
def test_no_code_of_the_project_runs(traced, harness, options):
    """Its generators are declared, and its manifests name them; an audit reads their source text only."""
    trap = f"from pathlib import Path\nPath({str(traced / 'trapped')!r}).touch()\n"
    for name in ("waves.py", "test_waves.py", "conftest.py", "setup.py"):
        (traced / name).write_text(trap)
    assert harness("audit", *options).code == 0
    assert harness("verify", "--sha256").code == 0
    assert not (traced / "trapped").exists()


def test_a_project_whose_only_recording_was_reverted_is_audited(traced, git, harness):
    """There is no registry any more. The remedy that is printed works as typed."""
    git("revert", "--no-edit", "HEAD")
    assert not (traced / "registry.json").exists()
    for arguments in (["audit"], ["audit", "--root", traced]):
        shown = harness(*arguments)
        assert shown.code == 0
        assert "0 golden files audited: 0 broken, 4 weak" in shown.out
    (command,) = set(re.findall("`(git checkout .*?)`", shown.out))
    git(*shlex.split(command)[1:])
    git("commit", "-qm", "Add the lines again")
    shown = harness("audit")
    assert "0 golden files audited: 0 broken, 0 weak" in shown.out


def test_deleting_the_registry_does_not_hide_a_forged_history(traced, git, harness):
    history = traced / "golden" / "history.jsonl"
    history.write_bytes(history.read_bytes().replace(b"first light", b"innocence"))
    (traced / "registry.json").unlink()
    git("add", "-A")
    git("commit", "-qm", "Tidy up")
    shown = harness("audit")
    assert shown.code == 1
    assert (
        "broken: golden/scanned.json, golden/scanned.npz, golden/waves.json, golden/waves.npz: lost"
        in shown.out
    )


# What an audit relies on: records that were made by the project's own tests.


def test_a_fixture_from_a_listed_source_file_is_recorded(traced_template):
    """Its generator found the file again by name and digest. A manifest's record names the code, too."""
    entries = json.loads((traced_template / "registry.json").read_bytes())["entries"]
    assert set(entries) == {f"golden/{n}.{e}" for n in ("waves", "scanned") for e in ("json", "npz")}
    lines = map(json.loads, (traced_template / "golden" / "history.jsonl").read_text().splitlines())
    records = {line["path"]: line for line in lines if "path" in line}
    for path, entry in entries.items():
        assert records[path]["sha256"] == entry["sha256"]
        assert ("code" in records[path]) == path.endswith(".json")


def test_a_source_file_that_is_not_listed_is_not_recorded(traced, run_pytest):
    """The refusal names the setting, and nothing is written."""
    text = (traced / "pyproject.toml").read_text().replace('"scans"', "")
    (traced / "pyproject.toml").write_text(text)
    (traced / "scans" / "scan.bin").write_bytes(bytes(range(1, 17)))
    before = (traced / "registry.json").read_bytes()
    done = run_pytest(traced, "--regen-all", "--golden-reason", "other scan")
    assert done.returncode != 0
    assert "[tool.harness] sources" in done.stdout
    assert (traced / "registry.json").read_bytes() == before


def test_quiet_prints_the_findings_without_the_evidence(traced, harness):
    shown = harness("audit", "-q")
    assert shown.code == 0
    assert "  records " not in shown.out
    assert shown.out.splitlines()[-1] == harness("audit").out.splitlines()[-1]


@pytest.mark.parametrize(
    ("form", "line"), [("github", "::error file=golden/waves.npz,"), ("sarif", '"error"')]
)
def test_findings_are_shown_to_ci_services(traced, harness, monkeypatch, form, line):
    """A broken finding is an error; the exit code is that of the text."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert harness("audit", "--format", form).code == 0
    (traced / "golden" / "waves.npz").write_bytes(b"PK")
    shown = harness("audit", "--format", form)
    assert shown.code == 1
    assert line in shown.out


def test_weak_findings_are_warnings(traced, harness, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (traced / "golden" / "stray.bin").write_bytes(b"")
    shown = harness("audit", "--format", "github")
    assert shown.code == 0
    assert "::warning file=golden/stray.bin,title=unregistered%3A golden/stray.bin::" in shown.out
