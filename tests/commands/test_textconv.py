"""``harness textconv`` as a user types it, and as ``git diff`` calls it after ``harness install-git``."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.core.storage.npz import write_archive

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1234\n"


def changed(lines: str) -> list[str]:
    """Lines that a diff removes or adds, without its header."""
    return [line for line in lines.rpartition("@@\n")[2].splitlines() if line[0] in "+-"]


def test_git_diff_shows_which_arrays_changed(repository, git):
    """The line of the changed array before and after, and the others' lines as context."""
    arrays = {**repository.arrays, "image": repository.arrays["image"].copy()}
    arrays["image"][2, 3] = 7
    write_archive(repository.archive, arrays)
    shown = git("diff")
    before, after = changed(shown)
    assert before.split()[:8] == ["-image", "float32", "(3,", "4)", "min", "0.0", "max", "1.0"]
    assert after.split()[:8] == ["+image", "float32", "(3,", "4)", "min", "0.0", "max", "7.0"]
    assert "\n index " in shown
    git("commit", "-qam", "second")
    assert changed(git("log", "-p", "-1")) == [before, after]


def test_without_textconv_git_only_says_that_bytes_differ(repository, git):
    write_archive(repository.archive, {"image": np.zeros(3)})
    assert "Binary files" in git("diff", "--no-textconv")
    assert "Binary files" not in git("diff")


def test_an_archive_packed_again_has_an_empty_diff(repository, git):
    """The same arrays in other zip bytes have the same text."""
    np.savez_compressed(repository.archive, **repository.arrays)
    assert git("status", "--porcelain") == " M golden/waves.npz\n"
    assert "@@" not in git("diff")


def test_a_damaged_archive_is_a_note_in_the_diff(repository, git):
    """Truncated, another kind of file, damaged, empty: one line each, and the rest of the diff goes on."""
    golden = repository.archive
    whole = golden.read_bytes()
    (repository.root / "z.txt").write_text("new")
    git("add", "-N", "z.txt")
    notes = {
        whole[:-40]: "a truncated or damaged zip archive; ",
        b"\x93NUMPY\x01": "a single .npy array; 7 bytes, ",
        whole.replace(b"\x00\x00\x80?", b"\x00\x00\x81?"): "image.npy damaged",
        b"": "an empty file; 0 bytes, ",
    }
    for data, note in notes.items():
        golden.write_bytes(data)
        shown = git("diff")
        (line,) = [line for line in shown.splitlines() if line.startswith("+unreadable: ")]
        assert note in line
        assert str(repository.root.parent) not in line
        assert "+new" in shown


def test_a_git_lfs_pointer_is_named(repository, git):
    """With the command that fetches the file; two pointers differ in their digest."""
    repository.archive.write_text(LFS.format("a" * 64))
    assert "git lfs pull" in git("diff")
    git("commit", "-qam", "pointer")
    repository.archive.write_text(LFS.format("b" * 64))
    assert changed(git("diff")) == [f"-digest sha256:{'a' * 64}", f"+digest sha256:{'b' * 64}"]


def test_damaged_bytes_never_fail(tmp_path, in_process):
    """Any truncation and hundreds of flipped bytes: exit code 0 and at least one line."""
    file = tmp_path / "waves.npz"
    write_archive(file, {"image": np.linspace(0, 1, 12).reshape(3, 4), "index": np.arange(4)})
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        code, shown = in_process("textconv", file)
        assert code == 0
        assert shown.startswith(b"unreadable: ")
    for _ in range(300):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(len(whole), size=3)] ^= rng.integers(1, 256, 3, dtype=np.uint8)
        file.write_bytes(damaged.tobytes())
        code, shown = in_process("textconv", file)
        assert code == 0
        assert shown.endswith(b"\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LFS.format("0f"), {"pointer": {"digest": "sha256:0f", "size": 1234}}),
        ("none", "unreadable"),
    ],
)
def test_json_of_what_is_not_an_archive(tmp_path, harness, text, expected):
    """A pointer and a note have keys of their own, with exit code 0."""
    (tmp_path / "a.npz").write_text(text)
    shown = harness("textconv", "a.npz", "--json")
    assert shown.code == 0
    result = json.loads(shown.out)
    assert (result.pop("schema"), result.pop("verb")) == (1, "textconv")
    assert result == expected or list(result) == [expected]


def test_json_of_an_archive(repository, harness):
    arrays = json.loads(harness("textconv", "golden/waves.npz", "--json").out)["arrays"]
    assert [array["name"] for array in arrays] == sorted(repository.arrays)
    assert arrays[0]["maximum"] == 1.0


def test_a_missing_file_exits_with_2(harness):
    shown = harness("textconv", "nothing.npz")
    assert (shown.code, shown.out) == (2, "")
    assert "nothing.npz" in shown.err
