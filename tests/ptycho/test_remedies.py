"""Whoever types the commands that messages name gets further, and is never sent in a circle."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness import cli
from harness.core.errors import RefusedError
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.simulate import simulate

MOST_STEPS = 5
CONVERTED = "converted"
GENERATED = re.compile(r"^wrote (.*\.npz)$", re.MULTILINE)


@pytest.fixture(scope="module")
def sound():
    """A small dataset that meets the contract."""
    return contract_form(simulate(positions=16, detector=32, step=6.0).arrays())[0]


@pytest.fixture
def typed(monkeypatch, capsys, tmp_path):
    """Type a command line in the test's directory, and return its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(line):
        program, *arguments = shlex.split(line)
        if program == "python":
            done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        return left.value.code, shown.out + shown.err

    return run


def command_in(text):
    """Return the first command that a text names, or None."""
    found = re.search(r"`((?:harness|python) .*?)`", text, re.DOTALL)
    return found and " ".join(found[1].split())


def followed(typed, line, name):
    """Type *line*, then what each message names, and return lines, exit codes and texts."""
    steps = []
    for number in range(MOST_STEPS):
        code, text = typed(line)
        assert "Traceback" not in text
        steps.append((line, code, text))
        if code == 0 and line.startswith("python"):
            name = str(max(Path().glob("*.npz"), key=lambda path: path.stat().st_mtime))
            line = f"harness check {name}"
        elif code == 0 and (wrote := GENERATED.search(text)):
            line = f"harness check {wrote[1]}"
        elif code and (command := command_in(text)):
            line = command.replace("FILE", name)
            line += f" --output step{number}" * line.startswith("harness generate")
        else:
            return steps
    raise AssertionError(f"{MOST_STEPS} commands were not enough: {[line for line, _, _ in steps]}")


def changed(**changes):
    return lambda arrays: {**arrays, **{key: change(arrays[key]) for key, change in changes.items()}}


def added(**more):
    return lambda arrays: {**arrays, **{key: make(arrays) for key, make in more.items()}}


def without(*keys):
    return lambda arrays: {key: value for key, value in arrays.items() if key not in keys}


def mask_of(dtype):
    return lambda a: (np.arange(a["probeGuess"].size) % 7 != 0).reshape(a["probeGuess"].shape).astype(dtype)


def put(value):
    return lambda array: np.where(
        np.arange(array.size).reshape(array.shape) == 5, array.dtype.type(value), array
    )


def both(*changes):
    def apply(arrays):
        for change in changes:
            arrays = change(arrays)
        return arrays

    return apply


def as_many_as_rows(_):
    """Return a dataset of 32 patterns of 32 x 32 pixels, with positions last: any order fits."""
    arrays = contract_form(simulate(positions=32, detector=32, step=6.0).arrays())[0]
    return {**arrays, "diffraction": np.moveaxis(arrays["diffraction"], 0, -1)}


CASES = {
    "positions last, as many as rows": (as_many_as_rows, CONVERTED),
    "float64": (changed(diffraction=np.float64), CONVERTED),
    "complex128": (changed(objectGuess=np.complex128, probeGuess=np.complex128), CONVERTED),
    "float32 coordinates": (changed(xcoords=np.float32), CONVERTED),
    "real object": (changed(objectGuess=lambda a: (a + 0).astype(np.complex128)), CONVERTED),
    "counts": (changed(diffraction=lambda a: np.rint(400 * a**2).astype(np.uint16)), CONVERTED),
    "positions last": (changed(diffraction=lambda a: np.moveaxis(a, 0, -1)), CONVERTED),
    "scaled": (changed(diffraction=lambda a: 16 * a, probeGuess=lambda a: 16 * a), CONVERTED),
    "mask of uint8": (added(mask=mask_of(np.uint8)), CONVERTED),
    "bad_pixels": (added(bad_pixels=lambda a: ~mask_of(bool)(a)), CONVERTED),
    "unknown key": (added(metadata=lambda _: np.zeros(3)), CONVERTED),
    "index of floats": (added(scan_index=lambda a: np.arange(len(a["xcoords"])) + 0.0), CONVERTED),
    "mask of floats": (added(mask=mask_of(float)), "Store booleans"),
    "no coordinates": (without("ycoords"), "Rename the file's keys"),
    "only unknown keys": (lambda _: {"a": np.ones(3)}, "Rename the file's keys"),
    "raw, float64": (
        both(without("objectGuess"), changed(diffraction=np.float64)),
        "reconstruct the scan first",
    ),
    "two modes": (changed(probeGuess=lambda a: np.stack([a, a])), "store a single one"),
    "two modes, float64": (
        both(changed(probeGuess=lambda a: np.stack([a, a])), changed(diffraction=np.float64)),
        "store a single one",
    ),
    "NaN": (changed(diffraction=put(np.nan)), "Give the file a mask"),
    "NaN, float64": (
        both(changed(diffraction=np.float64), changed(diffraction=put(np.nan))),
        "Give the file a mask",
    ),
    "outside": (changed(xcoords=put(3.0)), "Store patch centres in object pixels"),
    "outside, float64": (
        both(changed(xcoords=put(3.0)), changed(diffraction=np.float64)),
        "Store patch centres in object pixels",
    ),
    "text": (changed(ycoords=lambda a: a.astype(str)), "Store real numbers"),
    "negative": (changed(diffraction=put(-1.0)), "Store amplitudes"),
    "complex": (changed(diffraction=np.complex64), "Store real numbers"),
    "small object": (changed(objectGuess=lambda a: a[:120, :120]), "Keep the full object"),
    "another alias": (added(diff3d=lambda a: a["diffraction"] + 1), "Remove the legacy alias diff3d"),
}


def test_the_older_form_of_ptychopinn_needs_no_command(typed, sound, tmp_path):
    """Its stack has another name, under which it is read."""
    change = both(added(diff3d=lambda a: a["diffraction"]), without("diffraction"))
    np.savez(tmp_path / "scan.npz", **change(sound))
    ((_, code, text),) = followed(typed, "harness check scan.npz", "scan.npz")
    assert code == 0
    assert "diff3d: renamed to diffraction" in text


@pytest.mark.parametrize("case", CASES)
def test_no_command_leads_in_a_circle(typed, sound, tmp_path, case):
    """From `harness check` on, each step says something new, up to a converted file or work by hand."""
    change, ends = CASES[case]
    np.savez(tmp_path / "scan.npz", **change(sound))
    steps = followed(typed, "harness check scan.npz", "scan.npz")
    texts = [text for _, _, text in steps]
    assert len(set(texts)) == len(texts)
    assert len({line for line, _, _ in steps}) == len(steps)
    line, code, text = steps[-1]
    if ends == CONVERTED:
        assert (code, line.split()[1]) == (0, "check"), text
        assert len(steps) == 3
    else:
        assert code in {1, 2}
        assert ends in " ".join(text.split())


def _saved(array):
    import io

    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _csv(arrays):
    rows = zip(arrays["xcoords"], arrays["ycoords"], strict=True)
    return "\n".join(["xcoords,ycoords", *(f"{x},{y}" for x, y in rows)]).encode()


FILES = {
    "npy": (lambda a: _saved(a["diffraction"]), "diffraction.npy"),
    "csv": (_csv, "positions.csv"),
}


@pytest.mark.parametrize("start", ["check", "generate --source"])
@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_another_kind_is_converted_and_then_lacks_keys(typed, sound, tmp_path, kind, start):
    """The command that the message names makes an archive; what it lacks is said next."""
    make, name = FILES[kind]
    (tmp_path / name).write_bytes(make(sound))
    steps = followed(typed, f"harness {start} {name}", name)
    assert steps[0][1] == 2
    assert steps[1][0].startswith("python")
    assert "Rename the file's keys" in " ".join(steps[-1][2].split())


BROKEN = {
    "no key": without("ycoords"),
    "other shapes": changed(xcoords=lambda a: a[:-1]),
    "outside": changed(xcoords=put(3.0)),
    "dark": changed(diffraction=np.zeros_like),
    "mask of uint8": added(mask=mask_of(np.uint8)),
    "mask of nothing": added(mask=lambda a: np.zeros(a["probeGuess"].shape, bool)),
}


@pytest.mark.parametrize("case", BROKEN)
def test_details_of_what_a_pipeline_refuses_are_in_the_check(typed, sound, tmp_path, case):
    """The command in a pipeline's refusal reports a finding."""
    np.savez(tmp_path / "scan.npz", **BROKEN[case](sound))
    with pytest.raises(RefusedError) as refusal:
        read_experiment(Path("scan.npz"))
    code, text = typed(command_in(refusal.value.remedy))
    assert code == 1
    assert "refused" in text
