"""What a deposit in Zenodo needs to know, as .zenodo.json: the metadata of Zenodo's deposit API.

Its fields are those of https://developers.zenodo.org/#representation, the older of Zenodo's two APIs, which
upload tools use.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.core.publishing.description import Person
    from harness.core.publishing.selection import Selection

_DAY = len("2026-01-31")


def deposit_metadata(selection: Selection) -> bytes:
    """Return the text of .zenodo.json.

    A licence that is an expression of several is left out, because Zenodo takes one: choose it there.
    """
    said = selection.description
    found: dict[str, Any] = {
        "title": said.title,
        "upload_type": "dataset",
        "description": f"<p>{html.escape(selection.summary)}</p>",
        "creators": [_creator(person) for person in said.authors],
        "publication_date": selection.date[:_DAY],
        "access_right": "open",
        "license": said.single_licence,
        "keywords": list(said.keywords),
        "version": said.version,
        "related_identifiers": _related(said.repository),
    }
    kept = {key: value for key, value in found.items() if value}
    return f"{json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False)}\n".encode()


def _creator(person: Person) -> dict[str, str]:
    orcid = person.orcid.rstrip("/").rpartition("/")[2]
    found = {"name": person.sorted_name, "affiliation": person.affiliation, "orcid": orcid}
    return {key: value for key, value in found.items() if value}


def _related(repository: str) -> list[dict[str, str]]:
    if not repository.startswith(("http://", "https://")):
        return []
    return [{"identifier": repository, "relation": "isDerivedFrom", "resource_type": "software"}]
