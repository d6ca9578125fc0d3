"""One run of a pipeline under a perturbation, and the arrays that it did not read as they are stored."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from harness.core.baselines.perturbations import Perturbation
from harness.core.domain.run_pipeline import Call, misread, output_folder, perform, run_under
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.fixtures.noise import LAST_BIT
from harness.core.storage.digest import digest_array
from harness.core.storage.npz import read_archive

IMAGE = np.linspace(0, 1, 8, dtype=np.float32)

PIPELINE = """
from harness.core.domain.interface import PipelineResult
from harness.core.storage.npz import read_archive, write_archive

def mean(fixture, output, *, threads, seed=0):
    output.mkdir(parents=True)
    measured = output / "measured.npz"
    write_archive(measured, {"image": read_archive(fixture)["image"] * 2})
    metrics = {"threads": float(threads), "seed": float(seed)}
    return PipelineResult(pipeline="mean", metrics=metrics, controls={"flat": metrics}, stages=(),
        artifacts={}, better={"seed": "lower"}, resolution={"seed": 1.0},
        measured=measured, measure="averages:again")
"""


@pytest.fixture
def project(empty, module, monkeypatch):
    """A project with the pipeline ``mean``."""
    monkeypatch.syspath_prepend(empty.root)
    module("averages", PIPELINE)
    (empty.root / "pyproject.toml").write_text('[tool.harness.pipelines]\nmean = "averages:mean"\n', "utf-8")
    return empty


@pytest.fixture
def archive(tmp_path):
    """The archive of a fixture with one float and one integer array."""
    call, source = Generator("m:f", 1), Source("s", "none")
    arrays = {"image": IMAGE, "scan_index": np.arange(8)}
    return write_fixture(make_fixture("f", arrays, generator=call, source=source), tmp_path)[0]


def test_a_run_keeps_its_metrics_and_the_properties_of_them(project, archive, tmp_path):
    kept = tmp_path / "kept.npz"
    run = perform(Call(project.root, "mean", archive, Perturbation(2, seed=3), keep=kept))
    assert run.sample.metrics == {"threads": 2.0, "seed": 3.0}
    assert run.sample.controls == {"flat": run.sample.metrics}
    assert run.sample.perturbation == Perturbation(2, seed=3)
    assert (run.better, run.resolution, run.measure) == ({"seed": "lower"}, {"seed": 1.0}, "averages:again")
    assert np.array_equal(read_archive(kept)["image"], IMAGE * 2)


def test_a_run_that_keeps_no_arrays_names_no_function_to_measure_them(project, archive):
    assert perform(Call(project.root, "mean", archive, Perturbation(1))).measure is None


def test_noise_is_added_to_a_copy_of_the_fixture(archive, tmp_path):
    before = archive.read_bytes()
    seen = {}

    def look(fixture, output, *, threads):
        seen.update(read_archive(fixture), name=fixture.name)

    folder = tmp_path / "folder"
    folder.mkdir()
    run_under(Perturbation(1, noise=1), look, archive, folder)
    assert 0 < np.abs(seen["image"] - IMAGE).max() <= 2 * LAST_BIT
    assert np.array_equal(seen["scan_index"], np.arange(8))
    assert seen["name"] == archive.name
    assert archive.read_bytes() == before


def test_a_plain_run_reads_the_fixture_itself_with_the_environment_of_the_perturbation(archive, tmp_path):
    seen = []

    def look(fixture, output, *, threads):
        seen.append((fixture, output, threads, os.environ["HARNESS_KERNELS"]))

    run_under(Perturbation(2, {"HARNESS_KERNELS": "old"}), look, archive, tmp_path)
    assert seen == [(archive, tmp_path / "output", 2, "old")]
    assert "HARNESS_KERNELS" not in os.environ


@pytest.fixture
def manifest():
    arrays = {"image": IMAGE, "scan_index": np.arange(8)}
    return make_fixture("f", arrays, generator=Generator("m:f", 1), source=Source("s", "none")).manifest


def test_arrays_that_were_read_as_stored_are_not_reported(manifest):
    """A stage need not read every array."""
    assert misread(manifest, {"train": {"image": digest_array(IMAGE)}, "infer": {}}) == ()


@pytest.mark.parametrize(
    "read",
    [IMAGE.astype(np.float16), IMAGE.astype(np.float16).astype(np.float32), IMAGE[::-1], IMAGE.reshape(2, 4)],
    ids=["half precision", "half precision on the way", "another order", "another shape"],
)
def test_another_digest_is_reported_with_stage_and_array(manifest, read):
    """Even if the loss is within every tolerance."""
    found = {"train": {"image": digest_array(IMAGE)}, "infer": {"image": digest_array(read)}}
    (line,) = misread(manifest, found)
    assert line == f"infer read image: expected {digest_array(IMAGE)}, found {digest_array(read)}"


def test_an_array_that_is_not_in_the_manifest_is_reported(manifest):
    (line,) = misread(manifest, {"train": {"phase": "xxh128:1"}})
    assert line == "train read phase: expected no such array, found xxh128:1"


def test_a_temporary_folder_is_removed_unless_a_failure_left_logs_in_it():
    with output_folder() as folder:
        (folder / "train.log").touch()
    assert not folder.exists()
    with pytest.raises(KeyError), output_folder() as folder:
        raise KeyError
    assert not folder.exists()
    with pytest.raises(NotADirectoryError), output_folder() as folder:
        folder.joinpath("train.log").write_bytes(b"") or folder.joinpath("train.log/a").touch()
    assert (folder / "train.log").exists()
    shutil.rmtree(folder)


def test_a_folder_that_somebody_chose_is_kept(tmp_path):
    with output_folder(tmp_path) as folder:
        assert folder == tmp_path
    assert folder.exists()
