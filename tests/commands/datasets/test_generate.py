"""``harness generate`` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


def test_files_arrays_and_digests_are_listed(project, harness):
    shown = harness("generate", "waves", "--output", "out")
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert lines[:2] == ["wrote out/waves.npz", "wrote out/waves.json"]
    assert [line.split()[:5] for line in lines[2:]] == [
        ["time", "float64", "8", "x", "16"],
        ["wave", "float64", "8", "x", "16"],
    ]
    assert sorted(file.name for file in (project / "out").iterdir()) == ["waves.json", "waves.npz"]


def test_options_are_the_parameters_of_the_generator(project, harness):
    """Their values are read as its annotations say, and recorded in the manifest."""
    shown = harness("generate", "waves", "--count", "4", "--frequency", "none", "--output", "out", "--json")
    assert shown.code == 0, shown.err
    manifest = json.loads(shown.out)["manifest"]
    assert manifest["generator"]["parameters"] == {"count": 4, "frequency": None}


def test_what_the_modules_of_generators_print_on_import_is_not_on_standard_output(project, harness):
    """They are imported for the options of this verb, before it runs."""
    (project / "loud.py").write_text(
        "import os\nfrom harness import Fixture\nprint('hello')\nos.write(1, b'from C')\n"
        "def loud(*, size: int = 3) -> Fixture: ...\n"
    )
    settings = project / "pyproject.toml"
    settings.write_text(
        settings.read_text().replace(
            "[tool.harness.generators]", "[tool.harness.generators]\nloud = 'loud:loud'"
        )
    )
    shown = harness("generate", "waves", "--output", "out", "--json")
    assert shown.code == 0, shown.err
    assert json.loads(shown.out)["manifest"]["name"] == "waves"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("raise RuntimeError('no beam')\n", "RuntimeError: no beam"),
        ("import sys\nsys.exit(7)\n", "SystemExit: 7"),
        ("", "broken:broken"),
    ],
)
def test_a_broken_generator_does_not_stop_the_others(project, harness, text, said):
    """It is reported; where it might have been the one that is meant, the exit status says so."""
    (project / "broken.py").write_text(text)
    settings = project / "pyproject.toml"
    table = "[tool.harness.generators]"
    settings.write_text(settings.read_text().replace(table, f"{table}\nbroken = 'broken:broken'"))
    shown = harness("generate", "waves", "--count", "4", "--output", "out")
    assert (shown.code, (project / "out" / "waves.npz").is_file()) == (0, True)
    (line,) = shown.err.splitlines()
    assert line.startswith("generator 'broken' was left out: ")
    assert said in line
    assert "broken" not in shown.out
    assert "Usage" in harness("generate", "--help").out


def test_without_a_name_a_broken_generator_might_be_meant(project, harness):
    """The only one that fits is called, and the exit status says that not all could be asked."""
    (project / "broken.py").write_text("raise RuntimeError('no beam')\n")
    settings, table = project / "pyproject.toml", "[tool.harness.generators]"
    more = f"{table}\nminimal_v1 = 'waves:scanned'\n"  # so that the project has one that reads no source
    settings.write_text(settings.read_text().replace(table, more))
    assert harness("generate", "--output", "out").code == 0
    settings.write_text(settings.read_text().replace(table, f"{table}\nbroken = 'broken:broken'"))
    shown = harness("generate", "--output", "other")
    assert (shown.code, "RuntimeError: no beam" in shown.err) == (2, True)
    assert (project / "other" / "waves.npz").is_file()


def test_a_source_file_is_passed_to_the_generator(project, harness):
    (project / "scan.bin").write_bytes(bytes([1, 2, 4]))
    call = ("generate", "scanned", "--source", "scan.bin", "--unit", "photons", "--output", "out")
    shown = harness(*call)
    assert shown.code == 0, shown.err
    assert np.load(project / "out" / "scanned.npz")["scan"].tolist() == [2.0, 4.0, 8.0]


def test_help_shows_parameters_with_type_and_default(project, harness):
    shown = harness("generate", "--help")
    assert shown.code == 0
    words = " ".join(shown.out.split())
    assert "--count INTEGER For waves. [default: 8]" in words
    assert "--frequency FLOAT For waves. [default: 0.5]" in words
    assert "--unit [counts|photons] For scanned." in words


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("waves", "--count", "many"), "count"),
        (("nothing",), "nothing"),
        (("waves", "--source", "scan.npz"), "generator 'waves' reads no source file. Omit --source"),
        ((), "GENERATOR: expected one of"),
    ],
)
def test_what_cannot_be_called_is_refused(project, harness, arguments, problem):
    """A wrong value, an unknown generator, a source that no one reads, no name: exit 2, nothing written."""
    shown = harness("generate", *arguments, "--output", "out")
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("harness: ")
    assert problem in shown.err
    assert not (project / "out").exists()


def test_an_output_that_is_a_file_is_a_usage_error(project, harness):
    (project / "out").write_text("a file")
    shown = harness("generate", "waves", "--output", "out")
    assert shown.code == 2
    assert "'out' is a file" in shown.err


GOLDEN = Path(__file__).parents[3] / "golden"

UNUSUAL = """
import enum
import numpy as np
from harness import Generator, Source, make_fixture

class Mode(enum.Enum):
    FAST = 1
    FINE = 2

def lamps(*, source: str = "mercury", output: int = 1, mode: Mode = Mode.FAST,
          shape: tuple[int, ...] = (2, 3), word: str | None = None, sizes=[1, 2]):
    parameters = {"source": source, "output": output, "mode": mode.value, "shape": shape, "word": word}
    call = Generator("lamps:lamps", 1, parameters)
    arrays = {"a": np.arange(np.prod(shape)) * mode.value}
    return make_fixture("lamps", arrays, generator=call, source=Source("simulated", "none"))
"""


@pytest.fixture
def lamps(project):
    """A generator with a parameter called source, and others that options usually do not have."""
    (project / "lamps.py").write_text(UNUSUAL)
    text = (project / "pyproject.toml").read_text()
    new = '[tool.harness.generators]\nlamps = "lamps:lamps"'
    (project / "pyproject.toml").write_text(text.replace("[tool.harness.generators]", new))
    return project


def test_unusual_parameters_reach_the_generator_and_return_from_the_manifest(lamps, harness):
    options = (
        "--source",
        "none",
        "--parameter-output",
        "3",
        "--mode",
        "FINE",
        "--shape",
        "4,5",
        "--word",
        "none",
    )
    shown = harness("generate", "lamps", *options, "--output", "golden", "--json")
    assert shown.code == 0, shown.err
    assert json.loads(shown.out)["manifest"]["generator"]["parameters"] == {
        "source": "none", "output": 3, "mode": 2, "shape": [4, 5], "word": "none"
    }  # fmt: skip
    assert harness("add", "golden/lamps.npz", "golden/lamps.json", "--reason", "first").code == 0
    shown = harness("reproduce", "lamps")
    assert (shown.code, shown.out) == (0, "lamps: reproduced\n")


def test_help_has_unusual_parameters_too(lamps, harness):
    words = " ".join(harness("generate", "--help").out.split())
    assert "--mode [FAST|FINE] For lamps. [default: FAST]" in words
    assert "--shape VALUE,... For lamps. [default: 2,3]" in words
    assert "--parameter-output INTEGER For lamps. [default: 1]" in words


WITHOUT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"scipy", "skimage", "torch", "PIL"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from harness.cli import main
main()
"""


@pytest.mark.parametrize(
    "words",
    [
        ("check", GOLDEN / "minimal_v1.npz"),
        ("generate", "minimal_v1", "--output", "out"),
        ("reconstruct", "--pipeline", "iterative"),
    ],
)
def test_without_the_extras_a_verb_says_what_to_install(project, words):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "pip install 'golden-harness[ptycho]'" in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_a_generator_of_the_project_needs_no_extras(project):
    words = ("generate", "waves", "--output", "out")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_golden_compress_applies(project, harness):
    assert harness("generate", "waves", "--output", "plain", "--count", "999").code == 0
    (project / "pytest.ini").write_text("[pytest]\ngolden_compress = true\n")
    assert harness("generate", "waves", "--output", "packed", "--count", "999").code == 0
    plain, packed = (project / folder / "waves.npz" for folder in ("plain", "packed"))
    assert packed.stat().st_size < plain.stat().st_size
    assert packed.with_suffix(".json").read_bytes() == plain.with_suffix(".json").read_bytes()
