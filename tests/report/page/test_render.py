"""The page as HTML: one file, everything escaped, and nothing but its own script may run."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import harness
from harness.core.errors import DependencyError
from harness.core.overview.collect import collect_overview
from harness.core.storage.project import Project
from harness.core.verdict import Outcome, Verdict
from harness.report.page import build
from harness.report.page.build import build_page
from harness.report.page.render import make_page, render_page, write_page

HOSTILE = (
    "<script>alert('x')</script>\x1b[31m\u202eevil\"' onerror=alert(1) \ud800 {{ 7 * 7 }}" + "n" * 10_000
)


pytestmark = pytest.mark.usefixtures("sketched")


@pytest.fixture(autouse=True, scope="module")
def packages():
    pytest.importorskip("jinja2", reason="Jinja2 is not installed: the extra `report` brings it")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")


class Elements(HTMLParser):
    """All elements of a page, with their attributes, and the text of style and script."""

    def __init__(self, text):
        super().__init__()
        self.found, self.texts, self._open = [], {}, ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._open = tag

    def handle_data(self, data):
        if self._open in {"style", "script"}:
            self.texts[self._open] = self.texts.get(self._open, "") + data
            self._open = ""


@pytest.fixture(scope="module")
def html(drifted_template):
    """A page with real pictures."""
    return make_page(Project(drifted_template)).text.decode()


def test_everything_is_inside_and_nothing_else_may_run(html):
    elements = Elements(html)
    (policy,) = [a["content"] for tag, a in elements.found if tag == "meta" and "http-equiv" in a]

    def digest(name):
        return base64.b64encode(hashlib.sha256(elements.texts[name].encode()).digest()).decode()

    assert policy == (
        "default-src 'none'; img-src data:; "
        f"style-src 'sha256-{digest('style')}'; script-src 'sha256-{digest('script')}'"
    )
    assert [tag for tag, _ in elements.found].count("script") == 1
    addresses = [a[key] for _, a in elements.found for key in ("src", "href", "action", "data") if key in a]
    assert addresses
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert not re.search(r"https?:|url\(|@import", elements.texts["style"] + elements.texts["script"])


def test_no_attribute_holds_style_or_code(html):
    names = {name for _, attributes in Elements(html).found for name in attributes}
    assert "style" not in names
    assert not {name for name in names if name.startswith("on")}


def test_every_picture_has_a_text_and_every_id_is_one(html):
    found = Elements(html).found
    pictures = [a for tag, a in found if tag == "img"]
    assert pictures
    assert all(picture["alt"].strip() for picture in pictures)
    ids = [a["id"] for _, a in found if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["for"] for tag, a in found if tag == "label" and "for" in a} <= set(ids)


def test_names_of_the_repository_are_text(html):
    assert "another &lt;b&gt;compiler&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "alert(1)</script>" not in html


def test_hostile_text_is_shown_and_harmless_wherever_it_is(drifted):
    overview = collect_overview(drifted)
    page = build_page(overview)
    item = page.items[0]._replace(
        name=HOSTILE,
        kind=HOSTILE,
        word=HOSTILE,
        headline=HOSTILE,
        note=HOSTILE,
        checks=(page.items[0].checks[0]._replace(test=HOSTILE, word=HOSTILE, lines=(HOSTILE,)),),
        files=(
            page.items[0].files[0]._replace(path=HOSTILE, detail=HOSTILE, remedy=HOSTILE, accepted=False),
        ),
        left_out=(HOSTILE,),
        timeline=page.items[0].timeline._replace(alt=HOSTILE, summary=HOSTILE),
    )
    text = render_page(
        page._replace(
            project=HOSTILE,
            items=(item,),
            next=HOSTILE,
            notices=(HOSTILE,),
            problems=(HOSTILE,),
            session=((HOSTILE, HOSTILE),),
            recordings=(page.recordings[0]._replace(by=HOSTILE, reason=HOSTILE, paths=(HOSTILE,)),),
            blind_spots=(page.blind_spots[0]._replace(title=HOSTILE, text=HOSTILE, names=(HOSTILE,)),),
        )
    )
    elements = Elements(text)
    assert [tag for tag, _ in elements.found].count("script") == 1
    names = {name for _, attributes in elements.found for name in attributes}
    assert not {name for name in names if name.startswith("on")} - {"open"}
    assert text.replace("\n", "").isprintable()
    assert "\\u202e" in text
    assert "\\x1b" in text
    assert "{{ 7 * 7 }}nnn" in text
    text.encode()


def test_a_page_can_be_made_of_a_project_without_anything(tmp_path):
    made = make_page(Project(tmp_path))
    assert b"There are no golden files yet." in made.text
    assert made.exit_code == 0


def test_the_exit_code_is_that_of_the_files_and_of_the_last_session(drifted):
    assert make_page(drifted).exit_code == 1
    (drifted.workspace / "obtained" / "results.json").unlink()
    assert make_page(drifted).exit_code == 0
    (drifted.golden / "optics" / "waves.npz").unlink()
    assert make_page(drifted).exit_code == 1
    drifted.journal.parent.mkdir(parents=True)
    drifted.journal.write_text("{}")
    assert make_page(drifted).exit_code == 2


def test_what_cannot_be_read_is_said_on_the_page(drifted):
    (drifted.golden / "history.jsonl").write_text("{]\n")
    (drifted.workspace / "sensitivity.json").write_text("{]\n")
    made = make_page(drifted)
    assert made.text.count(b"Cannot be read: ") == 2
    assert made.exit_code == 2


def test_many_files_of_one_kind_are_a_small_page(drifted):
    """2,000 golden files: a page under 5 MB, and what is left out is said."""
    overview = collect_overview(drifted)
    page = build_page(overview)
    group = page.items[1]
    items = tuple(group._replace(number=number, name=f"{number:04}/{'n' * 80}") for number in range(150))
    rest = tuple(
        group._replace(number=number, name=f"{number:04}/{'n' * 80}", has_details=False)
        for number in range(150, 2000)
    )
    assert len(render_page(page._replace(items=(*items, *rest)))) < 5_000_000 - build.FIGURE_BYTES


def test_a_page_is_written_where_it_is_asked_for(drifted, tmp_path):
    made = make_page(drifted)
    assert write_page(drifted, made) == drifted.root / ".harness" / "report.html"
    elsewhere = tmp_path / "site" / "golden.html"
    assert write_page(drifted, made, elsewhere).read_bytes() == made.text


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(drifted, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DependencyError, match=r'pip install "golden-harness\[report\]"') as caught:
        make_page(drifted)
    assert f"needs {package}" in str(caught.value)


def test_an_unregistered_file_is_shown(drifted):
    (drifted.golden / "new.npz").write_bytes(b"")
    overview = collect_overview(drifted)
    assert Verdict("golden/new.npz", Outcome.UNREGISTERED) in [
        verdict._replace(detail="", remedy="")
        for state in overview.groups
        for verdict in state.group.verdicts
    ]
    assert b"golden/new.npz" in make_page(drifted).text


def test_what_the_page_is_made_of_is_in_the_wheel():
    """Every file beside the modules is named in pyproject.toml; a page could not be made without them."""
    package = Path(harness.__file__).parent
    settings = (package.parent / "pyproject.toml").read_text("utf-8")
    line = settings.partition("[tool.setuptools.package-data]")[2].splitlines()[1]
    patterns = re.findall(r'"([^"]+)"', line)
    others = [path for path in (package / "report" / "page").iterdir() if path.suffix not in {".py", ""}]
    assert len(others) == 3
    assert all(any(path.relative_to(package).match(pattern) for pattern in patterns) for path in others)
