"""The code behind a generator: which source files it depends on, and one digest of all of them.

A generator's result depends on the modules that its module imports, and on what those import. Modules of
its own package and of the project count. Installed packages do not count, because the environment's
fingerprint has their versions. Source files are read, but no code is run.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.domain.import_path import find_module, import_places, is_inside
from harness.core.storage.digest import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def code_digest(call: str, root: Path, *, path: object = None, snapshot: Path | None = None) -> str | None:
    """Return a digest of the code behind *call*, ``module:function``; None if no source file is found.

    It is the SHA-256 of what ``sha256sum`` prints for :func:`code_files`, in their order; in-toto calls
    this a ``dirHash``. Comments and line ends change it, the directory does not. Parameters are those of
    :func:`code_files`.
    """
    files = code_files(call, root, path=path, snapshot=snapshot)
    if not files:
        return None
    listing = "".join(f"{_sha256(file)}  {name}\n" for name, file in files.items())
    return f"dirHash:{hashlib.sha256(listing.encode()).hexdigest()}"


def code_files(
    call: str, root: Path, *, path: object = None, snapshot: Path | None = None
) -> Mapping[str, Path]:
    """Return the source files behind *call*, sorted by their path below the import path.

    Parameters
    ----------
    call : str
        ``module:function``.
    root : Path
        The project's directory: all modules that are imported from it count, of any package.
    path : str, optional
        The directory that the manifest records for its generator, relative to *root*.
    snapshot : Path, optional
        A directory with the files of another commit, to be read instead of those below *root*.
    """
    first = call.partition(":")[0]
    if not all(part.isidentifier() for part in first.split(".")):
        return {}
    own = first.partition(".")[0]
    project = import_places(root, path if isinstance(path, str) else None)
    places: dict[str, Path | None] = {}  # directory of each top-level package; None if it does not count
    found: dict[str, Path] = {}
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
        if place and snapshot and place.is_relative_to(root):
            place = snapshot / place.relative_to(root)
        file = place and _source_file(place, name)
        if place and file:
            found[file.relative_to(place).as_posix()] = file
            waiting += _imported(file, name)
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


def _source_file(place: Path, name: str) -> Path | None:
    stem = place.joinpath(*name.split("."))
    candidates = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
    return next((file for file in candidates if file.is_file()), None)


def _imported(file: Path, name: str) -> Iterator[str]:
    """Names of the modules that a source file imports, with their parent packages; some may not exist."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in _nodes_that_run(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield from _with_parents(base)
            # ``from a import b``: b may be a module or only a name; a name has no source file.
            yield from (f"{base}.{alias.name}" for alias in node.names)


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


def _sha256(file: Path) -> str:
    return sha256_file(file).partition(":")[2]
