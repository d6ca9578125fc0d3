"""A program is run as its table says; what it leaves is a result only if it can be one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import DependencyError, HarnessError, OvertimeError, RefusedError, UsageError
from harness.ptycho.engines.command.engine import pipeline

from .conftest import HONEST, OUTPUT, WRITE, stored

PROBE = "probe = np.load(fixture)['probeGuess'] * np.exp(0.1j)\n"
FLAT = "obj = np.full(np.load(fixture)['objectGuess'].shape, 0.7 + 0.1j)\n" + PROBE + WRITE


def test_a_program_that_reconstructs_is_measured_like_any_pipeline(project):
    result = project.run()
    assert result.pipeline == "mine"
    assert [stage.name for stage in result.stages] == ["reconstruct", "metrics"]
    for metric in result.decisive:
        ahead = result.metrics[metric] - result.controls["flat"][metric]
        assert (ahead > 0) == (result.better[metric] == "higher")
    assert result.metrics["probe_error"] < 1e-6
    assert any("cannot predict" in note for note in result.notes)


def test_settings_and_seed_are_recorded(project):
    result = project.run(environment={"A": "1"}, packages=["numpy"])
    record = json.loads(result.artifacts["engine"].read_text())
    assert record["parameters"]["reconstruct"] == "{python} program.py {fixture} {output}"
    assert record["parameters"]["seed"] == 0
    assert record["versions"] == {"numpy": np.__version__}


def test_the_program_never_has_the_answer(project):
    """Object flat, probe out of focus, no ground-truth patches: the stored ones only serve to compare."""
    rows = {**project.small, "Y": np.ones_like(project.small["diffraction"], dtype=np.complex64)}
    np.savez(project.root / "fixture.npz", **rows)
    project.run("import shutil; shutil.copyfile(fixture, 'seen.npz')\n" + HONEST)
    seen = stored(project.root / "seen.npz")
    assert np.ptp(np.abs(seen["objectGuess"])) == 0
    assert "Y" not in seen
    change = np.linalg.norm(seen["probeGuess"] - project.small["probeGuess"])
    assert change > 0.01 * np.linalg.norm(project.small["probeGuess"])
    for key in ("diffraction", "xcoords", "ycoords"):
        assert seen[key].tobytes() == project.small[key].tobytes()


def test_the_fixture_itself_cannot_be_overwritten(project):
    before = (project.root / "fixture.npz").read_bytes()
    project.run("open(fixture, 'w').write('')\n" + HONEST)
    assert (project.root / "fixture.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (FLAT, "a flat one"),
        ("obj = np.load(fixture)['objectGuess']\n" + PROBE + WRITE, "a flat one"),
        (HONEST.replace(WRITE, "obj = obj * np.nan\n" + WRITE), "NaN"),
        (HONEST.replace(WRITE, "obj = obj[1:]\n" + WRITE), "an array of shape"),
        (HONEST.replace(WRITE, "obj = np.angle(obj)\n" + WRITE), "complex values"),
        (HONEST.replace(WRITE, "probe[0, 0] = np.inf\n" + WRITE), "probe in result.npz"),
        ("", "a file, found none"),
        ("open(output / 'result.npz', 'w').write('PK\\x03\\x04')\n", "result.npz"),
        ("np.savez(output / 'result.npz', amplitude=np.ones(3))\n", "an array 'object', found amplitude"),
    ],
)
def test_an_exit_status_of_0_alone_proves_nothing(project, lines, found):
    """One error: the stage, its command line, the log, how its output ends, and what is wrong."""
    with pytest.raises(RefusedError, match=found) as caught:
        project.run("print('epoch 1')\nprint('done')\n" + lines)
    text = str(caught.value)
    assert caught.value.exit_code == 1
    assert "engine 'mine': stage 'reconstruct' ended with exit status 0" in text
    assert "Its output ends: epoch 1 | done" in text
    assert f"program.py '{project.output}/program/input/fixture.npz'" in text
    assert f"its full output is in {project.output}/program/reconstruct.log" in text
    assert "\n" not in text


def test_a_program_that_fails_is_named_with_its_last_lines(project):
    with pytest.raises(HarnessError, match="exit status 3") as caught:
        project.run("print('reading')\nsys.stderr.write('no such GPU\\n')\nsys.exit(3)\n")
    assert caught.value.exit_code == 2
    assert "reading, no such GPU" in str(caught.value)
    assert "The command was `" in str(caught.value)


def test_a_program_that_is_killed_is_named_with_the_signal(project):
    with pytest.raises(HarnessError, match=f"signal {signal.SIGSEGV.value}"):
        project.run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n")


def test_no_line_runs_after_one_that_failed(project):
    lines = {"train": "{python} program.py {fixture} {output}", "infer": '{python} -c \'open("ran", "w")\''}
    with pytest.raises(HarnessError, match="stage 'train'"):
        project.run("sys.exit(1)\n", reconstruct=None, **lines)
    assert not (project.root / "ran").exists()


def test_a_program_and_its_own_processes_are_stopped_at_the_limit(project):
    lines = (
        "import subprocess, time\nprint('epoch 1')\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(child.pid))\ntime.sleep(60)\n"
    )
    with pytest.raises(OvertimeError, match="timed out after 2 s") as caught:
        project.run(lines, time_limit=2)
    assert "Its output ends: epoch 1" in str(caught.value)
    deadline = time.monotonic() + 10
    while is_running(int((project.root / "pid").read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(int((project.root / "pid").read_text()))


def is_running(pid: int) -> bool:
    """Whether a process is there and not just waiting for its parent to look."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


def test_a_result_of_an_earlier_run_is_not_taken_for_this_one(project):
    project.run()
    assert (project.output / "program/output/result.npz").is_file()
    with pytest.raises(RefusedError, match="a file, found none"):
        project.run("")


def test_a_program_that_has_no_probe_is_measured_with_the_stored_one(project):
    result = project.run(HONEST.replace(", probe=probe", ""), probe=None)
    assert result.metrics["probe_change"] == 0
    assert result.metrics["probe_error"] < 1e-12


def test_a_program_that_says_it_learns_the_probe_must_change_it(project):
    lines = "obj = np.load('answer.npz')['object']\nprobe = np.load(fixture)['probeGuess']\n" + WRITE
    with pytest.raises(RefusedError, match="did not update the probe"):
        project.run(lines)


def test_every_placeholder_has_its_value(project):
    words = "{positions} {seed} {threads} {root} {{x}}"
    lines = "import os, json\njson.dump([sys.argv[3:], os.getcwd(), dict(os.environ)], open('seen', 'w'))\n"
    table = project.table(
        lines + HONEST,
        reconstruct="{python} program.py {fixture} {output} " + words,
        environment={"RUN": "{seed}/{output}", "OPENBLAS_NUM_THREADS": "9"},
    )
    run = pipeline("mine", table, project.root)
    run(project.root / "fixture.npz", project.output, seed=5, threads=2)
    arguments, folder, environment = json.loads((project.root / "seen").read_text())
    assert arguments == ["16", "5", "2", str(project.root), "{x}"]
    assert Path(folder) == project.root
    assert environment["RUN"] == f"5/{project.output}/program/output"
    assert (environment["OMP_NUM_THREADS"], environment["OPENBLAS_NUM_THREADS"]) == ("2", "9")
    assert environment["MPLBACKEND"]
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_a_program_that_is_not_installed_is_named_before_anything_runs(project):
    with pytest.raises(DependencyError, match="engine 'mine' needs the program 'no-such-program'"):
        project.run(reconstruct="no-such-program {fixture}")
    with pytest.raises(DependencyError, match="needs the program 'bin/mine'"):
        project.run(reconstruct="bin/mine {fixture}")
    with pytest.raises(DependencyError, match="needs the package no-such-package"):
        project.run(packages=["no-such-package"])
    assert not project.output.exists()


def test_a_program_of_the_project_is_found_from_its_root(project):
    (project.root / "bin").mkdir()
    mine = project.root / "bin/mine"
    mine.write_text(f"#!/bin/sh\nexec '{sys.executable}' program.py \"$@\"\n")
    mine.chmod(0o755)
    assert project.run(reconstruct="bin/mine {fixture} {output}").metrics["aligned_correlation"] > 0.99


def test_a_fixture_format_that_is_not_written_is_refused(project):
    with pytest.raises(UsageError, match=r"fixture_format: expected one of .*npz, .*found 'tiff'"):
        project.run(fixture_format="tiff")


def test_amplitude_and_phase_may_be_apart(project):
    lines = HONEST.replace(
        WRITE, "np.save(output / 'a.npy', abs(obj))\nnp.save(output / 'p.npy', np.angle(obj))\n"
    )
    places = {"amplitude": "{output}/a.npy", "phase": "{output}/p.npy"}
    assert project.run(lines, object=places, probe=None).metrics["aligned_amplitude_mae"] < 1e-6
    with pytest.raises(RefusedError, match=r"amplitude in a\.npy: .*complex"):
        project.run(
            lines.replace("abs(obj)", "obj"), object={**places, "phase": "{output}/a.npy"}, probe=None
        )
    with pytest.raises(UsageError, match="phase"):
        project.run(object={"amplitude": "{output}/a.npy"})
    with pytest.raises(UsageError, match=r"object\.phase: expected a path that begins"):
        project.run(object={**places, "phase": "p.npy"})


def test_options_that_no_command_line_would_see_are_refused(project):
    run = pipeline("mine", project.table(), project.root)
    with pytest.raises(UsageError, match="expected none: its command lines say everything, found epochs"):
        run(project.root / "fixture.npz", project.output, epochs=3)


def test_several_lines_share_a_folder_and_a_limit(project):
    lines = {
        "train": "{python} program.py {fixture} {output}",
        "export": "{python} -c 'import os, sys; os.rename(*sys.argv[1:])' {output}/result.npz {output}/o.npz",
    }
    result = project.run(
        HONEST, reconstruct=None, object="{output}/o.npz:object", probe="{output}/o.npz:probe", **lines
    )
    assert [stage.name for stage in result.stages] == ["train", "export", "metrics"]


def test_the_control_runs_without_training_in_a_folder_of_its_own(project):
    """It may be flat, and what training left is out of its reach."""
    lines = {
        "train": "{python} program.py {fixture} {output}",
        "untrained": "{python} untrained.py {fixture} {output}",
        "export": "{python} -c 'import os, sys; os.rename(*sys.argv[1:])' {output}/result.npz {output}/o.npz",
    }
    (project.root / "untrained.py").write_text(OUTPUT + "assert not list(output.iterdir())\n" + FLAT)
    places = {"object": "{output}/o.npz:object", "probe": "{output}/o.npz:probe"}
    result = project.run(HONEST, reconstruct=None, **places, **lines)
    assert list(result.controls) == ["flat", "untrained"]
    assert result.controls["untrained"]["aligned_correlation"] < 0.9 < result.metrics["aligned_correlation"]
    assert [stage.name for stage in result.stages] == ["train", "export", "metrics"]


PREDICT = """
from harness.ptycho.scan.residual import Dataset
predicted = Dataset.of(dict(np.load(fixture))).predict()
"""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("predicted", ""),
        ("predicted[:, ::-1]", "its residual is"),
        ("predicted * 2", "its scale is"),
        ("predicted[1:]", "an array of shape"),
        ("predicted * np.nan", "NaN"),
    ],
)
def test_the_handshake_comes_first(project, change, problem):
    """The program predicts what the stored object and probe give; otherwise nothing is reconstructed."""
    (project.root / "predict.py").write_text(
        "import sys, numpy as np\nfixture = sys.argv[1]\n" + PREDICT + f"np.savez(sys.argv[2], p={change})\n"
    )
    asked = {
        "predict": "{python} predict.py {fixture} {output}/p.npz",
        "prediction": "{output}/p.npz:p",
        "environment": {"PYTHONPATH": os.pathsep.join(sys.path)},
    }
    if problem:
        with pytest.raises(RefusedError, match=problem):
            project.run(**asked)
        assert not (project.output / "program").exists()
        return
    result = project.run(**asked)
    assert [stage.name for stage in result.stages] == ["predict", "reconstruct", "metrics"]
    assert any(note.startswith("handshake: residual") for note in result.notes)


@pytest.fixture
def typed(project):
    """A project whose pyproject.toml has the table, and a program that leaves a trace when it runs."""
    table = project.table("open('it-ran', 'w')\n" + HONEST)
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    (project.root / "pyproject.toml").write_text(f"[tool.harness.engines.mine]\n{lines}\n")
    return project


def test_an_engine_is_run_by_its_name(typed, run_harness):
    done = run_harness("reconstruct", "fixture.npz", "--pipeline", "mine", cwd=typed.root)
    assert done.code == 0, done.err
    assert "aligned_correlation" in done.out
    typed.table(FLAT)
    done = run_harness("reconstruct", "fixture.npz", "--pipeline", "mine", cwd=typed.root)
    assert (done.code, done.out) == (1, "")
    assert "a flat one" in done.err


def test_a_wrong_table_is_one_error_and_exit_status_2(typed, run_harness):
    page = typed.root / "pyproject.toml"
    page.write_text(page.read_text().replace("{output}", "{out}", 1))
    done = run_harness("reconstruct", "fixture.npz", "--pipeline", "mine", cwd=typed.root)
    assert done.code == 2
    assert "[tool.harness.engines] mine: reconstruct" in done.err


def test_verbs_that_only_read_never_run_it(typed, run_harness):
    shutil.copyfile(typed.root / "fixture.npz", typed.root / "other.npz")
    for verb in (
        ["verify"],
        ["check", "fixture.npz"],
        ["diff", "fixture.npz", "other.npz"],
        ["audit"],
        ["status"],
    ):
        run_harness(*verb, cwd=typed.root)
    assert not (typed.root / "it-ran").exists()
