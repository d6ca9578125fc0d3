"""What a project says of itself: title, authors and licence, from pyproject.toml and CITATION.cff.

CITATION.cff comes first for what describes people and texts, pyproject.toml for the licence and the version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from harness.core.domain.settings import read_toml
from harness.core.errors import RefusedError, UsageError
from harness.core.publishing.layout import CITATION
from harness.core.storage.documents import read_text
from harness.core.storage.json_limits import DOCUMENT
from harness.core.system.packages import require_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LICENCE_FILES = ("LICEN[CS]E*", "COPYING*")
_REPOSITORY_KEYS = ("repository", "source", "source code", "github", "homepage")
_AUTHORS = "authors"
_OWN = "LicenseRef-"


class Person(msgspec.Struct, frozen=True, rename="kebab"):
    """An author in CITATION.cff: a person, or what has a name only."""

    given_names: str = ""
    family_names: str = ""
    name: str = ""
    orcid: str = ""
    affiliation: str = ""
    website: str = ""

    @property
    def is_person(self) -> bool:
        """Whether it has the name of a person, not of an organisation or a team."""
        return bool(self.family_names or self.given_names)

    @property
    def full_name(self) -> str:
        """The name in the order in which it is read.

        >>> Person(given_names="Ada", family_names="Lovelace").full_name
        'Ada Lovelace'
        """
        return " ".join(filter(None, (self.given_names, self.family_names))) or self.name

    @property
    def sorted_name(self) -> str:
        """The name as lists of authors have it.

        >>> Person(given_names="Ada", family_names="Lovelace").sorted_name
        'Lovelace, Ada'
        """
        return ", ".join(filter(None, (self.family_names, self.given_names))) or self.name


T = TypeVar("T")
_Words = Annotated[str, msgspec.Meta(min_length=1)]


class _Citation(msgspec.Struct, rename="kebab"):
    """The part of CITATION.cff that is read here."""

    title: str = ""
    abstract: str = ""
    authors: tuple[Person, ...] = ()
    keywords: tuple[str, ...] = ()
    license: str | tuple[str, ...] = ""
    repository_code: str = ""
    version: str | float | int = ""


class _Author(msgspec.Struct):
    name: str = ""


class _LicenceTable(msgspec.Struct):
    text: str = ""
    file: str = ""


class _Metadata(msgspec.Struct, rename="kebab"):
    """The table ``[project]``; what is not read here is ignored."""

    name: str = ""
    version: str = ""
    description: str = ""
    license: str | _LicenceTable = ""
    license_files: tuple[_Words, ...] = ()
    authors: tuple[_Author, ...] = ()
    maintainers: tuple[_Author, ...] = ()
    keywords: tuple[str, ...] = ()
    urls: dict[str, str] = {}


class _PyProject(msgspec.Struct):
    project: _Metadata = msgspec.field(default_factory=_Metadata)


@dataclass(frozen=True, slots=True)
class Description:
    """What a publication says of the project that its golden files come from.

    Attributes
    ----------
    name, title, abstract, version, repository : str
        The version and the address of the repository may be empty.
    authors : tuple of Person
    licence : str
        An SPDX expression, such as ``BSD-3-Clause``.
    licence_files : tuple of Path
    citation : Path or None
        CITATION.cff.
    keywords : tuple of str
    """

    name: str
    title: str
    abstract: str
    version: str
    repository: str
    authors: tuple[Person, ...]
    licence: str
    licence_files: tuple[Path, ...]
    citation: Path | None
    keywords: tuple[str, ...]

    @property
    def single_licence(self) -> str:
        """The licence, if it is a single one of SPDX's list; else empty."""
        return "" if " " in self.licence or self.licence.startswith(_OWN) else self.licence


def describe_project(root: Path, *, title: str = "") -> Description:
    """Return what the project at *root* says of itself.

    Parameters
    ----------
    root : Path
    title : str, optional
        Of the publication; the default is made of the project's name.

    Raises
    ------
    UsageError
        If a file is not valid, or does not say who the authors are or what the project is.
    RefusedError
        If there is no licence, or no file with its text.
    DependencyError
        If a package of the extra ``publish`` is missing.
    """
    metadata, citation = _read_metadata(root), _read_citation(root)
    name = metadata.name or citation.title
    abstract = citation.abstract or metadata.description
    if not (name and abstract):
        raise _unsaid("name and description" if not name else "description", "name and description")
    return Description(
        name=name,
        title=title or f"Golden files of {name}",
        abstract=" ".join(abstract.split()),
        version=metadata.version or str(citation.version),
        repository=citation.repository_code or _repository(metadata.urls),
        authors=_authors(metadata, citation),
        licence=_licence(metadata, citation),
        licence_files=_licence_files(root, metadata),
        citation=root / CITATION if (root / CITATION).is_file() else None,
        keywords=citation.keywords or metadata.keywords,
    )


def _read_metadata(root: Path) -> _Metadata:
    path = root / "pyproject.toml"
    if not path.is_file():
        return _Metadata()
    return _converted(path, read_toml(path), _PyProject).project


def _read_citation(root: Path) -> _Citation:
    path = root / CITATION
    if not path.is_file():
        return _Citation()
    yaml = require_module("yaml", f"to read {CITATION}", "golden-harness[publish]")
    text = read_text(path, DOCUMENT)
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid(path, "a YAML document", str(error).partition("\n")[0]) from error
    return _converted(path, value, _Citation)


def _converted(path: Path, value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _invalid(path, "values of the right types", str(error)) from error


def _authors(metadata: _Metadata, citation: _Citation) -> tuple[Person, ...]:
    """Return the authors that have names: those of CITATION.cff, else those of pyproject.toml."""
    of_package = (Person(name=author.name) for author in (*metadata.authors, *metadata.maintainers))
    for listed in (citation.authors, tuple(of_package)):
        if named := tuple(person for person in listed if person.full_name):
            return named
    raise _unsaid(_AUTHORS, _AUTHORS)


def _repository(urls: dict[str, str]) -> str:
    known = {key.lower(): url for key, url in urls.items()}
    return next((known[key] for key in _REPOSITORY_KEYS if key in known), "")


def _licence(metadata: _Metadata, citation: _Citation) -> str:
    """Return the licence in its canonical spelling."""
    table = metadata.license
    given = table.text if isinstance(table, _LicenceTable) else table
    if not given:
        of_citation = citation.license
        given = of_citation if isinstance(of_citation, str) else " OR ".join(of_citation)
    if not given:
        raise _no_licence("none", "no licence in pyproject.toml or CITATION.cff")
    licenses = require_module("packaging.licenses", "to read the licence", "golden-harness[publish]")
    try:
        return str(licenses.canonicalize_license_expression(given))
    except licenses.InvalidLicenseExpression as error:
        raise _no_licence(repr(given), f"the licence {given!r} is not an SPDX identifier") from error


def _licence_files(root: Path, metadata: _Metadata) -> tuple[Path, ...]:
    named = metadata.license.file if isinstance(metadata.license, _LicenceTable) else ""
    patterns = [named] if named else metadata.license_files or _LICENCE_FILES
    found = sorted({path for pattern in patterns for path in _matching(root, pattern)})
    if not found:
        raise RefusedError(
            "licence",
            expected=f"a file {', '.join(patterns)}",
            found="none",
            message=f"no licence file ({', '.join(patterns)}) in the project's root",
            remedy="Add the text of the licence as LICENSE.",
        )
    return tuple(found)


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    """Yield the files of the project that a pattern of pyproject.toml names."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise UsageError(
            "license-files",
            expected="paths inside the project",
            found=repr(pattern),
            remedy="Correct it in pyproject.toml.",
        )
    yield from (path for path in root.glob(pattern) if path.is_file() and not path.is_symlink())


def _no_licence(found: str, message: str) -> RefusedError:
    return RefusedError(
        "licence",
        expected="an SPDX identifier",
        found=found,
        message=message,
        remedy='Nobody may use what has no licence. Add one, such as license = "CC-BY-4.0", to [project].',
    )


def _unsaid(missing: str, keys: str) -> UsageError:
    return UsageError(
        "project",
        expected=f"{keys} in pyproject.toml or {CITATION}",
        found="none",
        message=f"neither pyproject.toml nor {CITATION} has the project's {missing}",
        remedy="Add them to [project] in pyproject.toml.",
    )


def _invalid(path: Path, expected: str, found: str) -> UsageError:
    return UsageError(str(path), expected=expected, found=found, remedy="Correct the file.")
