"""Trees of arrays, and where in them a value is."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.containers.nodes import MOST_LEVELS, Node, Part, Place, integers, label_key, text, texts
from harness.core.errors import UsageError


def nothing(_value, _place):
    return Node()


def test_a_node_gets_parts_and_keeps_all_else():
    node = Node(np.zeros(1), {"a": Node()}, exact=True, note="wider", bare=True)
    having = node.having(mask=Node(), name=None)
    assert list(having.children) == ["a", Part("mask")]
    assert (having.array is node.array, having.exact, having.note, having.bare) == (True, True, "wider", True)
    assert list(node.children) == ["a"]


def test_a_place_is_named_by_its_keys_or_as_all_of_the_data():
    root = Place(nothing, "data")
    assert (root.name, root.at("fit").at(0).name) == ("data", "fit.0")


def test_a_container_may_be_found_twice_but_not_in_itself():
    shared: list[object] = []
    root = Place(nothing, "data")
    assert [root.at(key, shared).name for key in "ab"] == ["a", "b"]
    with pytest.raises(UsageError, match=r"^array 'a' is nested in a container that contains itself\."):
        root.at("a", shared).at("b", shared)


def test_nesting_ends():
    place = Place(nothing, "data")
    containers = [[number] for number in range(MOST_LEVELS + 1)]
    for container in containers[:-1]:
        place = place.within(container)
    with pytest.raises(UsageError, match="more than 64 levels"):
        place.within(containers[-1])


def test_a_label_is_a_string_unless_it_is_an_integer():
    labels = [1, np.int8(1), True, 1.5, None, "a", ("a", 1)]
    assert list(map(label_key, labels)) == [1, 1, "True", "1.5", "None", "a", "('a', 1)"]


def test_texts_and_integers_have_one_dtype_everywhere():
    assert texts([]).array.dtype.kind == "U"
    assert texts([1, "b"]).array.tolist() == ["1", "b"]
    assert text(np.dtype("f4")).array.tolist() == "float32"
    assert integers(np.zeros(2, "i4")).array.dtype == np.int64
