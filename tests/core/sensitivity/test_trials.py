"""Faults of a user's own field, made in a repository of theirs: the check sees each that should see it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from harness.core.baselines.baseline import Control, Metric, encode_baseline
from harness.core.baselines.calibrate import Sample, calibrated, conditions
from harness.core.domain.catalogue import find_catalogue
from harness.core.fixtures.fixture import write_fixture
from harness.core.recording.regenerate import Staged
from harness.core.sensitivity.clean_runs import Clean, clean_trials, of_file, perform_clean
from harness.core.sensitivity.trials import Subject, known_faults, matrix, perform, trials

if TYPE_CHECKING:
    from harness.core.sensitivity.matrix import Row

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
from harness.core.domain.fault import Fault
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.domain.specimen import Specimen

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
    """X02: a gain was recorded wrongly; nothing in the data tells."""
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
    Fault("X07", "another field's", "fixture", negative, applies=lambda manifest: "wave" in manifest.arrays),
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
    """That field's repository, in git: a fixture, its manifest and a baseline."""
    (empty.root / "pyproject.toml").write_text(PYPROJECT)
    archive, manifest = write_fixture(field.lattice(), tmp_path / "made")
    found = field.smooth(archive, tmp_path / "output")
    samples = [Sample(c, found.metrics, found.controls) for c in conditions(2)]
    baseline = tmp_path / "made" / "baseline.json"
    measured = calibrated(samples, better=found.better)
    metrics = {"mean": Metric(found.metrics["mean"], 0.01), "deaf": Metric(0.125, 1.0)}
    controls = {"flat": {"mean": Control(0.0, 0.25)}}
    told = msgspec.structs.replace(measured, metrics=metrics, controls=controls)
    baseline.write_bytes(encode_baseline(told))
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


@pytest.fixture
def asked(subject, faults):
    """Make the faults of the given numbers, and return their rows by number."""

    def ask(*numbers: str) -> dict[str, Row]:
        chosen = [fault for fault in faults if fault.id in numbers]
        answers = {trial: perform(trial) for trial in trials(subject, chosen)}
        return {row.id: row for row in matrix(chosen, answers).rows}

    return ask


def caught(row: Row) -> list[str]:
    return [found.check for found in row.detections if found.caught]


def test_faults_of_repositories_come_with_every_project(faults):
    assert [fault.id for fault in faults[:2]] == ["R01", "R02"]
    assert [fault.id for fault in faults[-7:]] == ["X01", "X02", "X03", "X04", "X05", "X06", "X07"]


def test_a_fault_in_the_data_is_first_seen_by_the_check_of_the_data(asked):
    row = asked("X01")["X01"]
    assert caught(row) == ["positive", "digest", "comparison", "smooth metrics"]
    assert row.story == "X01: a detector counted downwards."


def test_a_refusal_of_the_pipeline_is_caught_and_said(asked):
    found = asked("X01")["X01"].by("smooth metrics")
    assert (found.margin, found.detail) == ("refused", "image: none")


def test_a_fault_that_the_data_do_not_tell_is_seen_by_the_golden_copy(asked):
    row = asked("X02")["X02"]
    assert row.first.check == "digest"
    assert caught(row) == ["digest", "comparison", "smooth metrics"]


def test_a_fault_of_a_generator_is_seen_by_its_second_run_alone(asked):
    assert caught(asked("X03")["X03"]) == ["liveness"]


def test_a_fault_of_a_pipeline_is_seen_by_metrics_alone(asked):
    row = asked("X04")["X04"]
    assert caught(row) == ["smooth metrics"]
    figures = row.by("smooth metrics").figures
    assert figures["mean"] > 1
    assert figures["deaf"] == 0


def test_what_metrics_cannot_see_is_seen_in_what_was_read(asked):
    assert caught(asked("X05")["X05"]) == ["digest"]


def test_a_fault_of_another_pipeline_is_not_tried(asked):
    assert asked("X06") == {}


def test_a_fault_that_cannot_happen_to_the_fixture_is_not_tried(asked):
    assert asked("X07") == {}


def test_a_check_that_refuses_the_golden_arrays_is_not_asked(asked, field, monkeypatch):
    """Another field's check: it would refuse whatever it is shown."""
    finding = field.Finding("positive", "image", "a wave", "none")
    monkeypatch.setattr(field, "positive", lambda _: field.CheckReport("positive", (finding,)))
    assert asked("X02")["X02"].by("positive") is None


def test_a_quick_look_asks_metrics_of_the_faults_marked_for_it(subject, faults):
    chosen = {(t.fault, t.ask) for t in trials(subject, faults, quick=True)}
    assert ("X04", "metrics") in chosen
    assert not chosen & {("X01", "metrics"), ("X05", "metrics")}
    assert {("X01", "data"), ("R01", "repository"), ("X03", "liveness")} <= chosen


def test_faults_of_repositories_are_caught_and_none_that_is_none(asked, contents, subject):
    before = contents(subject.root)
    rows = asked(*(f"R0{n}" for n in range(1, 9)), "R06b", "R07b", "R07c")
    assert len(rows) == 11
    assert [row.id for row in rows.values() if not row.right] == []
    assert caught(rows["R03"]) == ["digest", "comparison", "audit"]
    assert caught(rows["R06b"]) == ["refusal"]
    assert caught(rows["R08"]) == []
    assert contents(subject.root) == before


def test_a_blind_metric_is_named(subject, faults):
    chosen = [fault for fault in faults if fault.kind == "pipeline"]
    answers = {trial: perform(trial) for trial in trials(subject, chosen)}
    assert matrix(chosen, answers).blind("smooth") == ("deaf",)


def test_clean_repetitions_take_specimens_first_then_the_golden_fixture(subject):
    specimens = find_catalogue(subject.root).load_specimens()
    found = list(clean_trials(subject, specimens, 5))
    assert [clean.specimen for clean in found] == ["second", "", "", ""]
    assert [clean.threads for clean in found[1:]] == [1, 2, 1]
    assert sum(clean.repetitions for clean in found) == 5


def test_clean_data_and_pipelines_raise_no_alarm(subject):
    for clean in clean_trials(subject, find_catalogue(subject.root).load_specimens(), 4):
        repetitions = perform_clean(clean)
        assert len(repetitions) == clean.repetitions
        assert [repetition.alarms for repetition in repetitions] == [()] * clean.repetitions
        asked = {found.check for repetition in repetitions for found in repetition.detections}
        assert {"positive", "digest", "comparison", "smooth metrics"} <= asked
        assert clean.specimen or {"registry", "audit"} <= asked


def test_an_alarm_is_told(subject, field, monkeypatch):
    """The count can fail: a pipeline that comes out otherwise is heard."""
    monkeypatch.setattr(field.smooth, "__kwdefaults__", field.smooth.__kwdefaults__ | {"mean": min})
    (repetition,) = perform_clean(Clean(subject, 0, "smooth"))
    assert [alarm.check for alarm in repetition.alarms] == ["smooth metrics"]


def test_a_generator_that_makes_other_arrays_is_an_alarm(subject, field, monkeypatch):
    changed = field.lattice(seed=1)
    monkeypatch.setattr(field, "lattice", lambda *, size=64, seed=0: changed)  # noqa: ARG005
    (repetition,) = perform_clean(Clean(subject, 0, "smooth"))
    assert [alarm.check for alarm in repetition.alarms] == ["digest", "comparison"]


def test_a_check_that_minds_the_last_bit_is_an_alarm(subject, field, monkeypatch):
    golden = field.lattice().arrays["image"]
    finding = field.Finding("positive", "image", "these very numbers", "others")

    def exact(arrays):
        wrong = (arrays["image"] != golden).any()
        return field.CheckReport("positive", (finding,) if wrong else ())

    monkeypatch.setattr(field, "positive", exact)
    (repetition,) = perform_clean(Clean(subject, 0, "smooth"))
    assert [alarm.check for alarm in repetition.alarms] == ["positive"]


def test_a_damaged_repository_is_an_alarm(subject):
    """Verify and audit are asked, too: here of a golden file that nobody registered."""
    (subject.root / "golden" / "stranger.npz").write_bytes(b"")
    (repetition,) = perform_clean(Clean(subject, 0, "smooth"))
    assert "registry" in [alarm.check for alarm in repetition.alarms]


def test_a_dataset_in_a_file_is_a_specimen_too(subject, tmp_path):
    path = tmp_path / "made" / "lattice.npz"
    (clean,) = clean_trials(subject, (of_file(path),), 2)
    repetitions = perform_clean(clean)
    assert [len(repetition.alarms) for repetition in repetitions] == [0, 0]
    assert str(path) in repetitions[0].name


def test_a_specimen_that_cannot_be_made_is_an_alarm(subject, tmp_path):
    (repetition,) = perform_clean(Clean(subject, 0, "smooth", specimen=str(tmp_path / "none.npz")))
    assert [alarm.check for alarm in repetition.alarms] == ["generator"]
