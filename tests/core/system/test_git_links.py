"""A path in a commit leads where a checkout would lead, and never out of the commit."""

from __future__ import annotations

import subprocess

import pytest

from harness.core.system.git_links import find_files, trees_that_lead_elsewhere
from harness.core.system.git_objects import GitFile, find_objects, read_files

KEY = "SHA256-s1--" + "0f" * 32
ANNEX = f".git/annex/objects/F4/k9/{KEY}/{KEY}"

LINKS = {
    "golden/inner": "a",
    "golden/up": "../kept/b",
    "golden/chain": "up",
    "golden/annex": f"../{ANNEX}",
    "golden/to annex": "../kept/annex",
    "golden/folder": "../kept",
    "golden/out": "../../outside",
    "golden/absolute": "/etc/hostname",
    "golden/gone": "none",
    "golden/gone too": "gone",
    "golden/loop": "loop",
    "golden/newline": "../kept/b\n",
    "kept/annex": f"../{ANNEX}",
    "kept/back": "../golden/to annex",
    "kept/deep/annex": f"../../{ANNEX}",
    "kept/deep/above": "../annex",
    "linked": "golden",
    "top": "./kept/annex",
    "above": "../kept/annex",
}


@pytest.fixture
def root(tmp_path):
    """A repository with files, and links of all kinds."""
    for name in ("golden/a", "kept/b", "kept/deep/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for name, target in LINKS.items():
        (tmp_path / name).symlink_to(target)
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a commit"]):
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        subprocess.run(command, check=True, capture_output=True)
    return tmp_path


def text_at(root, path: str) -> tuple[str, bool] | None:
    """What is found at a path of the commit: its text, and whether it is a link."""
    (file,) = find_files(root, [("HEAD", path)]).values()
    if file is None:
        return None
    ((_, data),) = read_files(root, [file.blob], lambda stream: stream.read())
    return data.decode(), file.is_link


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("golden/a", ("golden/a", False)),
        ("golden/inner", ("golden/a", False)),
        ("golden/up", ("kept/b", False)),
        ("golden/chain", ("kept/b", False)),
        ("golden/folder/b", ("kept/b", False)),
        ("linked/folder/deep/c", ("kept/deep/c", False)),
        ("golden/annex", (f"../{ANNEX}", True)),
        ("golden/to annex", (f"../{ANNEX}", True)),
        ("golden/folder/annex", (f"../{ANNEX}", True)),
        ("golden/folder/back", (f"../{ANNEX}", True)),
        ("golden/folder/deep/annex", (f"../../{ANNEX}", True)),
        ("golden/folder/deep/above", (f"../{ANNEX}", True)),
        ("linked/to annex", (f"../{ANNEX}", True)),
        ("top", (f"../{ANNEX}", True)),
        ("above", ("../kept/annex", True)),
        ("golden/out", ("../../outside", True)),
        ("golden/absolute", ("/etc/hostname", True)),
        ("golden/gone", ("none", True)),
        ("golden/gone too", ("gone", True)),
        ("golden/loop", ("loop", True)),
        ("golden/newline", ("../kept/b\n", True)),
        ("golden/none", None),
        ("golden/a/below", None),
        ("none/a", None),
    ],
)
def test_a_path_leads_where_a_checkout_would_lead(root, path, expected):
    assert text_at(root, path) == expected


def test_all_places_are_answered_at_once(root):
    places = [("HEAD", path) for path in (*LINKS, "golden/a", "none")]
    found = find_files(root, [*places, *places])
    assert list(found) == places
    assert found == {place: file for place in places for file in find_files(root, [place]).values()}
    assert found["HEAD", "golden/a"] == GitFile(find_objects(root, ["HEAD:golden/a"])["HEAD:golden/a"])


def test_directories_depend_on_the_rest_of_the_commit_unless_all_links_are_of_git_annex(root):
    paths = ("golden", "kept", "kept/deep")
    trees = {path: find_objects(root, [f"HEAD:{path}"])[f"HEAD:{path}"] for path in paths}
    assert trees_that_lead_elsewhere(root, [trees["golden"]]) == {trees["golden"]}
    (root / "only").mkdir()
    (root / "only" / "annex").symlink_to(f"../{ANNEX}")
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    tree = subprocess.run(
        ["git", "-C", str(root), "write-tree"], check=True, capture_output=True, text=True
    ).stdout.strip()
    only = find_objects(root, [f"{tree}:only"])[f"{tree}:only"]
    assert trees_that_lead_elsewhere(root, [only]) == set()
    assert trees_that_lead_elsewhere(root, []) == set()
