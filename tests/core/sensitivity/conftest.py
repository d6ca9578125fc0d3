"""A small field of one array, with a check, a pipeline and faults, recorded in a git repository."""

from __future__ import annotations

import subprocess

import msgspec
import pytest

from harness.core.baselines.baseline import Control, Metric, encode_baseline
from harness.core.baselines.calibrate import calibrated_baseline
from harness.core.baselines.perturbations import Sample, perturbations
from harness.core.domain.catalogue import find_catalogue
from harness.core.fixtures.fixture import write_fixture
from harness.core.recording.staged import Staged
from harness.core.sensitivity.trials import Subject, known_faults

FIELD = '''
"""A field of one array, a check of it, a pipeline that takes its mean, and three ways to be wrong."""
import functools
import msgspec
import numpy as np
from pathlib import Path
from harness.core.storage.npz import read_archive
from harness.core.storage.digest import digest_array
from harness.core.domain.interface import CheckReport, Finding, PipelineResult, Stage
from harness.core.errors import RefusedError
from harness.core.domain.interface import Fault
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.domain.interface import Specimen

def lattice(*, size: int = 64, seed: int = 0, name: str = "lattice"):
    arrays = {"image": np.random.default_rng(seed).uniform(0.5, 1.0, size)}
    call = Generator("field:lattice", 1, {"size": size, "seed": seed})
    return make_fixture(name, arrays, generator=call, source=Source("simulated", "xxh128:0"))

def deaf(*, size: int = 64, seed: int = 0):
    made = lattice(size=size)
    call = Generator("field:deaf", 1, {"size": size, "seed": seed})
    return make_fixture("lattice", made.arrays, generator=call, source=made.manifest.source)

def positive(arrays):
    wrong = bool((arrays["image"] <= 0).any())
    findings = (Finding("positive", "image", "positive numbers", "others"),) if wrong else ()
    return CheckReport("positive", findings)

def smooth(fixture, output, *, threads=None, seed=0, progress=None, mean=np.mean, read=read_archive):
    image = read(fixture)["image"]
    if image.sum() < 0:
        raise RefusedError("image", expected="light", found="none", remedy="Switch it on.")
    stage = Stage("mean", 0.0, 0.0, {"image": digest_array(image)})
    metrics = {"mean": float(mean(image)), "deaf": 0.125}
    return PipelineResult("smooth", metrics, {"flat": {"mean": 0.0, "deaf": 0.125}}, (stage,), {},
                          better={"mean": "higher"})

def negative(arrays):
    """X01: a detector counted downwards."""
    return {"image": -arrays["image"]}

def brighter(arrays):
    """X02: a wrong gain was recorded, which the data do not show."""
    return {"image": arrays["image"] * 1.5}

def inert(manifest):
    """X03: a seed was recorded and not used."""
    generator = msgspec.structs.replace(manifest.generator, call="field:deaf")
    return msgspec.structs.replace(manifest, generator=generator)

def median(run):
    """X04: somebody took the median."""
    return functools.partial(run, mean=np.min)

def halved(run):
    """X05: a reader went through half precision."""
    def read(path):
        return {"image": read_archive(path)["image"].astype("f2").astype("f8")}
    return functools.partial(run, read=read)

def dark(run):
    """X06: everything is zero, and the pipeline crashes."""
    def broken(*args, **options):
        raise ZeroDivisionError("no light")
    return broken

FAULTS = (
    Fault("X01", "negative", "fixture", negative),
    Fault("X02", "brighter", "fixture", brighter, unseen="gains are not in the data"),
    Fault("X03", "inert seed", "generator", inert),
    Fault("X04", "minimum for the mean", "pipeline", median, quick=True),
    Fault("X05", "half precision", "pipeline", halved),
    Fault("X06", "crash", "pipeline", dark, pipelines=("other",)),
    Fault("X07", "other", "fixture", negative, applies=lambda manifest: "wave" in manifest.arrays),
)
SPECIMENS = (Specimen("second", functools.partial(lattice, seed=2, name="second")),)
'''
PYPROJECT = """
[tool.harness]
faults = "field:FAULTS"
specimens = "field:SPECIMENS"
[tool.harness.checks]
positive = "field:positive"
[tool.harness.pipelines]
smooth = "field:smooth"
"""


@pytest.fixture
def field(module, monkeypatch):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [])
    module("field", FIELD)
    import field

    return field


@pytest.fixture
def subject(field, empty, record, tmp_path):
    """A git repository with a fixture of that field, its manifest and a baseline."""
    (empty.root / "pyproject.toml").write_text(PYPROJECT)
    archive, manifest = write_fixture(field.lattice(), tmp_path / "made")
    found = field.smooth(archive, tmp_path / "output")
    samples = [Sample(c, found.metrics, found.controls) for c in perturbations(2)]
    baseline = tmp_path / "made" / "baseline.json"
    measured = calibrated_baseline(samples, better=found.better)
    metrics = {"mean": Metric(found.metrics["mean"], 0.01), "deaf": Metric(0.125, 1.0)}
    controls = {"flat": {"mean": Control(0.0, 0.25)}}
    edited = msgspec.structs.replace(measured, metrics=metrics, controls=controls)
    baseline.write_bytes(encode_baseline(edited))
    record(
        [
            Staged("golden/lattice.npz", "fixture", archive),
            Staged("golden/lattice.json", "manifest", manifest),
            Staged("golden/lattice.smooth.json", "baseline", baseline),
        ]
    )
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "First light"]):
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", "-C", str(empty.root), *identity, *arguments], check=True)
    return Subject(empty.root, "golden", "golden/lattice.npz", ("smooth",))


@pytest.fixture
def faults(subject):
    return known_faults(find_catalogue(subject.root))
