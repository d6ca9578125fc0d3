"""The code behind a generator: which source files it depends on, and one digest of all of them.

A generator's result depends on the modules that its module imports, and on what those import. Modules of
its own package and of the project count. Installed packages do not count, because the environment's
fingerprint has their versions. Source files are read, but no code is run.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.domain.import_path import find_module, import_places, is_inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FILES_REMEMBERED = 1024
"""Source files whose imports are kept: the generators of a project import much of the same code."""


def code_digest(
    call: str, root: Path, *, path: object = None, snapshot: Mapping[str, bytes] | None = None
) -> str | None:
    """Return a digest of the code behind *call*, ``module:function``; None if no source file is found.

    It is the SHA-256 of what ``sha256sum`` prints for :func:`code_files`, in their order; in-toto calls
    this a ``dirHash``. Comments and line ends change it, the directory does not. Parameters are those of
    :func:`code_files`.
    """
    files = code_files(call, root, path=path, snapshot=snapshot)
    if not files:
        return None
    listing = "".join(f"{hashlib.sha256(text).hexdigest()}  {name}\n" for name, text in files.items())
    return f"dirHash:{hashlib.sha256(listing.encode()).hexdigest()}"


def code_files(
    call: str, root: Path, *, path: object = None, snapshot: Mapping[str, bytes] | None = None
) -> Mapping[str, bytes]:
    """Return the text of the source files behind *call*, sorted by their path below the import path.

    Parameters
    ----------
    call : str
        ``module:function``.
    root : Path
        The project's directory: all modules that are imported from it count, of any package.
    path : str, optional
        The directory that the manifest records for its generator, relative to *root*.
    snapshot : mapping of str to bytes, optional
        The Python files of another commit, by their path below *root*, to be read instead of those there.
    """
    first = call.partition(":")[0]
    if not all(part.isidentifier() for part in first.split(".")):
        return {}
    own = first.partition(".")[0]
    project = import_places(root, path if isinstance(path, str) else None)
    places: dict[str, Path | None] = {}  # directory of each top-level package; None if it does not count
    found: dict[str, bytes] = {}
    # Depth-first search along imports; a module that imports itself, directly or not, is visited once.
    waiting, seen = [*_with_parents(first)], set()
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if name in seen:
            continue
        seen.add(name)
        if top not in places:
            places[top] = _place(top, root, project, own=top == own)
        place = places[top]
        source = place and _source(place, name, root, snapshot)
        if source:
            file, found[file] = source
            is_package = file.rpartition("/")[2] == "__init__.py"
            waiting += _imported(found[file], name if is_package else name.rpartition(".")[0])
    return dict(sorted(found.items()))


def _place(top: str, root: Path, project: Sequence[Path], *, own: bool) -> Path | None:
    """Directory that contains a top-level package or module; None if the package does not count.

    It is looked for in the project, then where else Python finds modules, so that every process finds the
    same. Only the name of the outermost package is asked for, because Python imports a package to find what
    is in it.
    """
    file = find_module(top, project)
    found = str(file) if file is not None else _installed(top, is_namespace=False)
    if not found:
        # A directory without __init__.py is a package too, in which several directories may have a part. Only
        # a module or package with a file of its own goes before the project's directory.
        here = next((place for place in project if (place / top).is_dir()), None)
        if here is not None:
            return here
        found = _installed(top, is_namespace=True)
    if not found:
        return None
    place = Path(found).absolute().parent
    if Path(found).name == "__init__.py":
        place = place.parent
    return place if own or is_inside(place, root) else None


def _installed(top: str, *, is_namespace: bool) -> str | None:
    """File of an installed module or package; of a namespace package, one that its directory could have."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or is_namespace != (spec.origin is None):
        return None
    folder = next(iter(spec.submodule_search_locations or ()), None)
    if folder:
        return f"{folder}/__init__.py"
    return spec.origin if spec.has_location else None


def _source(
    place: Path, name: str, root: Path, snapshot: Mapping[str, bytes] | None
) -> tuple[str, bytes] | None:
    """Path below *place* and text of a module's source file; None if it has none."""
    parts = [part for part in name.split(".") if part]  # ".b" comes from a relative import at the top
    for file in ("/".join([*parts, "__init__.py"]), f"{'/'.join(parts)}.py"):
        path = place / file
        if snapshot is not None and place.is_relative_to(root):
            text = snapshot.get(path.relative_to(root).as_posix())
        else:
            text = path.read_bytes() if path.is_file() else None
        if text is not None:
            return file, text
    return None


@lru_cache(FILES_REMEMBERED)
def _imported(text: bytes, package: str) -> tuple[str, ...]:
    """Names of the modules that a file of *package* imports, with their parents; some may not exist."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    names: list[str] = []
    for node in _nodes_that_run(tree):
        if isinstance(node, ast.Import):
            names += [name for alias in node.names for name in _with_parents(alias.name)]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            # ``from a import b``: b may be a module or only a name; a name has no source file.
            names += [*_with_parents(base), *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(dict.fromkeys(names))


def _nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those in ``if TYPE_CHECKING:`` blocks, which never run."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Full name of the module in a ``from`` import, which may be relative to *package*."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _with_parents(name: str) -> Iterator[str]:
    """Names of the packages around a module, outermost first, then its own name."""
    parts = name.split(".")
    yield from (".".join(parts[: count + 1]) for count in range(len(parts)))
