"""Numbers in a manifest that no array depends on are found, whatever their place."""

from __future__ import annotations

import pytest

from harness.core.fixtures.manifest import Manifest, read_manifest
from harness.core.provenance.inert_parameters import examine_parameters
from harness.core.storage.documents import encode_document


@pytest.fixture
def dead(golden) -> Manifest:
    """Manifest of a fixture with nested parameters, a photon count and a flag that nothing uses."""
    return read_manifest(golden("dead", noise={"sigma": 0.0, "seeds": [1, 2]}).golden / "made.json")


def test_inert_parameters_are_found_and_live_ones_are_not(dead, empty):
    """Every number is changed; booleans, strings and tables are not.

    The recorded photon count changes nothing. A number that is refused both ways is live, because the
    generator distinguishes it from its neighbours. One that is refused upwards and changes nothing
    downwards is inert: only a range check reads it. The manifest itself is not changed.
    """
    before = encode_document(dead)
    found = {
        parameter.name: parameter for parameter in examine_parameters(dead, dead.digest, root=empty.root)
    }
    assert {name: parameter.live for name, parameter in found.items()} == {
        "photons": False,
        "size": True,
        "even": True,
        "half": False,
        "noise.sigma": True,
        "noise.seeds[0]": False,
        "noise.seeds[1]": True,
    }
    assert found["photons"].why == "1001000.0 and 999000.0 make the same arrays"
    assert found["noise.sigma"].why == "0.001 makes other arrays"
    assert "3 is refused: even: expected an even number" in found["even"].why
    assert "1 is refused" in found["even"].why
    assert found["half"].why == "2 makes the same arrays; 4 is refused: ValueError: too much"
    assert encode_document(dead) == before
