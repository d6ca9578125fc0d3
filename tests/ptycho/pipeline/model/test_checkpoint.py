"""A checkpoint comes back as it was, or is refused by name."""

from __future__ import annotations

import pickle
import zipfile

import pytest
import torch

from harness.core.errors import StaleFormatError, UnreadableError
from harness.ptycho.pipeline.model import checkpoint


@pytest.fixture
def saved(tmp_path):
    return checkpoint.write_checkpoint(tmp_path / "checkpoint.pt", "network", {"weight": torch.arange(9.0)})


def refusal(path):
    with pytest.raises(UnreadableError) as refused:
        checkpoint.read_checkpoint(path, "network")
    assert str(path) in str(refused.value)
    return refused.value


def test_round_trip(saved):
    """Tensors come back bit by bit, and no scratch file stays."""
    assert torch.equal(checkpoint.read_checkpoint(saved, "network")["weight"], torch.arange(9.0))
    assert list(saved.parent.iterdir()) == [saved]


def test_missing(tmp_path):
    """A checkpoint that is not there is refused, and told so."""
    assert "no such file" in refusal(tmp_path / "none.pt").found


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -200])
def test_truncated(saved, keep):
    """A checkpoint cut anywhere is refused."""
    saved.write_bytes(saved.read_bytes()[:keep])
    assert refusal(saved).exit_code == 2


def test_no_checkpoint_at_all(saved):
    """Text and a foreign zip archive are refused."""
    saved.write_text("not a checkpoint")
    assert refusal(saved).exit_code == 2
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("readme.txt", "neither")
    assert refusal(saved).exit_code == 2


def test_code_is_not_run(saved, tmp_path):
    """A pickle that would run a command is refused, and the command is not run."""

    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "evil"), "w")

    for write in (lambda: torch.save(Evil(), saved), lambda: saved.write_bytes(pickle.dumps(Evil()))):
        write()
        assert refusal(saved).exit_code == 2
        assert not (tmp_path / "evil").exists()


def test_of_another_pipeline(saved):
    """The state of one pipeline is not read as another's."""
    with pytest.raises(UnreadableError, match="kind 'network'"):
        checkpoint.read_checkpoint(saved, "iterative")


@pytest.mark.parametrize(
    "content", [torch.zeros(3), {"schema": 1, "kind": "network"}, {"kind": "network"}, [1]]
)
def test_of_another_form(saved, content):
    """Readable tensors in another form than a checkpoint's are refused."""
    torch.save(content, saved)
    assert refusal(saved).exit_code == 2


def test_newer(saved):
    """A newer schema is refused by name, not half read."""
    torch.save({"schema": checkpoint.SCHEMA + 1, "kind": "network", "state": {}}, saved)
    with pytest.raises(StaleFormatError):
        checkpoint.read_checkpoint(saved, "network")
