"""A project says of itself what a publication needs, or one error says what is missing."""

from __future__ import annotations

import sys

import pytest

from harness.core.errors import DependencyError, HarnessError, RefusedError, UsageError
from harness.core.publishing.description import describe_project

yaml = pytest.importorskip("yaml", reason="CITATION.cff needs the extra publish")

WHOLE = """
[project]
name = "waves"
version = "1.2"
description = "Waves on a string"
license = "mit"
authors = [{name = "Ada Lovelace", email = "ada@example.org"}, {email = "nobody@example.org"}]
keywords = ["waves"]

[project.urls]
Documentation = "https://example.org/docs"
Repository = "https://example.org/waves"
"""

CITATION = """
title: waves
abstract: >-
  Waves on
  a string
license: CC0-1.0
version: 2.0
repository-code: https://example.org
authors:
  - {given-names: Ada, family-names: Lovelace}
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pyproject.toml").write_text(WHOLE)
    (tmp_path / "LICENSE").write_text("MIT")
    return tmp_path


def change(root, old, new=""):
    path = root / "pyproject.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def cite(root, text):
    (root / "CITATION.cff").write_text(f"cff-version: 1.2.0\n{text}\n", "utf-8")


def test_pyproject_is_enough(root):
    said = describe_project(root)
    assert (said.name, said.title, said.abstract) == ("waves", "Golden files of waves", "Waves on a string")
    assert [person.full_name for person in said.authors] == ["Ada Lovelace"]
    assert (said.licence, said.single_licence, said.licence_files) == ("MIT", "MIT", (root / "LICENSE",))
    assert (said.version, said.repository, said.keywords) == ("1.2", "https://example.org/waves", ("waves",))
    assert said.citation is None


def test_citation_is_enough(tmp_path):
    (tmp_path / "COPYING").write_text("...")
    cite(tmp_path, CITATION)
    said = describe_project(tmp_path)
    assert (said.name, said.abstract) == ("waves", "Waves on a string")
    assert (said.licence, said.version) == ("CC0-1.0", "2.0")
    assert said.authors[0].is_person
    assert (said.authors[0].full_name, said.authors[0].sorted_name) == ("Ada Lovelace", "Lovelace, Ada")
    assert (said.repository, said.citation) == ("https://example.org", tmp_path / "CITATION.cff")


def test_people_are_those_of_the_citation_and_the_licence_is_that_of_the_package(root):
    cite(root, "title: other\nlicense: [GPL-3.0-only, MIT]\nauthors:\n  - name: The wave group\n")
    said = describe_project(root, title="Reference waves")
    assert [person.full_name for person in said.authors] == ["The wave group"]
    assert (said.licence, said.name, said.title) == ("MIT", "waves", "Reference waves")


@pytest.mark.parametrize(
    ("given", "licence", "single"),
    [
        ('"MIT or Apache-2.0"', "MIT OR Apache-2.0", ""),
        ('{text = "BSD-3-Clause"}', "BSD-3-Clause", "BSD-3-Clause"),
        ('"LicenseRef-Ours"', "LicenseRef-Ours", ""),
    ],
)
def test_a_licence_is_an_expression_of_identifiers(root, given, licence, single):
    change(root, '"mit"', given)
    said = describe_project(root)
    assert (said.licence, said.single_licence) == (licence, single)


def test_the_file_of_the_licence_is_the_one_that_is_named(root):
    change(root, 'license = "mit"', 'license = "mit"\nlicense-files = ["licenses/*.txt"]')
    (root / "licenses").mkdir()
    for name in ("b.txt", "a.txt"):
        (root / "licenses" / name).write_text(name)
    assert [path.name for path in describe_project(root).licence_files] == ["a.txt", "b.txt"]


@pytest.mark.parametrize("given", ['""', '"BSD"', '"my own"', '{text = "All rights reserved"}'])
def test_what_is_not_a_licence_is_refused(root, given):
    change(root, '"mit"', given)
    with pytest.raises(RefusedError, match="licence") as caught:
        describe_project(root)
    assert "CC-BY-4.0" in caught.value.remedy


def test_a_licence_without_its_text_is_refused(root):
    (root / "LICENSE").unlink()
    with pytest.raises(RefusedError, match="no licence file"):
        describe_project(root)
    (root / "LICENSE").symlink_to("/etc/passwd")
    with pytest.raises(RefusedError, match="no licence file"):
        describe_project(root)


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../LICENSE"])
def test_a_licence_outside_of_the_project_is_refused(root, pattern):
    change(root, 'license = "mit"', f'license = "mit"\nlicense-files = ["{pattern}"]')
    with pytest.raises(UsageError, match="inside the project"):
        describe_project(root)


@pytest.mark.parametrize(
    ("key", "missing"),
    [
        ('name = "waves"\n', "name and description"),
        ('description = "Waves on a string"\n', "description"),
        (
            'authors = [{name = "Ada Lovelace", email = "ada@example.org"}, {email = "nobody@example.org"}]',
            "authors",
        ),
    ],
)
def test_what_is_missing_is_named(root, key, missing):
    change(root, key)
    with pytest.raises(UsageError, match=f"has the project's {missing}"):
        describe_project(root)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "- a\n- b",
        "authors: Ada",
        "title: [1]",
        "title: *unknown",
        "a: !!python/name:os.system",
        "\x00",
    ],
)
def test_a_citation_that_is_not_one_is_refused(root, text):
    cite(root, text)
    if text == "- a\n- b":
        (root / "CITATION.cff").write_text(text)
    with pytest.raises(HarnessError, match="CITATION"):
        describe_project(root)


def test_a_pyproject_that_is_not_one_is_refused(root):
    change(root, 'name = "waves"', "name = [1]")
    with pytest.raises(UsageError, match="pyproject"):
        describe_project(root)


def test_the_extra_is_named_if_a_package_is_missing(root, monkeypatch):
    cite(root, "title: waves")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[publish\]'"):
        describe_project(root)
