"""``harness verify`` as a user types it."""

from __future__ import annotations

import json

import pytest

import harness as package
from harness.commands import verify as module


@pytest.mark.parametrize(("change", "code"), [("none", 0), ("missing", 1), ("broken", 2)])
def test_the_result_is_the_same_with_and_without_options(project, harness, change, code):
    """Without any, another path of the program is taken: it starts without click."""
    if change == "missing":
        (project / "golden").rename(project / "elsewhere")
    elif change == "broken":
        (project / "registry.json").write_text("{")
    plain, with_options = harness("verify"), harness("verify", "--root", project)
    assert plain.code == code
    assert (plain.code, plain.out, plain.err) == (with_options.code, with_options.out, with_options.err)


def test_intact_files_exit_with_0(project, harness):
    shown = harness("verify")
    assert (shown.code, shown.out, shown.err) == (0, "3 of 3 golden files match the registry.\n", "")


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda golden: (golden / "waves.npz").unlink(), "missing: golden/waves.npz"),
        (lambda golden: (golden / "waves.json").write_text("{}"), "corrupt: golden/waves.json"),
        (lambda golden: (golden / "waves.npz").write_bytes(b"PK"), "corrupt: golden/waves.npz"),
        (lambda golden: (golden / "stray.npz").write_bytes(b""), "unregistered: golden/stray.npz"),
    ],
)
def test_damage_exits_with_1(project, harness, damage, line):
    """The output names the file, and a command that repairs it."""
    damage(project / "golden")
    shown = harness("verify")
    assert shown.code == 1
    assert line in shown.out
    assert "`" in shown.out


def test_sha256_finds_what_was_made_to_have_the_recorded_xxh128(project, harness):
    """The registry has the size and the xxh128 of the forged file, and the SHA-256 of the recorded one."""
    baseline = project / "golden" / "waves.smooth.json"
    baseline.write_bytes(baseline.read_bytes().replace(b'"date": "2', b'"date": "3'))
    registry = project / "registry.json"
    tree = json.loads(registry.read_bytes())
    tree["entries"]["golden/waves.smooth.json"]["xxh128"] = package.digest_file(baseline)
    registry.write_text(json.dumps(tree))
    assert harness("verify").code == 0
    shown = harness("verify", "--sha256")
    assert shown.code == 1
    assert "drifted: golden/waves.smooth.json: expected sha256:" in shown.out


def test_json_lists_every_verdict(project, harness):
    (project / "golden" / "waves.npz").unlink()
    shown = harness("verify", "--json")
    assert shown.code == 1
    verdicts = {verdict["name"]: verdict for verdict in json.loads(shown.out)["verdicts"]}
    assert verdicts["golden/waves.npz"]["outcome"] == "missing"
    assert verdicts["golden/waves.json"] == {
        "name": "golden/waves.json", "outcome": "same", "detail": "", "remedy": ""
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", [None, '{"schema": 2, "entries": {"a": 1}}', '{"schema": 99, "entries": {}}']
)
def test_without_a_readable_registry_it_exits_with_2(tmp_path, harness, text):
    """No registry, a damaged one, or one of a newer version: one message and nothing else."""
    if text:
        (tmp_path / "registry.json").write_text(text)
    shown = harness("verify")
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("harness: ")
    assert shown.err.count("\n") == 1
    assert "registry.json" in shown.err


def test_verify_here_is_what_the_public_function_returns(project, monkeypatch, capsys):
    """The verb adds text and an exit code to ``harness.verify``, and no judgement of its own."""
    monkeypatch.chdir(project)
    (project / "golden" / "waves.npz").unlink()
    assert module.verify_here() == 1
    accepted = [verdict.outcome.accepted for verdict in package.verify(package.find_project())]
    assert f"{sum(accepted)} of {len(accepted)} golden files" in capsys.readouterr().out


def test_the_module_has_no_other_lazy_names():
    with pytest.raises(AttributeError, match="bogus"):
        _ = module.bogus


def test_quiet_prints_what_does_not_match_alone(project, harness):
    shown = harness("verify", "-q")
    assert (shown.code, shown.out) == (0, "")
    (project / "golden" / "waves.npz").unlink()
    shown = harness("verify", "--quiet")
    assert shown.code == 1
    assert shown.out.startswith("missing: golden/waves.npz: ")
    assert "match the registry" not in shown.out


def test_verbose_prints_every_file(project, harness):
    shown = harness("verify", "-v")
    assert (shown.code, shown.out.splitlines()[:2]) == (
        0,
        ["same: golden/waves.json", "same: golden/waves.npz"],
    )
    assert shown.out.endswith("match the registry.\n")


# Formats for CI services; tests/report/ci/ has what each of them promises.


def test_github_shows_annotations_and_a_summary(project, harness, monkeypatch):
    """Beside the file's path in the repository, of which the project may be a directory."""
    inner = project / "inner"
    inner.mkdir()
    for name in ("golden", "registry.json", "pyproject.toml"):
        (project / name).rename(inner / name)
    (project / ".git").mkdir()
    (inner / "golden" / "waves.npz").unlink()
    summary = project / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    shown = harness("verify", "--root", inner, "--format", "github")
    assert shown.code == 1
    annotation, count = shown.out.splitlines()
    assert annotation.startswith("::error file=inner/golden/waves.npz,title=missing%3A golden/waves.npz::")
    assert count == "harness verify: 1 error, 2 passed"
    assert "| error | <code>golden/waves.npz</code> | missing |" in summary.read_text()


def test_github_shows_nothing_for_intact_files(project, harness, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    shown = harness("verify", "--format", "github")
    assert (shown.code, shown.out) == (0, "harness verify: 3 passed\n")


def test_github_shows_why_nothing_was_checked(project, harness):
    (project / "registry.json").write_text("{")
    shown = harness("verify", "--format", "github")
    assert shown.code == 2
    assert shown.out.startswith("::error title=cannot tell::")
    assert shown.out.count("\n") == 1
    assert shown.err.startswith("harness: ")


def test_a_summary_that_cannot_be_written_exits_with_2(project, harness, monkeypatch):
    """The annotations are shown first."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project))
    shown = harness("verify", "--format", "github")
    assert (shown.code, shown.out) == (2, "harness verify: 3 passed\n")
    assert "cannot append the step's summary" in shown.err


@pytest.mark.parametrize(("form", "start"), [("junit", "<?xml"), ("sarif", "{"), ("json", "{")])
def test_documents_are_all_that_is_printed(project, harness, form, start):
    """The exit code is that of the text."""
    (project / "golden" / "waves.npz").unlink()
    shown = harness("verify", "--format", form)
    assert (shown.code, shown.err) == (1, "")
    assert shown.out.startswith(start)
    assert "golden/waves.npz" in shown.out
    assert shown.out == harness("verify", "--format", form, "-q").out


def test_json_has_two_spellings(project, harness):
    assert harness("verify", "--json").out == harness("verify", "--format", "json").out


def test_two_formats_at_once_are_refused(project, harness):
    shown = harness("verify", "--json", "--format", "junit")
    assert shown.code == 2
    assert "--json and --format junit ask for two output formats" in shown.err
