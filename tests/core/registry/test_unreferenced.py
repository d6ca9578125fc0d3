"""Golden files that no test used are remembered for the registry that they were found in, and no other."""

from __future__ import annotations

from harness.core.registry.unreferenced import forget, recall, remember


def test_what_was_remembered_is_recalled(project):
    remember(project, ["golden/lattice.npz"])
    assert recall(project) == ("golden/lattice.npz",)
    remember(project, [])
    assert recall(project) == ()


def test_nothing_is_recalled_where_nothing_was_remembered(project, contents):
    """And nothing is written to find that out."""
    before = contents(project.root)
    assert recall(project) is None
    assert contents(project.root) == before


def test_another_registry_forgets_it(project, record, staged_baseline):
    remember(project, ["golden/lattice.npz"])
    record([staged_baseline(mae=0.5)])
    assert recall(project) is None


def test_a_damaged_file_is_forgotten(project):
    remember(project, ["golden/lattice.npz"])
    (file,) = (project.root / ".harness").glob("unreferenced*")
    file.write_bytes(b"{")
    assert recall(project) is None


def test_it_can_be_forgotten(project):
    remember(project, ["golden/lattice.npz"])
    forget(project)
    assert recall(project) is None
    forget(project)


def test_git_ignores_it(project):
    remember(project, [])
    assert (project.root / ".harness" / ".gitignore").read_text() == "*\n"
