"""``harness import`` as a user types it: files of other tools become golden, or nothing is written."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile

import numpy as np
import pytest

from harness.core.registry.history import read_history
from harness.core.registry.registry import read_registry
from harness.core.storage.npz import read_archive
from harness.core.storage.project import Project

pytest.importorskip("pandas")

SUITE = """
import numpy as np
import pandas as pd
import pytest

@pytest.mark.parametrize("size", [8, 64])
def test_power(ndarrays_regression, size):
    ndarrays_regression.check({"power [m/s]": np.abs(np.fft.rfft(np.sin(np.arange(size)))), "size": size})

class TestShapes:
    def test_named(self, ndarrays_regression):
        ndarrays_regression.check({"a": np.arange(3.5)}, basename="window")
        ndarrays_regression.check({"a": np.arange(4, dtype="f4")})

def test_num(num_regression):
    num_regression.check({"x": np.linspace(0, 1, 5) / 3, "n": np.arange(3) / 7})

def test_frame(dataframe_regression):
    dataframe_regression.check(pd.DataFrame({"x": np.linspace(0, 1, 5), "s": list("abcde")}))

def test_data(data_regression):
    data_regression.check({"fit": {"slope": 2.5, "steps": [1, 2]}, "name": "x"})

def test_text(file_regression):
    file_regression.check("hello")
"""
USED = ("ndarrays_regression", "num_regression", "dataframe_regression", "data_regression")


@pytest.fixture(scope="module")
def template(tmp_path_factory, run_pytest):
    """A project with files of pytest-regressions, nothing golden yet."""
    folder = tmp_path_factory.mktemp("regressions")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "pyproject.toml").write_text("")
    (folder / "tests").mkdir()
    (folder / "tests/test_waves.py").write_text(SUITE)
    done = run_pytest(folder, "--regen-all")
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def foreign(template, tmp_path):
    """A copy of that project."""
    import shutil

    return shutil.copytree(template, tmp_path / "project")


@pytest.fixture
def imported(foreign, run_harness):
    """Type ``harness import`` there."""
    return lambda *words: run_harness("import", *words, cwd=foreign)


def renamed(project) -> None:
    """Do what a user does next."""
    path = project / "tests/test_waves.py"
    text = path.read_text()
    for fixture in USED:
        text = text.replace(fixture, "arrays_regression")
    path.write_text(text)


def written(project) -> set[str]:
    """Everything in the project that an import may write."""
    return {name for name in ("golden", "registry.json", ".harness") if (project / name).exists()}


def test_the_next_run_of_pytest_compares_with_what_was_imported(foreign, imported, run_harness, run_pytest):
    shown = imported("tests", "--reason", "moved")
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert "recorded 14 golden files from 7 files" in lines
    assert any(line.startswith("left tests/test_waves/test_text.txt: ") for line in lines)
    assert "    x: text -> float64, 5" in lines
    assert "    n: 3 values; the empty cells after them are taken for filling" in lines
    assert "    power [m%2Fs]: float64, 5  (was 'power [m/s]')" in lines
    assert any(line.startswith("Default tolerances change") for line in lines)

    renamed(foreign)
    done = run_pytest(foreign)
    assert "golden files: 7 identical, 0 within tolerance, 0 drifted" in done.stdout, done.stdout
    assert run_harness("verify", cwd=foreign).code == 0
    assert run_harness("reproduce", "tests/test_waves/test_num", cwd=foreign).code == 0

    suite = foreign / "tests/test_waves.py"
    suite.write_text(suite.read_text().replace("/ 3", "/ 3.01"))
    done = run_pytest(foreign)
    assert done.returncode == 1
    assert "arrays 'tests/test_waves/test_num' differ" in done.stdout


def test_the_records_and_the_audit_say_that_nothing_was_made_again(
    foreign, imported, run_harness, run_pytest
):
    assert imported("tests", "--reason", "moved").code == 0
    records = read_history(Project(foreign)).records.values()
    assert {record.reason for record in records} == {"moved (taken over from other files, not made again)"}
    assert "tests/test_waves/test_power_8_.npz" in {record.imported_from for record in records}
    findings = json.loads(run_harness("audit", "--json", cwd=foreign).out)["findings"]
    (finding,) = [
        item for item in findings if item["rule"] == "imported" and item["path"].endswith("test_power-8.npz")
    ]
    assert finding["rank"] == "informational"
    assert finding["detail"] == "imported from tests/test_waves/test_power_8_.npz, not yet made again"

    renamed(foreign)
    suite = foreign / "tests/test_waves.py"
    suite.write_text(suite.read_text().replace("np.sin", "np.cos"))
    assert run_pytest(foreign, "--regen-all", "--golden-reason", "other").returncode == 0
    findings = json.loads(run_harness("audit", "--json", cwd=foreign).out)["findings"]
    imported_still = {item["path"] for item in findings if item["rule"] == "imported"}
    assert imported_still
    assert not any("test_power" in path for path in imported_still)


def test_a_dry_run_and_json(foreign, imported):
    shown = imported("tests", "--dry-run", "--json")
    document = json.loads(shown.out)
    assert document["dry_run"] is True
    assert len(document["imported"]) == 7
    assert len(document["recorded"]) == 14
    (number,) = [item for item in document["imported"] if item["golden"].endswith("test_num")]
    assert number["arrays"][1] == {
        "name": "x",
        "key": "x",
        "before": "text",
        "after": "float64",
        "shape": [5],
    }
    assert document["left"][0]["path"] == "tests/test_waves/test_text.txt"
    assert written(foreign) == set()


def test_what_is_golden_already_is_not_replaced(foreign, imported):
    assert imported("tests").code == 0
    before = (foreign / "registry.json").read_bytes()
    assert "recorded 0 golden files" in imported("tests").out
    np.savez(foreign / "tests/test_waves/test_power_8_.npz", a=np.arange(3))
    shown = imported("tests/test_waves")
    assert shown.code == 1
    assert "golden files exist and differ" in shown.err
    assert (foreign / "registry.json").read_bytes() == before


def test_a_file_can_be_given_a_name(foreign, imported):
    (foreign / "tests/test_waves/window.npz").rename(foreign / "tests/test_waves/other.npz")
    shown = imported("tests/test_waves/other.npz")
    assert shown.code == 2
    assert "left tests/test_waves/other.npz: it belongs to no test" in shown.err
    shown = imported("tests/test_waves/other.npz", "--name", "tests/test_waves/TestShapes/test_named/other")
    assert (shown.code, shown.err) == (0, "")
    assert (foreign / "golden/tests/test_waves/TestShapes/test_named/other.npz").is_file()
    assert imported("tests", "--name", "x").code == 2
    assert imported("tests/test_waves/test_data.yml", "--name", "nobody").code == 2


def test_compression_applies(foreign, imported):
    (foreign / "pytest.ini").write_text("[pytest]\ngolden_compress = true\n")
    assert imported("tests").code == 0
    with zipfile.ZipFile(foreign / "golden/tests/test_waves/test_power-64.npz") as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert set(read_archive(foreign / "golden/tests/test_waves/test_power-64.npz")) == {
        "power [m%2Fs]",
        "size",
    }


def truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def way_out(path):
    with zipfile.ZipFile(path, "a") as archive, zipfile.ZipFile(path) as known:
        archive.writestr("../../evil.npy", known.read(known.namelist()[0]))


@pytest.mark.parametrize("harm", [truncate, way_out])
def test_a_damaged_or_hostile_archive_is_one_error_and_nothing_is_written(foreign, imported, harm):
    harm(foreign / "tests/test_waves/test_power_8_.npz")
    shown = imported("tests")
    assert shown.code == 2
    assert "test_power_8_.npz" in shown.err
    assert len(shown.err.splitlines()) == 1
    assert written(foreign) == set()
    assert not (foreign.parent / "evil.npz").exists()


def test_damaged_text_is_one_error_and_nothing_is_written(foreign, imported):
    (foreign / "tests/test_waves/test_data.yml").write_bytes(b"a: *b\n")
    shown = imported("tests")
    assert shown.code == 2
    assert "test_data.yml" in shown.err
    assert len(shown.err.splitlines()) == 1
    assert written(foreign) == set()


def test_ci_imports_nothing(foreign, run_harness):
    env = {**os.environ, "CI": "true"}
    shown = run_harness("import", "tests", cwd=foreign, env=env)
    assert shown.code != 0
    assert "CI" in shown.err
    assert written(foreign) == set()
    assert run_harness("import", "tests", "--dry-run", cwd=foreign, env=env).code == 0


def test_an_empty_directory_has_nothing_to_import(foreign, imported):
    (foreign / "empty").mkdir()
    shown = imported("empty")
    assert shown.code == 2
    assert "found none" in shown.err


OTHERS = """
import numpy as np
import pytest

@pytest.mark.array_compare
@pytest.mark.parametrize("n", [3])
def test_text(n):
    return np.arange(n) / 7

def test_snap(snapshot):
    snapshot.check(np.arange(3))
"""


def test_references_of_pytest_arraydiff_and_arrays_of_pytest_regtest(foreign, imported, run_pytest):
    (foreign / "pytest.ini").write_text("[pytest]\nmarkers = array_compare\n")
    (foreign / "more/reference").mkdir(parents=True)
    (foreign / "more/test_others.py").write_text(OTHERS)
    np.savetxt(foreign / "more/reference/test_text_3.txt", np.arange(3) / 7, fmt="%g")
    snapshot = foreign / "more/_regtest_outputs/test_others.test_snap__0"
    snapshot.mkdir(parents=True)
    np.save(snapshot / "arrays.npy", np.arange(3))
    shown = imported("more")
    assert shown.code == 0, shown.err
    tolerance = "default_tolerance={'rtol': 5e-06, 'atol': 0.0}"
    assert f"    the check needs a tolerance, as pytest-arraydiff's: {tolerance}" in shown.out.splitlines()
    (foreign / "more/test_others.py").write_text(
        "import numpy as np\nimport pytest\n"
        '@pytest.mark.parametrize("n", [3])\n'
        "def test_text(arrays_regression, n):\n"
        f"    arrays_regression.check(np.arange(n) / 7, {tolerance})\n"
        "def test_snap(arrays_regression):\n    arrays_regression.check(np.arange(3))\n"
    )
    done = run_pytest(foreign, "more")
    assert "golden files: 1 identical, 1 within tolerance" in done.stdout, done.stdout


def sums(folder, *names) -> str:
    return "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


@pytest.fixture
def files(tmp_path):
    """A project with files that a list may name."""
    for name in ("golden/a.bin", "golden/sub/b.bin", "data/c.bin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def test_listed_files_below_golden_are_registered(files, harness):
    text = sums(files, "golden/a.bin", "golden/sub/b.bin", "data/c.bin") + f"{'0' * 64}  gone.bin\n"
    (files / "SHA256SUMS").write_text(text)
    shown = harness("import", "SHA256SUMS", "--dry-run")
    assert shown.out.splitlines()[0] == "would register golden/a.bin"
    assert not (files / "registry.json").exists()
    shown = harness("import", "SHA256SUMS")
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert lines[:2] == ["registered golden/a.bin", "registered golden/sub/b.bin"]
    assert '    cp data/c.bin golden/c.bin && harness add golden/c.bin --reason "..."' in lines
    assert lines[-2:] == ["gone.bin was not found", "3 of 4 files match the list; registered 2"]
    assert set(read_registry(files / "registry.json").entries) == {"golden/a.bin", "golden/sub/b.bin"}
    assert "golden/a.bin matches, which is registered as it is" in harness("import", "SHA256SUMS").out


@pytest.mark.parametrize("name", ["registry.txt", "hashes.json"])
def test_a_registry_of_pooch_and_a_hash_library(files, harness, name):
    (files / "golden/test_line_1.png").write_bytes(b"png")
    digest = hashlib.sha256(b"png").hexdigest()
    text = (
        f"golden/test_line_1.png sha256:{digest}\n"
        if name == "registry.txt"
        else f'{{"t.test_line[1]": "{digest}"}}'
    )
    (files / name).write_text(text)
    shown = harness("import", name, "--json")
    assert shown.code == 0, shown.err
    assert json.loads(shown.out)["registered"] == ["golden/test_line_1.png"]


@pytest.mark.parametrize(
    ("extra", "code", "problem"),
    [
        (f"{'0' * 64}  golden/sub/b.bin\n", 1, "1 of 2 files do not have the hash of the list"),
        (f"{'0' * 64}  ../outside.bin\n", 2, "not a path inside"),
        ("{sums}", 2, "twice"),
        ("damaged\n", 2, "another form in line 2"),
    ],
)
def test_a_list_that_is_wrong_registers_nothing(files, harness, extra, code, problem):
    text = sums(files, "golden/a.bin")
    (files / "SHA256SUMS").write_text(text + extra.replace("{sums}", text))
    shown = harness("import", "SHA256SUMS")
    assert shown.code == code
    assert problem in shown.err
    assert len(shown.err.splitlines()) == 1
    assert not (files / "registry.json").exists()


def test_a_list_takes_no_name(files, harness):
    (files / "SHA256SUMS").write_text(sums(files, "golden/a.bin"))
    assert harness("import", "SHA256SUMS", "--name", "x").code == 2
