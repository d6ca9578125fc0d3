"""``harness install-git`` in real git repositories."""

from __future__ import annotations

import json

import pytest


def test_each_setting_is_printed_and_made_once(tmp_path, git, install):
    """The second time all are kept, and no byte changes."""
    git("init", "-q")
    first = install()
    assert first.code == 0
    lines = first.out.splitlines()
    assert lines[-1] == "Commit .gitattributes, and run `harness install-git` once in every clone."
    assert all(line.startswith((".gitattributes: set ", "git config: set ")) for line in lines[:-1])
    files = [tmp_path / ".gitattributes", tmp_path / ".git" / "config"]
    before = [file.read_bytes() for file in files]
    second = install("--json")
    assert [setting["changed"] for setting in json.loads(second.out)["settings"]] == [False] * len(lines[:-1])
    assert "Commit" not in install().out
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_existing_lines_are_kept(tmp_path, git, install, end):
    """They stay in front, byte by byte; a line that is there already is not added again."""
    git("init", "-q")
    own = f"*.tif binary\n*.npz   diff=harness-npz{end}".encode()
    (tmp_path / ".gitattributes").write_bytes(own)
    assert install().code == 0
    text = (tmp_path / ".gitattributes").read_bytes()
    assert text.startswith(own)
    assert text.count(b"diff=harness-npz") == 1
    assert b"\n/registry.json -text merge=harness-registry\n" in text


def test_an_older_command_is_replaced(git, install):
    """Even one that was set twice."""
    git("init", "-q")
    for value in ("/old/harness textconv", "/older/harness textconv"):
        git("config", "--add", "diff.harness-npz.textconv", value)
    assert install().code == 0
    assert "old" not in git("config", "--get-all", "diff.harness-npz.textconv")


def test_outside_a_repository_it_exits_with_2(tmp_path, install, git):
    """One line with the next step, and nothing is written."""
    done = install()
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "not a git repository" in done.err
    assert "git init" in done.err
    assert list(tmp_path.iterdir()) == []
    git("init", "-q", "--bare")
    assert "bare repository" in install().err


def test_without_git_it_exits_with_2(tmp_path, run_harness):
    done = run_harness("install-git", cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert done.code == 2
    assert done.err.startswith("harness: git")


def test_an_attribute_that_overrides_a_setting_is_refused(repository, install):
    """The message names the attribute and what git found instead."""
    with (repository.root / ".gitattributes").open("a") as stream:
        stream.write("golden/*.npz diff=lfs\n")
    done = install()
    assert done.code == 1
    assert "attribute diff of golden/fixture.npz: expected harness-npz, found lfs" in done.err


def test_a_project_in_a_subfolder_has_its_own_attributes(tmp_path, git, install):
    """Only its registry gets the merge driver."""
    git("init", "-q")
    part = tmp_path / "analysis"
    part.mkdir()
    (part / "registry.json").write_text('{"entries": {}, "schema": 2}')
    assert install(cwd=part).code == 0
    assert "merge: harness-registry" in git("check-attr", "merge", "analysis/registry.json")
    assert "merge: unspecified" in git("check-attr", "merge", "registry.json")
    assert not (tmp_path / ".gitattributes").exists()
