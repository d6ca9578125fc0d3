"""Names of objects, from digests and back; what a store lists may be anything."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.core.storage.remote.names import digest_named, object_name

DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_a_name_leads_back_to_its_digest():
    assert object_name(DIGEST) == "sha256/01/23456789abcdef" + "0123456789abcdef" * 3
    assert digest_named(object_name(DIGEST)) == DIGEST


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "xxh128:" + "0" * 32,
        "sha256:" + "0" * 63,
        "sha256:" + "A" * 64,
        DIGEST + "\n",
        "sha256:../" + "0" * 61,
    ],
)
def test_what_is_not_a_digest_has_no_name(digest):
    with pytest.raises(UsageError, match="expected sha256: and 64 hex digits"):
        object_name(digest)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc/passwd",
        "/sha256/01/" + "0" * 62,
        "sha256/../" + "0" * 62,
        "sha256/01/" + "0" * 61,
        "sha256/01/" + "0" * 63,
        "sha256/01/" + "G" * 62,
        "sha256/01/" + "A" * 62,
        "sha256/01/" + "0" * 62 + "\n",
        "sha256/01/.." + "0" * 60,
        "sha256\\01\\" + "0" * 62,
    ],
)
def test_other_names_are_of_no_object(name):
    """Hidden parts, paths out of the store, and whatever a hostile store lists."""
    assert digest_named(name) is None
