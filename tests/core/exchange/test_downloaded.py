"""Of a download, only the results and the files that they name are read, and hostile ones are refused."""

from __future__ import annotations

import io
import stat
import zipfile

import msgspec
import pytest

from harness.core.errors import RefusedError, UnreadableError
from harness.core.exchange.downloaded import obtained_file, obtained_in
from harness.core.obtained.results import CheckResult, SessionResults
from harness.core.verdict import Outcome

DIGEST = "sha256:" + "0" * 64
STEM = "tests/test_waves/test_spectrum"
CONTENT = b"arrays" * 100


@pytest.fixture
def results() -> bytes:
    """Results that name one file."""
    check = CheckResult("test_a", STEM, "fixture", Outcome.DRIFTED, "drifted", files={f"{STEM}.npz": DIGEST})
    session = SessionResults(
        at="2026-01-31T12:00:00Z", seconds=0, environment={}, environment_digest=DIGEST, checks=(check,)
    )
    return msgspec.json.encode(session)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "unpacked"
    made.mkdir()
    return made


def zipped(path, members, **options):
    """Write a .zip file with these members, in this order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def write(directory, results) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_bytes(results)
    file = directory / f"{STEM}.npz"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)


@pytest.mark.parametrize("place", ["", ".harness/obtained", "obtained", "packages/one/.harness/obtained"])
def test_a_directory_has_the_results_itself_or_below(tmp_path, folder, results, place):
    """As GitHub, GitLab and people with one project in many give them."""
    write(tmp_path / "download" / place, results)
    directory, found = obtained_in(tmp_path / "download", folder)
    assert directory == tmp_path / "download" / place
    assert [check.stem for check in found.checks] == [STEM]
    assert obtained_file(directory, f"{STEM}.npz").read_bytes() == CONTENT
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("place", ["", ".harness/obtained/", "obtained/"])
def test_a_zip_file_is_unpacked_as_far_as_it_is_needed(tmp_path, folder, results, place):
    """Members that the results do not name stay where they are, whatever they are called."""
    path = zipped(
        tmp_path / "obtained.zip",
        [
            (f"{place}{STEM}.npz", CONTENT),
            (f"{place}results.json", results),
            (f"{place}other.npz", b"other"),
            ("../../evil.sh", b"evil"),
            ("/etc/evil", b"evil"),
        ],
    )
    directory, found = obtained_in(path, folder)
    assert (directory, len(found.checks)) == (folder, 1)
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    assert files == ["results.json", f"{STEM}.npz"]
    assert obtained_file(directory, f"{STEM}.npz").read_bytes() == CONTENT
    assert sorted(file.name for file in tmp_path.iterdir()) == ["obtained.zip", "unpacked"]


def test_without_results_there_is_nothing(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableError, match=r"results\.json.* found none\. Have CI upload \.harness"):
        obtained_in(tmp_path / "empty", folder)
    with pytest.raises(UnreadableError, match=r"results\.json.* found none"):
        obtained_in(zipped(tmp_path / "a.zip", [("a.npz", b"")]), folder)


def test_results_of_two_sessions_have_to_be_told_apart(tmp_path, folder, results):
    for name in ("linux", "windows"):
        write(tmp_path / "all" / name, results)
    with pytest.raises(RefusedError, match=r"results of 2 pytest sessions.*linux.*windows"):
        obtained_in(tmp_path / "all", folder)
    path = zipped(tmp_path / "a.zip", [("a/results.json", results), ("b/results.json", results)])
    with pytest.raises(RefusedError, match="results of 2 pytest sessions"):
        obtained_in(path, folder)


def test_a_link_to_a_directory_is_not_followed(tmp_path, folder, results):
    write(tmp_path / "elsewhere", results)
    (tmp_path / "download").mkdir()
    (tmp_path / "download" / "obtained").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnreadableError, match="found none"):
        obtained_in(tmp_path / "download", folder)


def test_a_file_that_the_results_name_may_be_missing(tmp_path, folder, results):
    directory, _ = obtained_in(zipped(tmp_path / "a.zip", [("results.json", results)]), folder)
    with pytest.raises(UnreadableError, match=f"{STEM}.npz: expected a file beside the results, found none"):
        obtained_file(directory, f"{STEM}.npz")


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def damaged(data: bytes) -> bytes:
    """A .zip file with other bytes in its first member."""
    place = data.index(CONTENT)
    return data[:place] + b"X" + data[place + 1 :]


def stored(results: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{STEM}.npz", CONTENT)
        archive.writestr("results.json", results)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (damaged, "damaged: Bad CRC"),
        (lambda data: data[:-10], "a truncated or damaged zip archive"),
        (lambda data: data[: len(data) // 2], "a truncated or damaged zip archive"),
        (lambda _: b"", "an empty file"),
        (lambda _: b"<html>Not found</html>", "an HTML page"),
    ],
)
def test_a_damaged_zip_file_is_refused(tmp_path, folder, results, change, found):
    path = tmp_path / "obtained.zip"
    path.write_bytes(change(stored(results)))
    with pytest.raises(UnreadableError, match=found) as caught:
        obtained_in(path, folder)
    assert caught.value.thing == str(path)
    assert "Download it again" in str(caught.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path, folder, results):
    path = zipped(tmp_path / "a.zip", [("results.json", results), ("results.json", results)])
    with pytest.raises(UnreadableError, match=r"two members named 'results\.json'"):
        obtained_in(path, folder)


def test_a_member_that_is_a_link_is_refused(tmp_path, folder, results):
    path = zipped(tmp_path / "a.zip", [("results.json", results), (link(f"{STEM}.npz"), b"/etc/passwd")])
    with pytest.raises(UnreadableError, match="not a plain file"):
        obtained_in(path, folder)


def test_a_method_without_a_limit_is_refused(tmp_path, folder, results):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("results.json", results)
    with pytest.raises(UnreadableError, match="compressed by method 12"):
        obtained_in(path, folder)


def test_an_encrypted_member_is_refused(tmp_path, folder, results):
    """A bit in its entry says so."""
    data = bytearray(stored(results))
    data[data.rindex(b"PK\1\2") + 8] |= 1
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match="encrypted"):
        obtained_in(path, folder)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, folder, results):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("results.json", results)
        with archive.open("zeros.npz", "w") as stream:
            for _ in range(300):
                stream.write(bytes(1 << 20))
    with pytest.raises(RefusedError, match=r"times its size.*Unpack it yourself"):
        obtained_in(path, folder)
    assert list(folder.iterdir()) == []


def test_hostile_results_unpack_nothing(tmp_path, folder, results):
    hostile = results.replace(STEM.encode(), b"../../evil")
    path = zipped(tmp_path / "a.zip", [("results.json", hostile), ("../../evil.npz", b"evil")])
    with pytest.raises(UnreadableError, match=r"a part that is '\.\.'"):
        obtained_in(path, folder)
    assert [file.name for file in folder.iterdir()] == ["results.json"]
