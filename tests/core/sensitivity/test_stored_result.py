"""The last result of a sensitivity run is kept, and read strictly."""

from __future__ import annotations

import pytest

from harness.core.errors import StaleFormatError, UnreadableError
from harness.core.sensitivity.generic_faults import GoldenMove
from harness.core.sensitivity.golden_tests import GoldenFile
from harness.core.sensitivity.matrix import Detection, Matrix, Row
from harness.core.sensitivity.stored_result import load_result, save_result, stored_result
from harness.core.storage.project import Project


@pytest.fixture
def result():
    caught = Detection("digest", caught=True, margin="2 arrays", detail="image, wave")
    passed = Detection("audit", caught=False)
    matrix = Matrix((Row("X01", "a tenth lost", "fixture", (passed, caught)),))
    moves = (
        GoldenMove("golden/a.npz", "image", "G01", "", seen=True),
        GoldenMove("golden/a.npz", "image", "G09", "axis 0", seen=False, why="small", explained=True),
    )
    return stored_result(matrix, [GoldenFile("golden/a.npz", ("test_a",), moves)], quick=True)


def test_what_is_saved_is_loaded(tmp_path, result):
    project = Project(tmp_path)
    assert load_result(project) is None
    save_result(project, result)
    assert load_result(project) == result
    (fault,) = result.faults
    assert fault.caught
    assert fault.by("digest").margin == "2 arrays"
    assert fault.by("physics") is None
    (file,) = result.files
    assert (file.moved, file.seen, [move.fault for move in file.blind]) == (2, 1, ["G09"])


@pytest.mark.parametrize(("text", "error"), [("{]", UnreadableError), ('{"schema": 99}', StaleFormatError)])
def test_a_damaged_result_is_refused(tmp_path, result, text, error):
    project = Project(tmp_path)
    save_result(project, result)
    (project.workspace / "sensitivity.json").write_text(text)
    with pytest.raises(error, match=r"sensitivity\.json"):
        load_result(project)


def test_a_workspace_that_is_not_ours_gets_nothing(tmp_path, result):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".harness").symlink_to("elsewhere")
    save_result(Project(tmp_path), result)
    assert list((tmp_path / "elsewhere").iterdir()) == []
