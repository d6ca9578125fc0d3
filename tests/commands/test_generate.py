"""``harness generate`` as a user types it."""

from __future__ import annotations

import json

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
