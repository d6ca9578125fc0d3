"""The site builds without a warning and without the network, and leaves out no page, name or command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.commands.group import VERBS

pytest.importorskip("mkdocs_click", reason="mkdocs is not installed: the extra `docs` brings it")
pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed: the extra `docs` brings it")

REPOSITORY = Path(__file__).parents[2]


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does. Proxies lead nowhere, so nothing can be fetched."""
    words = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    words += ["--config-file", str(source / "mkdocs.yml"), "--site-dir", str(site)]
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    env = {**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    done = build(REPOSITORY, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_is_fetched_by_a_reader(site):
    """Scripts, styles, pictures and fonts are files of the site."""
    loaded = re.compile(
        r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)"
    )
    pages = sorted(site.glob("*.html"))
    assert len(pages) > 20
    assert {page.name: found for page in pages if (found := loaded.findall(page.read_text("utf-8")))} == {}
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*\)", styles) == []


def test_every_public_name_is_in_the_reference(site):
    page = (site / "api.html").read_text("utf-8")
    assert [name for name in harness.__all__ if f'id="harness.{name}"' not in page] == []


def test_every_verb_is_in_the_reference(site):
    """With its options, and with examples on lines of their own."""
    page = (site / "commands.html").read_text("utf-8")
    assert [verb for verb in VERBS if f'id="harness-{verb}"' not in page] == []
    assert "<pre><code>harness verify" in page
    assert "Sentinel" not in page


def test_code_of_the_site_is_not_part_of_it(site):
    assert [path.name for path in site.rglob("*.py")] == []


def test_schemas_are_part_of_it(site):
    assert (site / "schemas/registry.schema.json").is_file()


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path):
    """To a page, to a heading, and a page that the navigation does not have."""
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    configuration = (REPOSITORY / "mkdocs.yml").read_text("utf-8")
    # Without the reference, which would take most of the time.
    configuration = re.sub(r"  - mkdocstrings:\n(?:      .*\n)+", "", configuration)
    (tmp_path / "mkdocs.yml").write_text(configuration, "utf-8")
    (tmp_path / "docs/api.md").write_text("# Python\n", "utf-8")
    assert build(tmp_path, tmp_path / "site").returncode == 0
    (tmp_path / "docs/api.md").write_text("[a](gone.md) [b](index.md#gone)\n", "utf-8")
    (tmp_path / "docs/extra.md").write_text("# A page without a place\n", "utf-8")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert all(word in done.stderr for word in ("gone.md", "#gone", "extra.md"))


def test_ci_calls_the_commands_of_the_readme():
    """`.ci/run` has each line that the README gives for this repository, and builds the site."""
    (block,) = re.findall(
        r"## Two commands\n\n```sh\n(.*?)```", (REPOSITORY / "README.md").read_text("utf-8"), re.DOTALL
    )
    commands = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert commands == ["make run", "make test"]
    lines = (REPOSITORY / ".ci/run").read_text("utf-8").splitlines()
    targets = re.findall(
        r"^([\w-]+(?: [\w-]+)*):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    assert {*commands, "make docs"} <= set(lines)
    assert {"run", "test", "docs"} <= {name for target in targets for name in target.split()}


def test_the_readme_is_short_and_its_pictures_are_there():
    text = (REPOSITORY / "README.md").read_text("utf-8")
    assert len(text.splitlines()) < 120
    links = re.findall(r"\]\((.+?)\)", text)
    assert [link for link in links if not link.startswith("https://")] == []  # PyPI shows the text, too
    files = re.findall(r"golden-harness/(?:blob|raw|tree)/main/([^)#]+)", text)
    assert [path for path in files if path.endswith(".png")]
    assert [path for path in files if not (REPOSITORY / path).exists()] == []
