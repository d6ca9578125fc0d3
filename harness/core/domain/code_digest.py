"""The code behind a generator: which source files make it up, and one digest of them all.

The module that holds a generator says little: what it computes lies in the modules that it imports, and in
theirs. Those of its own package and those of the project count. Installed packages do not: the environment's
fingerprint tells their versions apart. Nothing is run for it, only read.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.storage.digest import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INSTALLED = {"site-packages", "dist-packages"}


def code_digest(call: str, root: Path) -> str | None:
    """Digest of the code behind *call*, ``module:function``; None if its module has no source here.

    It is the SHA-256 of what ``sha256sum`` prints for :func:`code_files`, in their order, which in-toto calls
    a ``dirHash``: comments and line ends count, where the files are does not.
    """
    files = code_files(call, root)
    if not files:
        return None
    listing = "".join(f"{_sha256(file)}  {name}\n" for name, file in files.items())
    return f"dirHash:{hashlib.sha256(listing.encode()).hexdigest()}"


def code_files(call: str, root: Path) -> Mapping[str, Path]:
    """Source files behind *call* by their name below the import path, sorted; empty if there are none.

    Parameters
    ----------
    call : str
        ``module:function``.
    root : Path
        The project's directory: modules below it count, whichever package they are of.
    """
    first = call.partition(":")[0]
    own = first.partition(".")[0]
    places: dict[str, Path | None] = {}
    found: dict[str, Path] = {}
    waiting, seen = [*_with_parents(first)], set()
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if name in seen:
            continue
        seen.add(name)
        if top not in places:
            places[top] = _place(top, root, own=top == own)
        place = places[top]
        file = place and _source_file(place, name)
        if place and file:
            found[file.relative_to(place).as_posix()] = file
            waiting += _imported(file, name)
    return dict(sorted(found.items()))


def _place(top: str, root: Path, *, own: bool) -> Path | None:
    """Directory that holds a package or module of ours; None for one of somebody else's."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not (spec.submodule_search_locations or spec.has_location):
        return None
    found = next(iter(spec.submodule_search_locations or ()), None) or str(spec.origin)
    place = Path(found).absolute().parent
    ours = place.is_relative_to(root) and not _INSTALLED & set(place.relative_to(root).parts)
    return place if own or ours else None


def _source_file(place: Path, name: str) -> Path | None:
    stem = place.joinpath(*name.split("."))
    candidates = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
    return next((file for file in candidates if file.is_file()), None)


def _imported(file: Path, name: str) -> Iterator[str]:
    """Modules that a module may import when it runs, with the packages around them."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in _running(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield from _with_parents(base)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that a type checker alone reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _for_checkers(node.test):
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _for_checkers(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Full name of the module that a ``from`` import reads."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _with_parents(name: str) -> Iterator[str]:
    """A module's name after those of the packages around it, which are imported first."""
    parts = name.split(".")
    yield from (".".join(parts[: count + 1]) for count in range(len(parts)))


def _sha256(file: Path) -> str:
    return sha256_file(file).partition(":")[2]
