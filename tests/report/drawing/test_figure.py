"""A figure is an address that needs no network."""

from __future__ import annotations

import base64

import pytest

from harness.report.drawing.figure import Figure


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "image/png"), (".svg", "image/svg+xml")])
def test_the_address_holds_the_bytes_and_their_kind(suffix, kind):
    uri = Figure("a", b"\x00\xff<>", suffix, "", 1, 1).data_uri
    head, _, data = uri.partition(";base64,")
    assert head == f"data:{kind}"
    assert base64.b64decode(data) == b"\x00\xff<>"
