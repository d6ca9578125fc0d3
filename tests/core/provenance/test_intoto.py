"""Provenance statements follow the published schemas and name the files on disk.

The structs below are those schemas, with unknown fields refused. From the in-toto Attestation Framework,
spec/v1: statement.md and digest_set.md (both version v1.1), resource_descriptor.md and field_types.md. From
SLSA v1.0: docs/spec/v1.0/schema/provenance.proto. A field is required if the text says REQUIRED, or
REQUIRED for SLSA Build L1.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from harness.core.provenance.evidence import Declared, FileEvidence, FileOnDisk, PathState
from harness.core.provenance.intoto import statements
from harness.core.registry.format import Entry
from harness.core.registry.history import Environment, Record, record_digest

Uri = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9+.-]*:[^\s#]+$")]
Text = Annotated[str, Meta(min_length=1)]
Digests = Annotated[dict[Text, Text], Meta(min_length=1)]
Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]

# Bytes of the algorithms that digest_set.md writes as lowercase hex of a fixed length; others are free.
SIZES = {"sha256": 32, "sha1": 20, "md5": 16, "sha512": 64, "gitCommit": 20, "dirHash": 32}


class Published(Struct, forbid_unknown_fields=True, rename="camel"):
    """A message of the published schemas, in JSON."""


class ResourceDescriptor(Published):
    name: Text | UnsetType = UNSET
    uri: Uri | UnsetType = UNSET
    digest: Digests | UnsetType = UNSET
    content: bytes | UnsetType = UNSET
    download_location: Uri | UnsetType = UNSET
    media_type: Text | UnsetType = UNSET
    annotations: dict[str, Any] | UnsetType = UNSET

    def __post_init__(self):
        """At least one of uri, digest and content; digests in the form of their algorithm."""
        if UNSET is self.uri and UNSET is self.digest and UNSET is self.content:
            raise ValueError("a descriptor needs one of uri, digest and content")
        for algorithm, value in (self.digest or {}).items():
            size = SIZES.get(algorithm)
            if size and not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value):
                raise ValueError(f"{algorithm} is not lowercase hex of {size} bytes")


class BuildDefinition(Published):
    build_type: Uri
    external_parameters: dict[str, Any]
    internal_parameters: dict[str, Any] | UnsetType = UNSET
    resolved_dependencies: list[ResourceDescriptor] | UnsetType = UNSET


class Builder(Published):
    id: Uri
    version: dict[str, str] | UnsetType = UNSET
    builder_dependencies: list[ResourceDescriptor] | UnsetType = UNSET


class BuildMetadata(Published):
    invocation_id: str | UnsetType = UNSET
    started_on: Instant | UnsetType = UNSET
    finished_on: Instant | UnsetType = UNSET


class RunDetails(Published):
    builder: Builder
    metadata: BuildMetadata | UnsetType = UNSET
    byproducts: list[ResourceDescriptor] | UnsetType = UNSET


class Provenance(Published):
    build_definition: BuildDefinition
    run_details: RunDetails


class Statement(Published):
    type: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type")
    subject: Annotated[list[ResourceDescriptor], Meta(min_length=1)]
    predicate_type: Literal["https://slsa.dev/provenance/v1"]
    predicate: Provenance

    def __post_init__(self):
        """Each subject MUST have a digest; names SHOULD be unique."""
        if any(UNSET is subject.digest for subject in self.subject):
            raise ValueError("a subject needs a digest")
        names = [subject.name for subject in self.subject]
        if len(set(names)) < len(names):
            raise ValueError("two subjects have the same name")


def check(statement: dict[str, Any]) -> Statement:
    """Decode the JSON of a statement by the schemas."""
    return msgspec.json.decode(msgspec.json.encode(statement), type=Statement)


SHA, XXH = "ab" * 32, "cd" * 16
ENVIRONMENT = Environment({"harness": "0.1.0", "numpy": "2.0"})
RECORD = Record(
    path="golden/lattice.json",
    previous=None,
    at="2024-01-02T03:04:05Z",
    by="Ada Lovelace",
    reason="first light",
    commit="12" * 20,
    dirty=True,
    command="pytest --regen-all",
    environment=record_digest(ENVIRONMENT),
    code=f"dirHash:{'ef' * 32}",
    sha256=f"sha256:{SHA}",
)


def recorded(path: str, kind: str, declared: Declared | None = None, record: Record = RECORD) -> FileEvidence:
    return FileEvidence(
        path=path,
        entry=Entry(kind, 3, f"xxh128:{XXH}", f"sha256:{SHA}", record_digest(record)),
        state=PathState.FILE,
        records=(record,),
        environment=ENVIRONMENT,
        on_disk=FileOnDisk(3, f"xxh128:{XXH}", f"sha256:{SHA}"),
        declared=declared,
    )


@pytest.fixture
def files(made):
    """A fixture's two files, a baseline and a mask that was added by hand."""
    declared = Declared(made().manifest, None, None, None, intact=True)
    other = msgspec.structs.replace(RECORD, code=UNSET, commit=None)
    return (
        recorded("golden/lattice.json", "manifest", declared),
        recorded("golden/lattice.net.json", "baseline", record=other),
        recorded("golden/lattice.npz", "fixture", declared, record=other),
        recorded("golden/mask.tif", "file", record=other),
    )


def test_every_statement_follows_the_schemas(files):
    decoded = [check(statement) for statement in statements(files, ())]
    assert [[subject.name for subject in statement.subject] for statement in decoded] == [
        ["golden/lattice.json", "golden/lattice.npz"],
        ["golden/lattice.net.json"],
        ["golden/mask.tif"],
    ]


def test_subjects_are_files_with_their_digests(files):
    """SHA-256, which signing tools accept, and xxh128, which the registry uses for speed."""
    for statement in statements(files, ()):
        for subject in check(statement).subject:
            assert subject.digest == {"sha256": SHA, "xxh128": XXH}


def test_a_build_definition_has_generator_source_code_and_commit(files, made):
    """The manifest's record is used, because only it has the code."""
    decoded = check(statements(files, ())[0]).predicate.build_definition
    manifest = made().manifest
    assert decoded.build_type == "urn:golden-harness:generate:v1"
    assert decoded.external_parameters == {
        "generator": {"call": "example:lattice", "version": 1, "parameters": {"seed": 0}}
    }
    assert decoded.internal_parameters == {"environment": ENVIRONMENT.environment}
    repository, source, code = decoded.resolved_dependencies
    assert repository.digest == {"gitCommit": "12" * 20}
    assert repository.annotations == {"dirty": True, "by": "Ada Lovelace", "reason": "first light"}
    assert (source.name, source.digest) == (manifest.source.name, {"xxh128": "0"})
    assert (code.name, code.digest) == ("example:lattice", {"dirHash": "ef" * 32})


def test_run_details_come_from_the_record(files):
    decoded = check(statements(files, ())[0]).predicate.run_details
    assert decoded.builder.version == {"golden-harness": "0.1.0"}
    assert decoded.metadata.invocation_id == record_digest(RECORD)
    assert decoded.metadata.finished_on == RECORD.at


def test_a_file_without_a_generator_has_its_command(files):
    """And no dependencies, because none were recorded."""
    for statement in statements(files, ())[1:]:
        decoded = check(statement).predicate.build_definition
        assert decoded.build_type == "urn:golden-harness:record:v1"
        assert decoded.external_parameters == {"command": "pytest --regen-all"}
        assert decoded.resolved_dependencies == []


def subjects(found: tuple[dict[str, Any], ...]) -> list[str]:
    return [subject["name"] for statement in found for subject in statement["subject"]]


@pytest.mark.parametrize("missing", [{"records": ()}, {"on_disk": None}])
def test_a_file_without_a_record_or_bytes_has_no_statement(files, missing):
    """Nor has a fixture, if that is true of one of its two files."""
    found = statements((replace(files[0], **missing), *files[1:]), ())
    assert subjects(found) == ["golden/lattice.net.json", "golden/mask.tif"]


def test_what_the_audit_found_broken_has_no_statement(files):
    assert subjects(statements(files, {"golden/lattice.npz"})) == [
        "golden/lattice.net.json",
        "golden/mask.tif",
    ]
    assert "golden/mask.tif" not in subjects(statements(files, {"golden/mask.tif"}))


@pytest.mark.parametrize("path", ["golden/history.jsonl", "registry.json"])
def test_there_is_no_statement_if_the_history_or_the_registry_is_broken(files, path):
    assert statements(files, {path}) == ()


def test_a_statement_names_the_bytes_on_disk_not_those_of_the_registry(files):
    """As in an archive that was packed again, which is not broken."""
    digests = {"xxh128": f"xxh128:{'01' * 16}", "sha256": f"sha256:{'01' * 32}"}
    repacked = replace(files[2], on_disk=FileOnDisk(4, **digests))
    statement = statements((files[0], repacked), ())[0]
    assert statement["subject"][1]["digest"] == {"sha256": "01" * 32, "xxh128": "01" * 16}


def test_no_golden_files_give_no_statement():
    assert statements((), ()) == ()


def edited(statement: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    part = statement
    for key in place[:-1]:
        part = part[key]
    if value is None:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return statement


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("subject",), []),
        (("subject", 0, "digest"), None),
        (("subject", 0, "digest"), {}),
        (("subject", 0, "digest", "sha256"), SHA.upper()),
        (("subject", 0, "digest", "sha256"), f"sha256:{SHA}"),
        (("subject", 1, "name"), "golden/lattice.json"),
        (("subject", 0, "size"), 3),
        (("predicateType",), "https://slsa.dev/provenance/v0.2"),
        (("predicate", "runDetails"), None),
        (("predicate", "runDetails", "builder", "id"), None),
        (("predicate", "runDetails", "builder", "id"), "a work tree"),
        (("predicate", "runDetails", "metadata", "finishedOn"), "2024-01-02 03:04"),
        (("predicate", "runDetails", "metadata", "finishedOn"), "2024-01-02T03:04:05+01:00"),
        (("predicate", "buildDefinition", "buildType"), None),
        (("predicate", "buildDefinition", "externalParameters"), None),
        (("predicate", "buildDefinition", "resolvedDependencies", 1), {"name": "simulated"}),
    ],
)
def test_the_schemas_refuse_invalid_statements(files, place, value):
    """The check itself can fail, at every rule of the schemas."""
    statement = statements(files, ())[0]
    check(statement)
    with pytest.raises(msgspec.ValidationError):
        check(edited(statement, place, value))
