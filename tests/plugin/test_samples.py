"""``pytest --golden-samples``: what a session measured, in one file, whatever its tests came to."""

from __future__ import annotations

import json

import pytest

from harness.core.baselines.samples import ArraySample, Deviation, read_samples
from harness.core.errors import UsageError
from harness.core.storage.project import Project
from harness.plugin.samples import Collector, samples_file

TESTS = """
import os
import numpy as np

SHIFT = float(os.environ.get("SHIFT", "0"))

def test_power(arrays_regression):
    x = arrays_regression.inputs(np.arange(1.0, 5.0))
    assert (x == np.arange(1.0, 5.0)).all()
    arrays_regression.check({"power": x + SHIFT, "count": 3})

def test_energy(metrics_regression):
    metrics_regression.check({"energy": 2.0 + SHIFT})
"""


def sample(shift: float) -> ArraySample:
    return ArraySample("xxh128:0", ("test_a",), {"a": Deviation("float64", (1,), shift)})


def test_a_test_that_is_repeated_counts_once():
    collector = Collector()
    collector.add_arrays("test_a", "waves", sample(1.0))
    collector.begin("test_a")
    collector.add_arrays("test_a", "waves", sample(2.0))
    assert collector.samples().arrays == {"waves": sample(2.0)}


def test_workers_send_what_they_collected():
    worker, controller = Collector(), Collector()
    worker.add_arrays("test_a", "waves", sample(1.0))
    controller.add_worker(worker.to_plain())
    assert controller.samples() == worker.samples()


@pytest.mark.parametrize("word", ["golden/samples.json", "golden/deep/samples.json", "."])
def test_a_file_below_golden_or_a_directory_is_refused(tmp_path, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="golden-samples"):
        samples_file(word, Project(tmp_path), writes=False)


def test_a_session_that_records_has_no_samples(tmp_path):
    with pytest.raises(UsageError, match="records golden files"):
        samples_file(str(tmp_path / "samples.json"), Project(tmp_path), writes=True)


@pytest.fixture
def recorded(pytester, monkeypatch):
    """A user's project with its golden files."""
    monkeypatch.delenv("SHIFT", raising=False)
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_waves=TESTS)
    assert pytester.runpytest_subprocess("--regen-all", "-q").ret == 0
    return pytester


def test_samples_are_written_also_when_tests_fail(recorded, monkeypatch):
    """Every figure with all tolerances at zero; the tests fail as without the option; no path in the file."""
    monkeypatch.setenv("SHIFT", "0.5")
    result = recorded.runpytest_subprocess("--golden-samples", "out/here.json", "-q")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*samples of 2 arrays and 1 metrics: *here.json", "golden files: 0 identical*"]
    )
    file = recorded.path / "out" / "here.json"
    found = read_samples(file)
    power = found.arrays["test_waves/test_power"].arrays["power"]
    assert (power.accepted, power.spread.absolute, power.spread.relative) == (False, 0.5, 0.5)
    assert (power.scale, power.shape, power.spread.index) == (4.0, (4,), (0,))
    metric = found.metrics["test_waves/test_energy.metrics"].metrics["energy"]
    assert (metric.golden, metric.value, metric.accepted) == (2.0, 2.5, False)
    assert str(recorded.path) not in file.read_text()
    assert found.environment["platform"]
    manifest = json.loads((recorded.path / "golden/test_waves/test_power.json").read_bytes())
    assert found.arrays["test_waves/test_power"].golden == manifest["digest"]


def test_workers_of_xdist_send_theirs_and_equal_arrays_have_no_spread(recorded):
    pytest.importorskip("xdist")
    result = recorded.runpytest_subprocess("--golden-samples", "here.json", "-q", "-n", "2")
    assert result.ret == 0
    found = read_samples(recorded.path / "here.json")
    assert list(found.arrays) == ["test_waves/test_power"]
    assert list(found.metrics) == ["test_waves/test_energy.metrics"]
    assert not any(one.spread.differing for one in found.arrays["test_waves/test_power"].arrays.values())
