"""A checkpoint is read back as it was written, or refused with an error that names the file."""

from __future__ import annotations

import pickle
import zipfile

import pytest
import torch

from harness.core.errors import StaleFormatError, UnreadableError, UnwritableError
from harness.ptycho.pipeline.model import checkpoint


@pytest.fixture
def saved(tmp_path):
    return checkpoint.write_checkpoint(tmp_path / "checkpoint.pt", "network", {"weight": torch.arange(9.0)})


def error_of_reading(path):
    with pytest.raises(UnreadableError) as refused:
        checkpoint.read_checkpoint(path, "network")
    assert str(path) in str(refused.value)
    return refused.value


def test_round_trip(saved):
    """Tensors are read back to the last bit, and no temporary file is left."""
    assert torch.equal(checkpoint.read_checkpoint(saved, "network")["weight"], torch.arange(9.0))
    assert list(saved.parent.iterdir()) == [saved]


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    """Neither a half-written checkpoint nor a temporary file is left."""
    before = saved.read_bytes()

    def fail(_, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(UnwritableError, match="No space left on device"):
        checkpoint.write_checkpoint(saved, "network", {})
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_missing(tmp_path):
    assert error_of_reading(tmp_path / "none.pt").found == "no such file"


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -200])
def test_truncated(saved, keep):
    """A checkpoint that was cut at any place is refused."""
    saved.write_bytes(saved.read_bytes()[:keep])
    assert error_of_reading(saved).exit_code == 2


def test_not_a_checkpoint(saved):
    """Text and another zip archive are refused."""
    saved.write_text("not a checkpoint")
    assert error_of_reading(saved).exit_code == 2
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("readme.txt", "neither")
    assert error_of_reading(saved).exit_code == 2


def test_code_is_not_run(saved, tmp_path):
    """A pickle that would open a file is refused, and the file is not created."""

    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "evil"), "w")

    for write in (lambda: torch.save(Evil(), saved), lambda: saved.write_bytes(pickle.dumps(Evil()))):
        write()
        assert error_of_reading(saved).exit_code == 2
        assert not (tmp_path / "evil").exists()


def test_of_another_pipeline(saved):
    with pytest.raises(UnreadableError, match="kind 'network'"):
        checkpoint.read_checkpoint(saved, "iterative")


@pytest.mark.parametrize(
    "content", [torch.zeros(3), {"schema": 1, "kind": "network"}, {"kind": "network"}, [1]]
)
def test_of_another_form(saved, content):
    """Tensors in another form than a checkpoint's are refused."""
    torch.save(content, saved)
    assert error_of_reading(saved).exit_code == 2


def test_newer_schema(saved):
    """A checkpoint of a newer version is refused as such."""
    torch.save({"schema": checkpoint.SCHEMA + 1, "kind": "network", "state": {}}, saved)
    with pytest.raises(StaleFormatError, match="Update golden-harness"):
        checkpoint.read_checkpoint(saved, "network")
