"""``--executor`` and ``--dask`` as a user types them: the same documents, and clear errors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from loopback_cluster import Cluster, another_numpy, wait_for

pytest.importorskip("distributed", reason="distributed is not installed: the extra `dask` brings it")

# A pipeline that waits for a file, so that something can happen in the middle of its runs.
WAITING = """
import os, time
from pathlib import Path
import waves

def patient(fixture, output, *, seed=0, threads=None, progress=None):
    with open("begun", "a") as file:
        file.write(f"{os.getpid()}\\n")
    while not Path("go").exists():
        time.sleep(0.05)
    return waves.smooth(fixture, output, seed=seed, threads=threads, progress=progress)
"""
SETTINGS = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster with two workers."""
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    for _ in range(2):
        started.add_worker()
    yield started
    started.close()


@pytest.fixture
def mixed(tmp_path):
    """A cluster with a worker that has another numpy, and one like this machine."""
    started = Cluster(tmp_path / "mixed-cluster")
    started.add_worker(**another_numpy(tmp_path))
    started.add_worker()
    yield started
    started.close()


@pytest.fixture
def simple(harness, monkeypatch):
    """``harness`` with one thread, so that numbers of cores do not matter."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    return harness


@pytest.mark.parametrize(
    "line",
    [
        "verify",
        "verify --sha256",
        "reproduce",
        "reproduce --liveness",
        "calibrate smooth --runs 3 --seeds 1 --dry-run",
        "sensitivity F01 G01",
        "check --project golden/waves.npz",
        "check --project golden/waves.npz bad.npz missing.npz text.npz",
    ],
)
def test_documents_are_the_same_byte_for_byte(project, simple, cluster, line):
    """Verdicts, their order, and the exit code."""
    np.savez(project / "bad.npz", wave=np.array([1.0, np.nan]))
    (project / "text.npz").write_text("no archive")
    (project / "golden" / "new.npz").touch()
    here = simple(*line.split(), "--json")
    there = simple(*line.split(), "--json", "--dask", cluster.address)
    assert json.loads(here.out)["schema"] == 1
    assert there.out == here.out
    assert there.code == here.code
    assert cluster.tasks() == []


def test_a_drifted_file_has_the_same_verdict_and_advice(project, simple, cluster):
    (project / "golden" / "waves.json").write_text("{}")
    (project / "golden" / "waves.npz").unlink()
    here, there = simple("verify"), simple("verify", "--executor", "dask", "--dask", cluster.address)
    assert (there.code, there.out) == (here.code, here.out)
    assert there.code == 1


def test_a_baseline_measured_on_a_cluster_is_the_same(project, simple, cluster):
    """And nothing temporary is left."""
    reason = ("--reason", "again")
    assert simple("calibrate", "kept", "--runs", "2", "--seeds", "0", *reason).code == 0
    files = [project / "golden" / name for name in ("waves.kept.json", "waves.kept.npz")]
    before = [file.read_bytes() for file in files]
    done = simple("calibrate", "kept", "--runs", "2", "--seeds", "0", *reason, "--dask", cluster.address)
    assert done.code == 0, done.err
    assert [file.read_bytes() for file in files] == before
    assert not list((project / ".harness").glob("tmp*"))
    assert simple("verify").code == 0


def test_runs_of_another_environment_are_samples_and_not_the_baseline(project, simple, mixed):
    """They are named, kept in files, and can be merged later."""
    line = ("calibrate", "smooth", "--runs", "4", "--seeds", "0", "--reason", "again")
    done = simple(*line, "--dask", mixed.address, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    certificate = document["baselines"]["waves.smooth"]["certificate"]
    assert len(document["baselines"]["waves.smooth"]["metrics"]["roughness"]["samples"]) == 4
    assert certificate["environment"]["numpy"] == np.__version__
    assert document["apart"]
    assert "differs: numpy 1.99.0" in done.err
    assert "its results are kept apart" in done.err
    assert f"harness calibrate --samples {document['apart'][0]}" in done.err
    for file in document["apart"]:
        assert json.loads((project / file).read_bytes())["environment"]["numpy"] == "1.99.0"
    merged = simple("calibrate", "--samples", *document["apart"], "--reason", "both")
    assert merged.code == 0, merged.err
    after = json.loads((project / "golden" / "waves.smooth.json").read_bytes())
    assert "1.99.0" in json.dumps(after["certificate"])


def test_a_local_calibration_keeps_nothing_apart(project, simple):
    done = simple("calibrate", "smooth", "--runs", "2", "--seeds", "0", "--dry-run", "--json")
    assert json.loads(done.out)["apart"] == []


@pytest.mark.parametrize("line", ["verify", "reproduce", "check --project golden/waves.npz"])
def test_a_cluster_of_another_environment_is_an_error(project, simple, tmp_path_factory, line):
    other = Cluster(tmp_path_factory.mktemp("other"))
    try:
        worker = other.add_worker(**another_numpy(tmp_path_factory.mktemp("numpy")))
        done = simple(*line.split(), "--dask", other.address)
    finally:
        other.close()
    assert (done.code, done.out) == (2, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("harness: no worker of the Dask cluster has the environment")
    assert f"{worker.address}: numpy 1.99.0" in last


@pytest.mark.skipif(os.name != "posix", reason="signals are a matter of POSIX")
def test_control_c_cancels_what_was_submitted(project, simple, cluster):
    """One line, the exit code of an interrupted program, and nothing left on scheduler and workers."""
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"waves:kept"', '"waiting:patient"'))
    (project / "waiting.py").write_text(WAITING)
    line = ["calibrate", "kept", "--runs", "6", "--seeds", "0", "--reason", "why", "--dask", cluster.address]
    program = "import sys; del sys.path[0]; from harness.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *line],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    begun = project / "begun"
    wait_for(lambda: begun.exists() and begun.read_text().count("\n") == 2, "two runs begin")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "harness: interrupted\n")
    assert cluster.tasks() == []
    wait_for(lambda: not any(map(is_running, begun.read_text().split())), "the runs end")
    assert begun.read_text().count("\n") == 2
    assert not (project / "golden" / "waves.kept.json").exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ("--executor", "dask"),
            "harness: --executor dask needs the address of a scheduler. Add it, such as",
        ),
        (("--executor", "dask", "--dask", ""), "harness: --executor dask needs the address of a scheduler."),
        (("--dask", ""), "harness: --executor dask needs the address of a scheduler."),
        (
            ("--executor", "local", "--dask", "tcp://127.0.0.1:8786"),
            "harness: --dask and --executor local exclude each other.",
        ),
        (("--executor", "slurm"), "Error: Invalid value for '--executor'"),
        (("--dask", "localhost"), "harness: --dask localhost is not the address of a Dask scheduler"),
    ],
)
@pytest.mark.parametrize("verb", ["verify", "calibrate --dry-run"])
def test_options_that_mean_nothing_are_refused(project, simple, verb, options, text):
    done = simple(*verb.split(), *options)
    assert (done.code, done.out) == (2, "")
    assert text in done.err


def test_executor_local_is_the_default(project, simple):
    assert simple("verify", "--executor", "local") == simple("verify", "--root", ".")


def test_without_dask_one_error_says_what_to_install(project, simple, tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("without")
    (place / "sitecustomize.py").write_text("import sys\nsys.modules['distributed'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(place))
    done = simple("verify", "--dask", "tcp://127.0.0.1:8786")
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        "harness: `--executor dask` needs the package distributed, which is not installed. "
        "Install it: `pip install 'golden-harness[dask]'`."
    )


def test_several_files_have_a_verdict_each_and_the_worst_exit_code(project, harness):
    np.savez(project / "bad.npz", wave=np.array([1.0, np.nan]))
    shutil.copy(project / "golden" / "waves.npz", project / "good.npz")
    done = harness("check", "--project", "good.npz", "bad.npz", "missing.npz", "--json")
    assert done.code == 2
    good, bad, missing = json.loads(done.out)["files"]
    assert [one["file"] for one in (good, bad, missing)] == ["good.npz", "bad.npz", "missing.npz"]
    assert good["reports"]
    assert any(report["findings"] for report in bad["reports"])
    assert missing["error"]["kind"] == "UnreadableError"
    assert harness("check", "--project", "bad.npz", "bad.npz", "--jobs", "2").code == 1


def test_several_files_are_counted(project, harness):
    np.savez(project / "bad.npz", wave=np.array([1.0, np.nan]))
    done = harness("check", "--project", "bad.npz", "missing.npz")
    assert done.code == 2
    assert "bad.npz: finite: refused, 1 finding\n" in done.out
    assert "missing.npz: not checked: " in done.out
    assert done.out.endswith("\n2 files: 1 refused, 1 not checked\n")


def test_a_copy_of_several_files_is_refused(project, harness):
    done = harness("check", "a.npz", "b.npz", "--apply", "c.npz")
    assert done.code == 2
    assert "--apply takes one FILE." in done.err


def is_running(process: str) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
