"""Configure git to show .npz files as text and to merge registries and histories.

Which files are meant is written to .gitattributes, which is committed. The commands are written to the
configuration of this clone, because git does not run commands that a repository brings along.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DependencyError, HarnessError, RefusedError, UsageError
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.atomic import replace_file
from harness.core.storage.project import REGISTRY
from harness.core.system.git import run_git

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.storage.project import Project
    from harness.core.system.git import GitResult

_DIFF, _MERGE, _ANCESTORS = "harness-npz", "harness-registry", "harness-registry-ancestors"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, the file it is in, and whether it was changed now."""

    place: str
    text: str
    changed: bool


def install(project: Project) -> tuple[Setting, ...]:
    """Configure the git repository of *project*; lines that are there already are kept.

    Raises
    ------
    UsageError
        If the project is not in a git work tree.
    RefusedError
        If another attribute overrides the ones that are needed.
    DependencyError
        If git is not installed.
    """
    require_work_tree(project.root)
    settings = (*_set_attributes(project), *_set_configuration(project))
    _require_effect(project)
    return settings


def require_work_tree(folder: Path) -> None:
    """Raise :class:`UsageError` unless *folder* is in a git work tree."""
    inside = _git(folder, "rev-parse", "--is-inside-work-tree")
    if inside.code or inside.output.strip() != "true":
        raise UsageError(
            str(folder),
            expected="a directory in a git work tree",
            found=_first_line(inside.error) or "a bare repository",
            remedy="Run `git init`, change to the repository, or give its path with --root.",
        )


def attribute_lines(project: Project) -> tuple[str, ...]:
    """Return the lines that .gitattributes needs.

    ``-text``: git must not convert line endings, because the registry has digests of the bytes. ``union``:
    git's own driver, which keeps the lines of both branches.
    """
    golden = project.golden_name
    return (
        f"{_pattern(golden, '/**')} -text",
        f"{_pattern('', f'/{REGISTRY}')} -text merge={_MERGE}",
        f"{_pattern(golden, f'/{HISTORY_NAME}')} merge=union",
        f"*.npz diff={_DIFF}",
    )


def _pattern(folder: str, rest: str) -> str:
    """Return git's pattern for *folder* literally, followed by *rest*; quoted if it has spaces."""
    escaped = re.sub(r"([\\*?\[\]])", r"\\\1", folder)
    escaped = f"\\{escaped}" if escaped[:1] in {"!", "#"} else escaped
    if not re.search(r'[\s"]', escaped):
        return escaped + rest
    quoted = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}{rest}"'


def configuration() -> Mapping[str, str]:
    """Return git's configuration by key: the commands, with the path of this installation.

    An installation may be moved or removed later. Git must work then: an archive is shown by its object name,
    and a registry is merged by lines.
    """
    program = shlex.quote(_program())
    driver = f"{program} merge-registry --marker-size %L %O %A %B %P"
    by_lines = "git merge-file --quiet --marker-size=%L %A %O %B"
    show = _or_without_harness(f'{program} textconv "$1"', 'git hash-object --no-filters -- "$1"')
    return {
        f"diff.{_DIFF}.textconv": f"show() {{ {show}; }}; show",
        f"merge.{_MERGE}.name": "registry.json, entry by entry",
        f"merge.{_MERGE}.driver": _or_without_harness(driver, by_lines),
        # Branches that merged each other have several common ancestors. Git merges these first, and the
        # result must not have conflict markers.
        f"merge.{_MERGE}.recursive": _ANCESTORS,
        f"merge.{_ANCESTORS}.name": "registry.json of common ancestors",
        f"merge.{_ANCESTORS}.driver": _or_without_harness(f"{driver} --keep-base", "cat %O >%A"),
    }


def _or_without_harness(command: str, instead: str) -> str:
    """Return a shell command that runs *command*; *instead* if its program cannot be run."""
    return f"{command}; code=$?; case $code in 126|127) {instead};; *) (exit $code);; esac"


def _program() -> str:
    """Return this interpreter's console script, so that git finds it without an active environment."""
    found = shutil.which("harness", path=sysconfig.get_path("scripts")) or shutil.which("harness")
    return Path(found).absolute().as_posix() if found else "harness"


def _set_attributes(project: Project) -> list[Setting]:
    path = project.root / ".gitattributes"
    before = path.read_bytes() if path.exists() else b""
    known = {b" ".join(line.split()) for line in before.splitlines()}
    settings = [
        Setting(path.name, line, changed=line.encode() not in known) for line in attribute_lines(project)
    ]
    added = "".join(f"{setting.text}\n" for setting in settings if setting.changed)
    if added:
        separator = b"" if not before or before.endswith(b"\n") else b"\n"
        replace_file(path, before + separator + added.encode())
    return settings


def _set_configuration(project: Project) -> list[Setting]:
    return [_set(project.root, key, value) for key, value in configuration().items()]


def _set(root: Path, key: str, value: str) -> Setting:
    known = _git(root, "config", "--local", "--get-all", key).output.splitlines()
    if known != [value]:
        done = _git(root, "config", "--local", "--replace-all", key, value)
        if done.code:
            raise HarnessError(
                key,
                expected="a git configuration that can be written",
                found=_first_line(done.error),
                remedy="Fix what git reports, then run `harness install-git` again.",
            )
    return Setting("git config", f"{key} = {value}", changed=known != [value])


def _require_effect(project: Project) -> None:
    """Raise :class:`RefusedError` unless git applies the attributes, which other lines may override."""
    archive, history = (f"{project.golden_name}/{name}" for name in ("fixture.npz", HISTORY_NAME))
    needed = (
        (archive, "diff", _DIFF),
        (archive, "text", "unset"),
        (REGISTRY, "merge", _MERGE),
        (REGISTRY, "text", "unset"),
        (history, "merge", "union"),
        (history, "text", "unset"),
    )
    for path, name, value in needed:
        found = _git(project.root, "check-attr", "-z", name, "--", path).output.split("\0")[2:3]
        if found != [value]:
            raise RefusedError(
                f"attribute {name} of {path}",
                expected=value,
                found=", ".join(found) or "none",
                remedy="Another line overrides it: move harness's lines to the end of .gitattributes, and "
                "look for one in .git/info/attributes.",
            )


def _git(folder: Path, *arguments: str) -> GitResult:
    done = run_git(folder, *arguments)
    if done.code is None:
        raise DependencyError(
            "git",
            expected="a git command on the path",
            found=done.error,
            remedy="Install git, or add it to PATH.",
        )
    return done


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "").removeprefix("fatal: ")
