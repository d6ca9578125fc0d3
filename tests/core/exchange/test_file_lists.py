"""Lists of files and hashes: what other tools write is read, and what is written other tools read."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess

import pytest

from harness.core.errors import UnreadableError
from harness.core.exchange.file_lists import FORMATS, is_list, read_list, write_list
from harness.core.registry.format import Entry

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()


def entry(content: bytes) -> Entry:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Entry("file", len(content), f"xxh128:{'0' * 32}", digest, f"sha256:{'0' * 64}")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "registry.txt",
            f"a.txt {A}\n# note\n\n'b c.txt' sha256:{B.upper()} https://x/b\n",
            {"a.txt": A, "b c.txt": B},
        ),
        ("registry.txt", f"a.txt md5:{'0' * 32}\n", {"a.txt": "0" * 32}),
        ("SHA256SUMS", f"{A}  a.txt\n{B} *./sub/b.txt\n", {"a.txt": A, "./sub/b.txt": B}),
        ("list.sha256", f"{A}  a  b.txt\r\n", {"a  b.txt": A}),
        ("list.sha256", f"SHA256 (a.txt) = {A}\n", {"a.txt": A}),
        ("hashes.json", json.dumps({"test_plot.test_line[1.5]": A}), {"test_plot.test_line[1.5]": A}),
    ],
)
def test_the_lists_of_other_tools_are_read(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text, newline="")
    assert is_list(tmp_path / name)
    assert {item.name: item.digest for item in read_list(tmp_path / name)} == expected


def test_an_image_of_pytest_mpl_is_where_that_keeps_it(tmp_path):
    (tmp_path / "hashes.json").write_text(json.dumps({"tests.test_plot.TestA.test_line[1.5]": A}))
    (item,) = read_list(tmp_path / "hashes.json")
    assert "baseline/test_line_1.5.png" in item.paths
    assert "tests.test_plot.TestA.test_line_1.5.png" in item.paths


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("r.txt", f"a {A}\na {B}\n", "'a' twice"),
        ("r.txt", f"../a {A}\n", "not a path inside"),
        ("r.txt", f"/etc/passwd {A}\n", "not a path inside"),
        ("r.txt", f"a {A}\nb\n", "another form in line 2"),
        ("r.txt", f"a {A}\nb unknown:{B}\n", "another form in line 2"),
        ("r.txt", f"a {A}\n'b {B}\n", "No closing quotation"),
        ("r.txt", "", "no entries"),
        ("SUMS", f"{A}  a\n{B[:-1]}  b\n", "another form in line 2"),
        ("SUMS", f"{A}  x/../../a\n", "not a path inside"),
        ("SUMS", f"\\{A}  a\\nb\n", "not a path inside"),
        ("SUMS", f"{A}  C:\\a\n", "not a path inside"),
        ("h.json", f'{{"a": "{A}", "a": "{B}"}}', "twice"),
        ("h.json", '{"a": "12"}', "not 64 hexadecimal digits"),
        ("h.json", f'{{"../../a": "{A}"}}', None),
        ("h.json", "[1]", "Expected `object`"),
        ("h.json", "[" * 100_000, "nested"),
    ],
)
def test_a_damaged_or_hostile_list_is_one_error(tmp_path, name, text, problem):
    (tmp_path / name).write_text(text)
    if problem is None:  # only a test's name, from which paths are made without slashes
        assert all(".." not in path.split("/") for item in read_list(tmp_path / name) for path in item.paths)
        return
    with pytest.raises(UnreadableError, match=problem):
        read_list(tmp_path / name)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "r.txt").write_bytes(f"a {A}\n".encode() + b"\xff")
    with pytest.raises(UnreadableError, match="UTF-8"):
        read_list(tmp_path / "r.txt")


@pytest.mark.parametrize("text", ["1.0 2.0\n", "", "hello world\n", "# only\n"])
def test_other_text_is_not_a_list(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    assert not is_list(tmp_path / "a.txt")


CONTENTS = {"golden/b.txt": b"b", "golden/a b#.txt": b"a", "golden/é'.txt": b"c"}


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_written_is_read_again_in_one_order(tmp_path, form):
    entries = {path: entry(content) for path, content in CONTENTS.items()}
    text = write_list(entries, form)
    assert text == write_list(dict(reversed(entries.items())), form)
    (tmp_path / "list.txt").write_text(text, "utf-8")
    read = {item.name: f"sha256:{item.digest}" for item in read_list(tmp_path / "list.txt")}
    assert read == {path: entries[path].sha256 for path in sorted(entries)}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_checks_what_is_written(tmp_path):
    (tmp_path / "golden").mkdir()
    for path, content in CONTENTS.items():
        (tmp_path / path).write_bytes(content)
    (tmp_path / "sums").write_text(
        write_list({p: entry(c) for p, c in CONTENTS.items()}, "sha256sum"), "utf-8"
    )
    check = ["sha256sum", "--strict", "-c", "sums"]
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "golden/b.txt").write_bytes(b"x")
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 1


def test_pooch_reads_what_is_written(tmp_path):
    pooch = pytest.importorskip("pooch")
    (tmp_path / "registry.txt").write_text(
        write_list({p: entry(c) for p, c in CONTENTS.items()}, "pooch"), "utf-8"
    )
    files = pooch.create(path=tmp_path, base_url="https://example.org/")
    files.load_registry(tmp_path / "registry.txt")
    assert files.registry == {path: entry(content).sha256 for path, content in CONTENTS.items()}
