"""Items as JUnit XML, in the schema of pytest's own report (``junit_family = xunit2``)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from harness.report.ci.items import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.ci.items import Item

_DECLARATION = "<?xml version='1.0' encoding='utf-8'?>"


def junit_document(suite: str, items: Sequence[Item]) -> str:
    """Return a test case for each item; those of the level error have failed.

    An item that is a warning or a notice has passed, with its text as the case's output.

    Examples
    --------
    >>> from harness.report.ci.items import Item
    >>> print(junit_document("verify", [Item(Level.PASSED, "golden/a.npz", "same")]))
    <?xml version='1.0' encoding='utf-8'?>
    <testsuites name="harness">
      <testsuite name="verify" errors="0" failures="0" skipped="0" tests="1" time="0">
        <testcase classname="golden" name="golden/a.npz" time="0" />
      </testsuite>
    </testsuites>
    """
    root = ET.Element("testsuites", name="harness")
    failed = sum(item.level is Level.ERROR for item in items)
    counts = {"errors": "0", "failures": str(failed), "skipped": "0", "tests": str(len(items)), "time": "0"}
    parent = ET.SubElement(root, "testsuite", {"name": suite, **counts})
    for item in items:
        _add_case(parent, item)
    ET.indent(root)
    return f"{_DECLARATION}\n{ET.tostring(root, encoding='unicode')}"


def _add_case(parent: ET.Element, item: Item) -> None:
    case = ET.SubElement(
        parent, "testcase", classname=_class_name(item), name=item.path or item.rule, time="0"
    )
    if item.level is Level.ERROR:
        failure = ET.SubElement(case, "failure", message=f"{item.rule}: {item.detail}")
        failure.text = item.text
    elif item.level is not Level.PASSED:
        ET.SubElement(case, "system-out").text = f"{item.rule}: {item.text}"


def _class_name(item: Item) -> str:
    """Return the directory of an item's file, with dots as between the parts of a module's name."""
    return item.path.rpartition("/")[0].replace("/", ".") or "harness"
