"""Each page's files are written and its commands run, in order, and print what the page says they print.

A fenced block whose first line is a comment with a file's name is that file. Blocks of ``sh`` are run line by
line in one directory per page; a block of ``output`` behind them is an excerpt of what they print, in which
``...`` is any text. Without such a block each command must exit with 0.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from harness.commands.group import VERBS, commands
from harness.core.system.ci import VARIABLES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if shutil.which("bash") is None:
    pytest.skip("pages give commands for bash, which is not here", allow_module_level=True)

REPOSITORY = Path(__file__).parents[2]
PAGES = {path.name: path for path in (*sorted((REPOSITORY / "docs").glob("*.md")), REPOSITORY / "README.md")}
PLAN = tomllib.loads(Path(__file__).with_name("pages.toml").read_text("utf-8"))
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"sh", "output", "text", "python", "toml", "yaml", "json", "jsonl", "diff"}
TARGETS = {
    name
    for line in re.findall(r"^([\w -]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)
    for name in line.split()
}
CHECKS = {"json": json.loads, "toml": tomllib.loads, "python": lambda text: compile(text, "page", "exec")}
NAMED = re.compile(r"# ([\w./-]+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """Name of the file that it is."""
        named = NAMED.match(self.text) if self.language in {"python", "toml"} else None
        return named[1] if named else None

    @property
    def commands(self) -> list[str]:
        """Commands, one a line, without those that are not run."""
        lines = self.text.replace("\\\n", " ").splitlines() if self.language == "sh" else []
        return [line for line in lines if line.strip() and not line.startswith(tuple(PLAN["not-run"]))]


def blocks(text: str) -> list[Block]:
    """Fenced blocks of a page, in order."""
    return [Block(language.strip(), content) for language, content in FENCE.findall(text)]


def shell(command: str, folder: Path, home: Path) -> tuple[str, int, Path]:
    """Run one line of shell; return what it prints, its exit status, and the directory that it ends in."""
    env = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", *VARIABLES))}
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}",
        "HOME": str(home),
        "COLUMNS": "80",
    }
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "Ada Lovelace", f"GIT_{role}_EMAIL": "ada@example.org"}
    end = home / "directory"
    done = subprocess.run(
        ["bash", "-c", f"{command}\ncode=$?; pwd > {shlex.quote(str(end))}; exit $code"],
        cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.stdout, done.returncode, Path(end.read_text().strip()) if end.exists() else folder


def excerpt(expected: str) -> re.Pattern[str]:
    """Pattern of an excerpt from what was printed; ``...`` is any text."""
    lines = "\n".join(line.rstrip() for line in expected.strip("\n").splitlines())
    return re.compile("^" + re.escape(lines).replace(r"\.\.\.", ".*?") + "$", re.MULTILINE | re.DOTALL)


def run_page(text: str, folder: Path, home: Path) -> None:
    """Write the files of a page and run its commands; raise AssertionError where it is wrong."""
    page = blocks(text)
    for block, following in zip(page, (*page[1:], Block("", "")), strict=True):
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text, "utf-8")
        printed = ""
        for command in block.commands:
            output, code, folder = shell(command, folder, home)
            printed += "\n".join(line.rstrip() for line in output.splitlines()) + "\n"
            assert code == 0 or following.language == "output", f"{command}: exit status {code}\n{output}"
        if block.commands and following.language == "output":
            assert excerpt(following.text).search(printed), f"{block.text}\nprinted:\n{printed}"


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """The quickstart's project with its golden file, and the fixture of fixture-design.md, committed."""
    folder, home = tmp_path_factory.mktemp("example"), tmp_path_factory.mktemp("home")
    run_page(PAGES["quickstart.md"].read_text("utf-8").partition("\n## 4.")[0], folder, home)
    run_page(PAGES["fixture-design.md"].read_text("utf-8"), folder / "optics", home)
    printed, code, _ = shell("rm -r build && git add . && git commit -qm Lattice", folder / "optics", home)
    assert code == 0, printed
    return folder / "optics"


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_right(page, tmp_path, request):
    """Its files and its commands, from the top to the bottom."""
    text, folder, home = PAGES[page].read_text("utf-8"), tmp_path / "page", tmp_path / "home"
    home.mkdir()
    if not any(block.file or block.commands for block in blocks(text)):
        pytest.skip("the page has nothing to run")
    for package in PLAN["needs"].get(page, ()):
        pytest.importorskip(package, reason=f"{package} is not installed, and commands of the page need it")
    if page in PLAN["empty"]:
        folder.mkdir()
    else:
        shutil.copytree(request.getfixturevalue("example"), folder)
    printed, code, _ = shell(PLAN["start"].get(page, "true"), folder, home)
    assert code == 0, printed
    try:
        run_page(text, folder, home)
    finally:
        shell(PLAN["end"].get(page, "true"), folder, home)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_is_read(page):
    """It has a language; data parses, Python compiles, output belongs to the commands above it."""
    text = PAGES[page].read_text("utf-8")
    found = blocks(text)
    assert text.count("\n```") == 2 * len(found), "a fence that is not closed, or is indented"
    assert {block.language for block in found} <= LANGUAGES
    for before, block in zip((Block("", ""), *found), found, strict=False):
        if block.language == "output" and not before.commands:
            assert page in PLAN["shown"]
        elif block.language in CHECKS:
            CHECKS[block.language](block.text)


@pytest.mark.parametrize("page", PAGES)
def test_code_is_fenced(page):
    """Blocks that are only indented would not be run."""
    prose = FENCE.sub("", PAGES[page].read_text("utf-8"))
    assert re.findall(r"\n\n    [^ \n].*", prose) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_exists(page):
    """Its verb and its options, also in the text and in lines that are not run; or its target of make."""
    text = PAGES[page].read_text("utf-8")
    lines = [line for block in blocks(text) if block.language == "sh" for line in block.text.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for line in lines:
        for words in re.findall(r"(?:^|[;|&] ?)((?:harness|make) [^;|&>#]*)", line):
            tool, name, *rest = words.replace("'", '"').split()
            if tool == "harness" and re.fullmatch("[a-z-]+", name):
                assert name in VERBS, line
                given = {word for word in rest if re.match("--?[a-z]", word)}
                assert name == "generate" or given <= options(name), (
                    line
                )  # a generator has options of its own
            elif tool == "make":
                assert name in TARGETS, line


def options(verb: str) -> set[str]:
    """Names of a verb's options."""
    command = commands.get_command(click.Context(commands), verb)
    assert command is not None
    return {"--help", *(name for option in command.params for name in option.opts)}


@pytest.mark.parametrize("table", ["shown", "empty", "needs", "start", "end"])
def test_the_plan_names_pages(table):
    assert PLAN[table].keys() <= PAGES.keys()


def test_every_line_that_is_not_run_is_on_a_page():
    text = "\n".join(path.read_text("utf-8") for path in PAGES.values())
    assert [
        start for start in PLAN["not-run"] if not re.search(f"^{re.escape(start)}", text, re.MULTILINE)
    ] == []


def test_what_a_page_does_not_print_is_seen(tmp_path):
    """A command that fails, an output that differs, a file that is used by a later block."""
    (tmp_path / "home").mkdir()
    page = "```python\n# a.py\nprint(1)\n```\n```sh\n{}\n```\n{}"
    run_page(page.format("python a.py", "```output\n1\n```\n"), tmp_path, tmp_path / "home")
    run_page(page.format("cd home\npython ../a.py", "```output\n...\n```\n"), tmp_path, tmp_path / "home")
    with pytest.raises(AssertionError, match="printed"):
        run_page(page.format("python a.py", "```output\n2\n```\n"), tmp_path, tmp_path / "home")
    with pytest.raises(AssertionError, match="exit status 3"):
        run_page(page.format("exit 3", ""), tmp_path, tmp_path / "home")
