"""Files of a domain's own formats: who reads them, and what options mean for which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from harness.commands.datasets.reading import as_archive, open_data, read_data, require_reader
from harness.core.data_files import DataFile
from harness.core.errors import UnreadableError, UsageError
from harness.core.storage.npz import Arrays, read_archive, write_archive


@dataclass
class Notes:
    """A domain whose files begin with NOTES."""

    given: dict[str, Any] = field(default_factory=dict)

    def format_of(self, path):
        return "a file of notes" if path.is_file() and path.read_bytes().startswith(b"NOTES") else None

    def read(self, path, **options):
        self.given = options
        return DataFile("a file of notes", {"notes": np.frombuffer(path.read_bytes()[5:], "u1")}, ("read",))


@dataclass
class Catalogue:
    files: tuple[Notes, ...]

    def load_files(self):
        return self.files


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "a.npz"  # the name means nothing
    path.write_bytes(b"NOTESabc")
    return path


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "b.npz"
    write_archive(path, {"image": np.arange(4.0)})
    return path


def test_a_file_is_read_by_the_domain_that_recognises_it(notes):
    domain = Notes()
    found = read_data(notes, Catalogue((Notes(), domain)))
    assert found.format == "a file of notes"
    assert found.arrays["notes"].tobytes() == b"abc"
    assert found.notes == ("read",)


def test_any_other_is_an_archive(archive):
    found = read_data(archive, Catalogue((Notes(),)))
    assert found.format == "an .npz archive"
    assert list(found.arrays) == ["image"]
    assert read_data(archive, Catalogue(())).notes == ()


def test_options_reach_the_reader_without_those_that_were_not_given(notes):
    domain = Notes()
    read_data(notes, Catalogue((domain,)), axes="nhw", step=None, reduce=())
    assert domain.given == {"axes": "nhw"}


def test_options_mean_nothing_for_an_archive(archive, notes):
    catalogue = Catalogue((Notes(),))
    with pytest.raises(
        UsageError, match=r"--pixel-size has no meaning for b.npz, an .npz archive. Leave it out."
    ):
        read_data(archive, catalogue, pixel_size=1e-8)
    require_reader((archive, notes), catalogue, {"axes": "nhw"})
    require_reader((archive,), catalogue, {"axes": None, "reduce": ()})


def test_an_archive_is_given_to_pipelines_as_it_is(archive):
    with as_archive(archive, Catalogue((Notes(),))) as path:
        assert path == archive


def test_any_other_file_is_given_as_an_archive_that_is_gone_afterwards(notes):
    with as_archive(notes, Catalogue((Notes(),))) as path:
        assert path.name == "a.npz"
        assert read_archive(path)["notes"].tobytes() == b"abc"
    assert not path.exists()


def test_options_for_an_archive_are_refused_before_a_pipeline_runs(archive):
    with pytest.raises(UsageError, match="--axes"), as_archive(archive, Catalogue(()), axes="nhw"):
        pytest.fail("the block was entered")


def test_arrays_of_an_archive_are_read_when_they_are_asked_for(archive, notes):
    opened = open_data(archive, Catalogue((Notes(),)))
    assert isinstance(opened, Arrays)
    assert opened["image"].tolist() == [0, 1, 2, 3]
    assert list(open_data(notes, Catalogue((Notes(),)))) == ["notes"]


def test_a_missing_file_is_one_error(tmp_path):
    with pytest.raises(UnreadableError, match="No such file"):
        read_data(tmp_path / "none.npz", Catalogue((Notes(),)))
