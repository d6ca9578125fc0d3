"""ro-crate-metadata.json describes each file, who made it and how; a validator of others accepts it."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from published_waves import PATHS, STEM, make_waves

from harness.core.errors import DependencyError
from harness.core.publishing.crate import archive_of_path, crate_metadata
from harness.core.publishing.pack import publish
from harness.core.publishing.selection import select_files
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage.digest import sha256_file

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
REQUIRED_VALIDATOR = "HARNESS_REQUIRE_VALIDATOR"
"""Set by `make publishing`, whose environment has the validator: there its absence is an error."""

rocrate = pytest.importorskip("rocrate", reason="harness publish needs the extra publish")


@pytest.fixture
def graph(archive):
    """Entities of the metadata by their identifier."""
    with zipfile.ZipFile(archive) as opened:
        metadata = json.loads(opened.read("ro-crate-metadata.json"))
    assert metadata["@context"] == [CONTEXT, {"sha256": "http://schema.org/sha256"}]
    return {entity["@id"]: entity for entity in metadata["@graph"]}


def test_the_project_describes_itself(graph):
    root = graph["./"]
    assert root["name"] == "Golden files of waves"
    assert root["description"] == "4 golden files of waves. waves: Waves on a string"
    assert (root["version"], root["keywords"]) == ("1.2", "waves")
    assert graph[root["license"]["@id"]]["name"] == "CC-BY-4.0"
    assert root["license"]["@id"] == "https://spdx.org/licenses/CC-BY-4.0"
    ada, group = (graph[author["@id"]] for author in root["author"])
    assert (ada["@id"], ada["familyName"]) == ("https://orcid.org/0000-0002-1825-0097", "Lovelace")
    assert graph[ada["affiliation"]["@id"]]["name"] == "Analytical Society"
    assert (group["@type"], group["url"]) == ("Organization", "https://example.org")
    assert graph[root["isBasedOn"]["@id"]]["@type"] == "SoftwareSourceCode"


def test_each_file_has_its_size_digest_and_format(graph, project, archive):
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
    listed = {part["@id"] for part in graph["./"]["hasPart"]}
    assert listed == names - {"SHA256SUMS", "ro-crate-metadata.json"}
    for path in PATHS:
        entity, file = graph[path], project.root / path
        assert entity["contentSize"] == str(file.stat().st_size)
        assert f"sha256:{entity['sha256']}" == sha256_file(file)
    assert graph["golden/mask.tif"]["encodingFormat"] == "image/tiff"
    assert graph[f"golden/{STEM}.npz"]["encodingFormat"][0] == "application/zip"


def test_how_a_fixture_was_made_is_an_action(graph):
    action = graph[graph["./"]["mentions"]["@id"]]
    assert action["@type"] == "CreateAction"
    assert {result["@id"] for result in action["result"]} == {f"golden/{STEM}.npz", f"golden/{STEM}.json"}
    program = graph[action["instrument"]["@id"]]
    assert (program["name"], program["softwareVersion"]) == ("test_waves.py::test_plucked", "2")
    assert program["softwareRequirements"] == "numpy 1.26"
    assert graph[action["object"]["@id"]]["name"] == "string.dat"
    assert action["description"] == "Parameters: count=4."


def test_every_entity_that_is_named_is_there(graph):
    """But for the specification, and the files themselves."""
    named = set()

    def collect(value):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                named.add(item["@id"])

    for entity in graph.values():
        for value in entity.values():
            collect(value)
    assert named - graph.keys() == {"https://w3id.org/ro/crate/1.1"}


def test_neither_the_machine_nor_its_clock_is_in_it(graph, project):
    text = json.dumps(list(graph.values()))
    assert str(project.root) not in text
    assert os.uname().nodename not in text
    assert graph["./"]["datePublished"].endswith("Z")


def test_the_extra_is_named_if_its_package_is_missing(project, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[publish\]'"):
        crate_metadata(select_files(project, []), {})


def test_the_archive_beside_a_manifest():
    assert archive_of_path("golden/a.b/c.json") == "golden/a.b/c.npz"


# The validator. It reads the context of RO-Crate 1.1 from the web, and here from a copy that versions of
# ro-crate-py before 0.16 have; all else that it would ask the network for is an error.


@pytest.fixture
def validator(tmp_path):
    """Return a function that validates a crate and returns what is wrong, without a network."""
    if os.environ.get(REQUIRED_VALIDATOR):
        import rocrate_validator  # noqa: F401 - to fail here, not to skip
    services = pytest.importorskip("rocrate_validator.services", reason="`make publishing` installs it")
    requests, cached = pytest.importorskip("requests"), pytest.importorskip("requests_cache")
    response = pytest.importorskip("urllib3").HTTPResponse
    from rocrate_validator.models import ValidationSettings

    context = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()
    assert json.loads(context)["@id"] == CONTEXT, "needs a version of ro-crate-py that has this context"

    class Copy(requests.adapters.BaseAdapter):
        def send(self, request, **_):
            assert request.url == CONTEXT
            headers = {"Content-Type": "application/ld+json"}
            answer = requests.Response()
            answer.status_code, answer.url, answer.request = 200, request.url, request
            answer.headers.update(headers)
            answer.raw = response(
                io.BytesIO(context), headers, 200, preload_content=False, request_url=CONTEXT
            )
            return answer

        def close(self):
            pass

    cache = tmp_path / "cache"
    with cached.CachedSession(str(cache), backend="sqlite", expire_after=-1) as session:
        session.mount("https://w3id.org/", Copy())
        session.get(CONTEXT)

    def validate(path, severity):
        settings = ValidationSettings(
            rocrate_uri=str(path),
            requirement_severity=severity,
            profile_identifier="ro-crate-1.1",
            offline=True,
            cache_path=cache,
        )
        issues = services.validate(settings).get_issues()
        return [f"{issue.check.identifier} {issue.message}" for issue in issues]

    return validate


@pytest.mark.filterwarnings("ignore")  # of the validator's own libraries
@pytest.mark.parametrize("form", ["directory", "archive"])
def test_a_validator_finds_nothing_that_is_required_or_recommended(validator, project, tmp_path, form):
    target = tmp_path / ("crate" if form == "directory" else "crate.zip")
    publish(select_files(project, []), **{form: target})
    # CITATION.cff has no key for the address of an affiliation.
    assert validator(target, "RECOMMENDED") == ["ro-crate-1.1_31.2 The organization SHOULD have a URL."]


@pytest.mark.filterwarnings("ignore")  # of the validator's own libraries
def test_a_validator_accepts_a_project_with_little_to_say(validator, tmp_path):
    project, name = make_waves(tmp_path / "plain"), "golden/maße & ü (1).txt"
    (project.root / name).write_text("a name to be escaped")
    changes = plan(project, [Staged(name, "file", project.root / name)])
    commit(project, changes, reason="r", command="c")
    (project.root / "CITATION.cff").unlink()
    text = '[project]\nname = "a b"\ndescription = "ü"\nlicense = "MIT OR CC-BY-4.0"\n'
    (project.root / "pyproject.toml").write_text(f'{text}authors = [{{name = "Ä B"}}]\n', "utf-8")
    publish(select_files(project, ["golden/mask.tif", name]), directory=tmp_path / "crate")
    assert validator(tmp_path / "crate", "REQUIRED") == []


@pytest.mark.filterwarnings("ignore")  # of the validator's own libraries
def test_the_validator_sees_what_is_wrong(validator, project, tmp_path):
    publish(select_files(project, []), directory=tmp_path / "crate")
    (tmp_path / "crate/golden/mask.tif").unlink()
    metadata = tmp_path / "crate/ro-crate-metadata.json"
    metadata.write_text(metadata.read_text("utf-8").replace('"license"', '"licence"'), "utf-8")
    assert len(validator(tmp_path / "crate", "REQUIRED")) >= 2
