"""``harness diff`` as a user types it."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

import harness as package
from harness.core.fixtures.fixture import write_fixture
from harness.core.storage.npz import write_archive


@pytest.fixture
def pair(tmp_path):
    """Two .npz files of the same two arrays; write the second with one value of an array changed."""
    arrays = {"wave": np.sin(np.arange(8.0)), "time": np.arange(8.0)}
    np.savez(tmp_path / "a.npz", **arrays)

    def change(name: str, place: int, value: float) -> tuple[str, str]:
        arrays[name][place] = value
        np.savez(tmp_path / "b.npz", **arrays)
        return "a.npz", "b.npz"

    return change


def test_equal_files_exit_with_0(pair, harness):
    files = pair("time", 0, 0.0)
    shown = harness("diff", *files)
    assert (shown.code, shown.out) == (0, "2 arrays, all bits equal.\n")


def test_drift_exits_with_1_and_shows_where(pair, harness):
    shown = harness("diff", *pair("time", 3, 3.5))
    assert shown.code == 1
    assert "time: 1 of 8 elements differ" in shown.out
    assert "[3]: expected 3.0, found 3.5" in shown.out


@pytest.mark.parametrize(("option", "code"), [("0.51", 0), ("0.49", 1)])
def test_a_tolerance_is_a_limit(pair, harness, option, code):
    """Just inside and just outside."""
    files = pair("time", 3, 3.5)
    assert harness("diff", *files, "--atol", option).code == code


@pytest.mark.parametrize(("option", "code"), [("0.17", 0), ("0.16", 1)])
def test_a_relative_tolerance_is_relative_to_the_expected_value(pair, harness, option, code):
    """The change is 0.5 at 3.0."""
    assert harness("diff", *pair("time", 3, 3.5), "--rtol", option).code == code


def test_exact_allows_no_difference(pair, harness):
    """One ULP is within the dtype's own tolerance, but not exactly equal."""
    files = pair("time", 1, float(np.nextafter(1.0, 2.0)))
    shown = harness("diff", *files)
    assert (shown.code, shown.out.splitlines()[-1]) == (0, "2 arrays, within tolerance; 1 element not equal.")
    assert harness("diff", *files, "--exact").code == 1


def test_shown_limits_the_elements(pair, harness):
    pair("time", 3, 30.0)
    shown = harness("diff", *pair("time", 4, 40.0), "--shown", "1")
    assert shown.out.count(": expected ") == 1


def test_json_has_every_figure(pair, harness):
    shown = harness("diff", *pair("time", 3, 3.5), "--json")
    assert shown.code == 1
    result = json.loads(shown.out)
    assert (result["accepted"], result["identical"]) == (False, False)
    arrays = {array["name"]: array for array in result["arrays"]}
    assert arrays["wave"]["differing"] == 0
    assert (arrays["time"]["differing"], arrays["time"]["size"]) == (1, 8)
    assert (arrays["time"]["max_absolute"], arrays["time"]["worst"]) == (0.5, [3])
    assert (arrays["time"]["largest"], arrays["time"]["incomparable"]) == ("largest difference 0.5", 0)


def test_json_has_differences_that_no_float_holds(tmp_path, harness):
    """Twice 1e308, a NaN, and days of a date, each in its own unit."""
    golden = {"far": np.array([1e308]), "gone": np.array([1.0]), "day": np.array(["2020-01-01"], "M8[D]")}
    found = {"far": np.array([-1e308]), "gone": np.array([np.nan]), "day": golden["day"] + 3}
    for name, arrays in (("one", golden), ("other", found)):
        write_archive(tmp_path / f"{name}.npz", arrays)
    shown = harness("diff", str(tmp_path / "one.npz"), str(tmp_path / "other.npz"), "--json")
    arrays = json.loads(shown.out)["arrays"]
    figures = {array["name"]: (array["max_absolute"], array["largest"]) for array in arrays}
    assert figures == {
        "far": (2 * int(1e308), "largest difference 2e+308"),
        "gone": (0.0, "1 element differs by NaN or infinity"),
        "day": (3, "largest difference 3 days"),
    }


def test_an_unreadable_file_exits_with_2(pair, harness):
    one, _ = pair("time", 0, 0.0)
    shown = harness("diff", one, "nothing.npz")
    assert (shown.code, shown.out) == (2, "")
    assert "nothing.npz" in shown.err


# Two git revisions; tests/core/revisions/ has what is compared, tests/report/ci/ how it is shown.


@pytest.fixture
def revisions(project, git):
    """A project in git with a fixture and a baseline."""
    (project / ".gitignore").write_text(".harness\n__pycache__\n")
    git("init", "-q", "-b", "main")
    git("config", "user.name", "Ada Lovelace")
    git("config", "user.email", "ada@example.org")
    git("add", "-A")
    git("commit", "-qm", "Record")
    return project


@pytest.fixture
def changed(revisions, git, harness):
    """A second commit in which 16 elements of one array are larger by 0.5, with a reason of its own."""
    with np.load(revisions / "golden" / "waves.npz") as archive:
        arrays = dict(archive)
    arrays["wave"][2] += 0.5
    fixture = package.read_fixture(revisions / "golden" / "waves.npz")
    manifest = fixture.manifest
    made = package.make_fixture("waves", arrays, generator=manifest.generator, source=manifest.source)
    write_fixture(made, revisions / "golden")
    done = harness("add", "golden/waves.npz", "golden/waves.json", "--reason", "finer | mesh, says @ada")
    assert done.code == 0, done.err
    git("add", "-A")
    git("commit", "-qm", "Use a finer mesh")
    return revisions


def test_two_revisions_show_value_distance_place_and_reason(changed, harness):
    shown = harness("diff", "HEAD~1", "HEAD")
    assert (shown.code, shown.err) == (1, "")
    lines = shown.out.splitlines()
    assert lines[0] == "changed: golden/waves.npz"
    assert re.fullmatch(r"  wave: \S+ -> \S+ at \[2, \d+\]; 16 of 128 elements", lines[1])
    assert re.fullmatch(r"    \S+ tolerances \(default: \S+ \+ 1e-07 relative\)", lines[2])
    assert "finer | mesh, says @ada (Ada Lovelace, 20" in lines[3]
    assert re.fullmatch(r"HEAD~1 \([0-9a-f]{12}\) -> HEAD \([0-9a-f]{12}\): 2 changed, 1 the same", lines[4])


def test_equal_revisions_exit_with_0(changed, harness):
    for words in (["HEAD", "HEAD"], ["HEAD"], ["main..HEAD"]):
        shown = harness("diff", *words)
        assert (shown.code, len(shown.out.splitlines())) == (0, 1)
        assert "no change, 3 the same" in shown.out


def test_a_work_tree_is_the_other_side_of_one_revision(changed, harness):
    assert harness("diff", "HEAD~1").out.splitlines()[0] == "changed: golden/waves.npz"
    assert "-> the work tree: 2 changed" in harness("diff", "HEAD~1").out


def test_tolerances_apply_to_all_arrays(changed, harness):
    found = json.loads(harness("diff", "HEAD~1", "HEAD", "--atol", "0.25", "--json").out)
    ((value,),) = [file["values"] for file in found["files"] if file["kind"] == "fixture"]
    assert (value["tolerances"], value["limit"]["origin"]) == (pytest.approx(2.0), "given")


def test_json_of_revisions_has_every_file_and_record(changed, harness):
    shown = harness("diff", "HEAD~1..HEAD", "--format", "json")
    assert shown.code == 1
    document = json.loads(shown.out)
    assert (document["schema"], document["verb"], document["same"]) == (1, "diff", 1)
    assert document.keys() - {"schema", "verb"} == {"before", "after", "same", "files", "notes"}
    files = {file["path"]: file for file in document["files"]}
    assert files["golden/waves.json"]["values"] == []
    assert files["golden/waves.npz"]["records"][0]["reason"] == "finer | mesh, says @ada"
    assert files["golden/waves.npz"].keys() == {
        "path",
        "old_path",
        "state",
        "kind",
        "values",
        "records",
        "notes",
        "obstacle",
    }


def test_markdown_is_a_comment_with_one_table(changed, harness):
    shown = harness("diff", "HEAD~1", "--format", "markdown")
    assert shown.code == 1
    rows = [line for line in shown.out.splitlines() if line.startswith("| ")]
    assert [row.count("|") for row in rows] == [8, 8, 8]
    assert "finer &#124; mesh, says &#64;&#8203;ada" in rows[2]
    assert shown.out.startswith("**Golden files: 2 changed, 1 the same**")


def test_pictures_are_written_and_referred_to(changed, harness, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")
    shown = harness("diff", "HEAD~1", "--format", "markdown", "--pictures", "pictures")
    files = sorted((tmp_path / "pictures").iterdir())
    assert len(files) == 3
    for file in files:
        assert f"](pictures/{file.name})" in shown.out


def test_nothing_is_written_and_nothing_of_the_project_is_run(changed, run_harness):
    for name in ("numpy.py", "waves.py", "sitecustomize.py", "conftest.py"):
        (changed / name).write_text("raise SystemExit('imported')\n")
    before = {path: path.stat().st_mtime_ns for path in changed.rglob("*")}
    assert run_harness("diff", "HEAD~1", "HEAD", cwd=changed, safe_path=True).code == 1
    assert {path: path.stat().st_mtime_ns for path in changed.rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["HEAD", "v9"], "'v9' is neither a file nor a commit that git has here"),
        (["a.npz", "b.npz"], "'a.npz' is neither a file nor a commit"),
        (["golden/waves.npz", "HEAD"], "'golden/waves.npz' is a file, and 'HEAD' is a revision"),
        (["HEAD", "HEAD", "HEAD"], "there are 3 arguments"),
        (["golden/waves.npz", "nothing.npz"], "nothing.npz"),
        (["golden/waves.npz", "golden/waves.npz", "--format", "markdown"], "not about two files"),
        (["golden/waves.npz", "golden/waves.npz", "--pictures", "x"], "not about two files"),
        (["HEAD", "--json", "--format", "markdown"], "two output formats"),
    ],
)
def test_what_cannot_be_compared_exits_with_2(changed, harness, words, message):
    """One message, and nothing on standard output but JSON where that was asked for."""
    shown = harness("diff", *words)
    assert shown.code == 2
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == "" or "--json" in words
    assert not (changed / "x").exists()


def test_a_file_with_the_name_of_a_branch_is_a_file(changed, harness):
    """As it was before revisions could be compared."""
    for name in ("main", "other"):
        shutil.copy(changed / "golden" / "waves.npz", changed / name)
    assert harness("diff", "main", "other").out == "2 arrays, all bits equal.\n"
    (changed / "golden" / "waves.npz").rename(changed / "HEAD")
    assert "is a file, and 'HEAD~1' is a revision" in harness("diff", "main", "HEAD~1").err


def test_without_a_repository_it_exits_with_2(project, harness):
    shown = harness("diff", "main", "HEAD")
    assert (shown.code, shown.out) == (2, "")
    assert "is not in a git repository" in shown.err


def test_a_project_in_a_directory_is_found_with_root(changed, harness, git):
    (changed / "inner").mkdir()
    for name in ("golden", "registry.json", "pyproject.toml", ".gitignore"):
        git("mv", name, f"inner/{name}")
    git("commit", "-qm", "Move")
    assert harness("diff", "--root", "inner", "HEAD").code == 0
    assert "3 added" in harness("diff", "--root", "inner", "HEAD~1").out
