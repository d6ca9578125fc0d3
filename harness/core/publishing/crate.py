"""ro-crate-metadata.json of a publication: what is in it, who made it, how, and under which licence.

RO-Crate 1.1, https://www.researchobject.org/ro-crate/specification/1.1/, which the tools of most repositories
read. Its context lacks ``sha256``, a term of schema.org, so the metadata define it.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from harness.core.fixtures.manifest import read_manifest
from harness.core.publishing.layout import encoding_of
from harness.core.registry.golden_names import archive_of
from harness.core.system.packages import require_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.fixtures.manifest import Manifest
    from harness.core.publishing.description import Description, Person
    from harness.core.publishing.selection import Selection, Vouched

VERSION = "1.1"
_TERMS = {"sha256": "http://schema.org/sha256"}
_NPZ = "https://numpy.org/doc/stable/reference/generated/numpy.savez.html"
_ORCID = "https://orcid.org/"
_SPDX = "https://spdx.org/licenses/"
_SIMULATED = "simulated"

_WHAT = {
    "fixture": "arrays of a fixture",
    "manifest": "manifest: shape, dtype and digests of each array, and how it was made",
    "baseline": "metrics with measured tolerances",
    "result": "arrays that the metrics of a baseline were measured on",
    "tolerances": "measured tolerances of a fixture's arrays",
    "file": "golden file",
}

Entity = dict[str, Any]


class Packed(NamedTuple):
    """A file of a publication: its size in bytes, its SHA-256 in hexadecimal digits, and what it is."""

    size: int
    sha256: str
    what: str


def crate_metadata(selection: Selection, packed: Mapping[str, Packed]) -> bytes:
    """Return the text of ro-crate-metadata.json: the same for the same golden files.

    Parameters
    ----------
    selection : Selection
    packed : mapping of str to Packed
        All files of the publication by path, but for this one and the list of sums.

    Raises
    ------
    DependencyError
        If ro-crate-py is not installed.
    """
    rocrate = require_module("rocrate.rocrate", "to write an RO-Crate", "golden-harness[publish]")
    model = require_module("rocrate.model", "to write an RO-Crate", "golden-harness[publish]")
    crate = rocrate.ROCrate(version=VERSION)
    crate.metadata.extra_terms.update(_TERMS)
    for key, value in _root(selection).items():
        crate.root_dataset[key] = value
    for path, file in packed.items():
        crate.add_file(None, path, properties=_file(selection, path, file))
    for entity in _context(selection):
        properties = {key: value for key, value in entity.items() if key != "@id"}
        crate.add(model.ContextEntity(crate, entity["@id"], properties=properties))
    text = json.dumps(crate.metadata.generate(), indent=2, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode()


def what_it_is(file: Vouched) -> str:
    """Return what a golden file is, as a phrase."""
    return f"{_WHAT[file.entry.kind]}, recorded at {file.version.at}"


def _root(selection: Selection) -> Entity:
    said = selection.description
    found: Entity = {
        "name": said.title,
        "description": selection.summary,
        "datePublished": selection.date,
        "license": _link(_licence_id(said)),
        "author": _compact([_link(_person_id(person)) for person in said.authors]),
        "publisher": _compact([_link(_person_id(one)) for one in said.authors if not one.is_person]),
        "keywords": _compact(list(said.keywords)),
        "version": said.version,
        "isBasedOn": _link(said.repository) if said.repository else "",
        "mentions": _compact([_link(one["@id"]) for one in _actions(selection) if "result" in one]),
    }
    return {key: value for key, value in found.items() if value}


def _file(selection: Selection, path: str, file: Packed) -> Entity:
    encoding = encoding_of(path)
    return {
        "name": path,
        "description": file.what,
        "contentSize": str(file.size),
        "sha256": file.sha256,
        "encodingFormat": [encoding, _link(_NPZ)] if path.endswith(".npz") else encoding,
        "license": _link(_licence_id(selection.description)),
    }


def _context(selection: Selection) -> Iterator[Entity]:
    """Yield what the entries of files refer to: licence, people, format, programs and what they made."""
    said = selection.description
    yield _licence(said)
    yield from (_author(person, said.repository) for person in said.authors)
    yield from _affiliations(said.authors)
    if any(path.endswith(".npz") for path in selection.files):
        yield {"@id": _NPZ, "@type": "WebSite", "name": "NumPy .npz archive", "url": _NPZ}
    if said.repository:
        yield {
            "@id": said.repository,
            "@type": "SoftwareSourceCode",
            "name": said.name,
            "url": said.repository,
            "codeRepository": said.repository,
            **({"version": said.version} if said.version else {}),
        }
    yield from {entity["@id"]: entity for entity in _actions(selection)}.values()


def _licence(said: Description) -> Entity:
    entity = {
        "@id": _licence_id(said),
        "@type": "CreativeWork",
        "name": said.licence,
        "identifier": said.licence,
        "description": f"The licence {said.licence}; its text is in {said.licence_files[0].name}.",
    }
    return entity | ({"url": _licence_id(said)} if said.single_licence else {})


def _licence_id(said: Description) -> str:
    return f"{_SPDX}{said.single_licence}" if said.single_licence else "#licence"


def _author(person: Person, repository: str) -> Entity:
    kind = "Person" if person.is_person else "Organization"
    entity: Entity = {"@id": _person_id(person), "@type": kind, "name": person.full_name}
    if person.is_person and person.family_names and person.given_names:
        entity |= {"givenName": person.given_names, "familyName": person.family_names}
    if url := person.website or ("" if person.is_person else repository):
        entity["url"] = url
    if person.affiliation:
        entity["affiliation"] = _link(_local("organisation", person.affiliation))
    return entity


def _person_id(person: Person) -> str:
    if person.orcid:
        return _ORCID + person.orcid.rstrip("/").rpartition("/")[2]
    return _local("author", person.full_name)


def _affiliations(authors: Sequence[Person]) -> Iterator[Entity]:
    for name in dict.fromkeys(person.affiliation for person in authors if person.affiliation):
        yield {"@id": _local("organisation", name), "@type": "Organization", "name": name}


def _actions(selection: Selection) -> Iterator[Entity]:
    """Yield how each fixture was made: the action, then the program and the source that it names."""
    for path, file in selection.files.items():
        if file.entry.kind == "manifest":
            yield from _making(selection, path, file)


def _making(selection: Selection, path: str, file: Vouched) -> Iterator[Entity]:
    manifest = read_manifest(selection.project.locate(path))
    program = _program(selection, manifest, file)
    source = _source(manifest)
    made = archive_of_path(path), path
    action: Entity = {
        "@id": _local("made", manifest.name),
        "@type": "CreateAction",
        "name": f"Make {manifest.name}",
        "description": _parameters(manifest),
        "endTime": file.version.at,
        "instrument": _link(program["@id"]),
        "result": _compact([_link(name) for name in made if name in selection.files]),
    }
    yield action | ({"object": _link(source["@id"])} if source else {})
    yield program
    if source:
        yield source


def archive_of_path(manifest: str) -> str:
    """Return the path of the archive beside a manifest.

    >>> archive_of_path("golden/optics/lattice.json")
    'golden/optics/lattice.npz'
    """
    return str(archive_of(PurePosixPath(manifest)))


def _program(selection: Selection, manifest: Manifest, file: Vouched) -> Entity:
    """Return the generator or test that made a fixture, with the environment in which it ran."""
    call = manifest.generator.test if manifest.generator.is_test else manifest.generator.call
    environment = selection.environments[file.version.environment].environment
    return {
        "@id": _local("program", f"{call}@{file.version.environment[7:19]}"),
        "@type": "SoftwareApplication",
        "name": call,
        "softwareVersion": str(manifest.generator.version),
        "softwareRequirements": _compact([f"{key} {environment[key]}" for key in sorted(environment)]),
        **({"identifier": file.version.code} if isinstance(file.version.code, str) else {}),
        **({"url": selection.description.repository} if selection.description.repository else {}),
    }


def _source(manifest: Manifest) -> Entity | None:
    """Return the file that a fixture was made from; None if it was simulated."""
    source = manifest.source
    if source.name == _SIMULATED:
        return None
    return {
        "@id": _local("source", source.digest),
        "@type": "CreativeWork",
        "name": source.name,
        "identifier": source.digest,
    }


def _parameters(manifest: Manifest) -> str:
    given = ", ".join(f"{key}={value!r}" for key, value in sorted(manifest.generator.parameters.items()))
    return f"Parameters: {given}." if given else "No parameters."


def _compact(values: list[Any]) -> Any:
    """Return a single value in place of a list of one, as RO-Crate recommends."""
    return values[0] if len(values) == 1 else values


def _link(identifier: str) -> Entity:
    return {"@id": identifier if "://" in identifier or identifier.startswith("#") else quote(identifier)}


def _local(kind: str, name: str) -> str:
    """Return an identifier inside the crate."""
    return f"#{kind}-{quote(name, safe='')}"
