"""The compared pipelines exist, their metrics do, and one picture shows all reconstructions."""

from __future__ import annotations

import pytest

pytest.importorskip("skimage", reason="metrics and pictures need scikit-image")

from harness.core.domain.interface import PipelineResult
from harness.core.domain.references import load_reference
from harness.core.storage.npz import write_archive
from harness.ptycho.domain import DOMAIN
from harness.ptycho.engines.compare import COMPARISON, draw
from harness.ptycho.pipeline.assess import BETTER


def test_the_domain_names_it_and_its_pipelines_and_metrics_exist():
    assert load_reference(DOMAIN.comparison) is COMPARISON
    assert set(COMPARISON.pipelines) <= set(DOMAIN.pipelines)
    assert set(COMPARISON.metrics) <= set(BETTER)


def result(name, artifacts):
    return PipelineResult(name, {}, {}, (), artifacts)


def test_the_picture_has_a_column_for_each_reconstruction(small, small_arrays, tmp_path):
    from PIL import Image

    write_archive(tmp_path / "r.npz", {"object": small_arrays["objectGuess"]})
    good = {"reconstruction": tmp_path / "r.npz"}
    widths = []
    for names in (("one",), ("one", "two")):
        results = {name: result(name, good) for name in names} | {"other": result("other", {})}
        draw(small, results, tmp_path / "p.png")
        with Image.open(tmp_path / "p.png") as picture:
            widths.append(picture.size[0])

    column = 2 * small_arrays["objectGuess"].shape[1] + 8
    assert widths == [2 * column + 8, 3 * column + 8]


def test_nothing_is_drawn_without_a_reconstruction(small, tmp_path):
    draw(small, {"other": result("other", {})}, tmp_path / "p.png")

    assert not (tmp_path / "p.png").exists()
