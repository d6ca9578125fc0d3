"""Keys become parts of names that are valid on every system, readable, and never the same for two keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.containers.keys import decode_key, encode_key, encode_keys, named
from harness.core.containers.nodes import Node, Part
from harness.core.storage.names import folded, name_problem

TEXT = st.text(st.characters(), max_size=12)
AWKWARD = st.text(st.sampled_from("aAsSßſKk\u212a0-1. %/é\u0301\u0308Q\ud800\nﬁiIİı*CONauxnul"), max_size=5)  # noqa: RUF001 - letters that fold
KEYS = TEXT | AWKWARD | st.integers() | st.sampled_from(["aux", "CON", "nul", "com1", "lpt¹", "index"])


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        ("image", "image"),
        ("gas [-]", "gas [-]"),
        ("m/s", "m%2Fs"),
        ("100 %", "100 %25"),
        ("v1.0", "v1%2E0"),
        ("", "%"),
        ("%", "%25"),
        ("aux", "%61ux"),
        ("NUL", "%4EUL"),
        ("aux ", "aux%20"),
        (" a", "%20a"),
        ("a\nb", "a%0Ab"),
        ("Größe", "Größe"),
        ("e\u0301", "e%CC%81"),
        ("\ud800", "%ED%A0%80"),
        (0, "0"),
        (-1, "-1"),
        ("0", "%30"),
        ("-1", "%2D1"),
        ("007", "007"),
    ],
    ids=ascii,
)
def test_a_key_stays_readable(key, encoded):
    assert encode_key(key) == encoded


@given(KEYS)
def test_every_key_is_valid_and_can_be_decoded(key):
    encoded = encode_key(key)
    assert name_problem(encoded, suffix=".npy") is None
    assert name_problem(f"{encoded}.index", suffix=".npy") is None
    assert "." not in encoded
    assert decode_key(encoded) == str(key)


@given(KEYS, KEYS)
def test_two_keys_never_share_a_name(one, other):
    """Whatever their neighbours: an integer and the text of it are two keys as well."""
    same = one == other and type(one) is type(other)
    assert (encode_key(one) == encode_key(other)) is same
    assert (encode_key(one, fold=True) == encode_key(other)) <= same


@given(st.lists(KEYS, unique_by=lambda key: (type(key), key), max_size=8), st.randoms())
def test_the_names_of_one_container_differ_by_more_than_case(keys, random):
    """In any order; none has a name of a part, and each can be decoded."""
    parts = [Part("index"), Part("mask")]
    encoded = encode_keys([*keys, *parts])
    assert len({folded(name) for name in encoded.values()}) == len(keys) + 2
    assert all(name_problem(name, suffix=".npy") is None for name in encoded.values())
    assert all(decode_key(encoded[key]) == str(key) for key in keys)
    mixed = [*keys, *parts]
    random.shuffle(mixed)
    assert encode_keys(mixed) == encoded


@pytest.mark.parametrize(
    ("keys", "encoded"),
    [
        (["T", "t"], ["%54", "t"]),
        (["Ab", "aB"], ["%41b", "a%42"]),
        (["T", "P"], ["T", "P"]),
        (["ß", "ss"], ["%C3%9F", "ss"]),
        (["index", Part("index")], ["%69ndex", "index"]),
        (["Index", Part("index")], ["%49ndex", "index"]),
        ([0, "0"], ["0", "%30"]),
    ],
)
def test_only_namesakes_are_encoded(keys, encoded):
    assert list(encode_keys(keys).values()) == encoded


def test_nodes_come_with_both_spellings():
    node = Node()
    assert named({"m/s": node, Part("mask"): node}) == [("m%2Fs", "m/s", node), ("mask", "mask", node)]
