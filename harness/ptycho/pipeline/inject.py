"""Run a pipeline with a bug put into it, without a hook in the pipeline itself.

A *change* is a context manager without arguments that replaces something in the pipeline's modules, and
restores it at the end. The pipeline's child processes are started through this module, which imports the
stage's module, enters the change, and runs the stage.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from harness.core.domain.references import load_reference
from harness.ptycho.pipeline import parent_process
from harness.ptycho.pipeline.child_process import run_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from harness.core.domain.interface import PipelineResult

    Change = Callable[[], AbstractContextManager[None]]
    Run = Callable[..., PipelineResult]
    Inject = Callable[[Run], Run]

PACKAGE = "harness.ptycho.pipeline"


def in_children(change: Change) -> Inject:
    """Decorate a *change* that is made in a pipeline's child processes.

    The result takes a pipeline and returns one with the change. *change* must be at its module's top level,
    because the children import it by name.
    """
    reference = f"{change.__module__}:{change.__qualname__}"
    command = ("-m", f"{PACKAGE}.inject", reference)
    return _injection(change, lambda: replaced(parent_process, "CHILD_COMMAND", command))


def in_parent(change: Change) -> Inject:
    """Decorate a *change* that is made in the parent process, which computes the metrics.

    The result takes a pipeline and returns one with the change.
    """
    return _injection(change, change)


def _injection(change: Change, while_running: Change) -> Inject:
    @wraps(change)
    def inject(run: Run) -> Run:
        @wraps(run)
        def faulty(*arguments: Any, **options: Any) -> PipelineResult:
            with while_running():
                return run(*arguments, **options)

        return faulty

    return inject


@contextmanager
def replaced(owner: Any, name: str, new: Any) -> Iterator[None]:
    """Replace the attribute *name* of *owner*, a module or a class, by *new* within the block.

    Raises
    ------
    KeyError
        *owner* has no attribute of this name.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> owner = SimpleNamespace(threads=1)
    >>> with replaced(owner, "threads", 2):
    ...     owner.threads
    2
    >>> owner.threads
    1
    """
    old = vars(owner)[name]
    setattr(owner, name, new)
    try:
        yield
    finally:
        setattr(owner, name, old)


@contextmanager
def replaced_everywhere(old: Any, new: Any) -> Iterator[None]:
    """Replace a function in every imported module of the pipelines that uses it, under any name.

    ``from a import f`` copies the reference, so replacing ``a.f`` alone would leave its users unchanged.
    """
    modules = [module for name, module in sys.modules.items() if name.startswith(f"{PACKAGE}.")]
    users = [(m, name) for m in modules for name, value in vars(m).items() if value is old]
    with ExitStack() as stack:
        for module, name in users:
            stack.enter_context(replaced(module, name, new))
        yield


def main(reference: str, module: str, *arguments: str) -> None:
    """Run a stage in this process, with the change that *reference* names."""
    change = load_reference(reference).__wrapped__
    importlib.import_module(module)  # first, so that replaced_everywhere finds its names
    with change():
        run_task(module, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
