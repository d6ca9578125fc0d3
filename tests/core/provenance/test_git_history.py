"""A commit is compared with each parent: what one parent has is not new in a merge."""

from __future__ import annotations

from harness.core.provenance.git_history import Change, Commit, GitHistory


def change(parent: str, *, files: tuple[str, ...] = (), added: tuple[str, ...] = ()) -> Change:
    contents = dict.fromkeys(files, "sha256:0")
    return Change(parent, "golden/history.jsonl", contents, frozenset(added), frozenset())


def merge(*changes: Change) -> Commit:
    return Commit("m", "Ada", "", "Merge", frozenset(), changes)


def test_only_what_no_parent_has_is_new_in_a_merge():
    commit = merge(
        change("a", files=("x", "y"), added=("1", "2")), change("b", files=("y",), added=("2", "3"))
    )
    assert commit.added == {"2"}
    assert commit.files == {"y": "sha256:0"}


def test_ancestors_are_found_along_all_parents():
    parents = {"m": ("a", "b"), "a": ("root",), "b": ("root",), "root": (), "other": ()}
    history = GitHistory((), merge(), {}, parents=parents)
    assert history.ancestors(["m"]) == {"m", "a", "b", "root"}
    assert history.ancestors(["a"]) == {"a", "root"}
    assert history.ancestors([]) == set()
