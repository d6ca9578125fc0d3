"""JUnit XML: what pytest's own schema has, and valid whatever the names are."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.ci.items import Item, Level
from harness.report.ci.junit import junit_document

ITEMS = [
    Item(Level.ERROR, "golden/tests/a.npz", "drifted", "expected x", "Restore it."),
    Item(Level.NOTICE, "golden/b.npz", "unreferenced", "not used"),
    Item(Level.PASSED, "golden/c.npz", "same"),
    Item(Level.ERROR, "", "records", "cannot be read"),
]

parse = ET.fromstring  # of our own document, not of data from elsewhere

# The attributes and children that pytest's schema (xunit2, testing/example_scripts/junit-10.xsd) allows.
ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname"},
        {"testcase", "properties", "system-out"},
    ),
    "testcase": ({"name", "time", "classname"}, {"failure", "skipped", "system-out", "system-err"}),
    "failure": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}


def test_counts_and_cases():
    root = parse(junit_document("harness verify", ITEMS))
    (suite,) = root
    assert suite.attrib == {
        "name": "harness verify",
        "tests": "4",
        "failures": "2",
        "errors": "0",
        "skipped": "0",
        "time": "0",
    }
    cases = [(case.get("classname"), case.get("name"), [child.tag for child in case]) for case in suite]
    assert cases == [
        ("golden.tests", "golden/tests/a.npz", ["failure"]),
        ("golden", "golden/b.npz", ["system-out"]),
        ("golden", "golden/c.npz", []),
        ("harness", "records", ["failure"]),
    ]
    failure = suite[0][0]
    assert (failure.get("message"), failure.text) == ("drifted: expected x", "expected x\nRestore it.")


def test_only_what_the_schema_of_pytest_allows():
    for element in parse(junit_document("harness verify", ITEMS)).iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.keys()) <= attributes
        assert {child.tag for child in element} <= children


@settings(deadline=None, derandomize=True)
@given(data=st.data())
def test_hostile_names_are_valid_xml(data, hostile_items, hostile_texts):
    items = hostile_items(*data.draw(st.lists(hostile_texts, max_size=4)))
    document = junit_document("harness verify", items)
    assert document.encode("utf-8")  # no lone surrogates
    (suite,) = parse(document)
    assert [case.get("name") for case in suite] == [item.path or item.rule for item in items]
    assert [case[0].text for case in suite] == [item.text for item in items]
