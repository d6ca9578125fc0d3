"""A pipeline with a fault in it: the same processes, in which a change is made before they do their work.

A *change* is a context manager without arguments: what it changes in the pipelines' modules it puts back.
The pipelines know nothing of it. Their children are launched through this module, which imports the stage,
makes the change, and lets the stage do its task.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from harness.core.domain.catalogue import load_reference
from harness.ptycho.pipeline import parent_process as process
from harness.ptycho.pipeline.child_process import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from harness.core.domain.interface import PipelineResult

    Change = Callable[[], AbstractContextManager[None]]
    Run = Callable[..., PipelineResult]
    Inject = Callable[[Run], Run]

FOLDER = "harness.ptycho.pipeline"


def in_children(change: Change) -> Inject:
    """Decorate *change*, of a module's top level: the result puts it into a pipeline's child processes."""
    reference = f"{change.__module__}:{change.__qualname__}"
    return _injection(change, lambda: replaced(process, "LAUNCH", ("-m", f"{FOLDER}.inject", reference)))


def in_parent(change: Change) -> Inject:
    """Decorate *change*: the result puts it into the process that measures what the children left."""
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
def replaced(place: Any, name: str, new: Any) -> Iterator[None]:
    """Put *new* in the place of an attribute of a module or a class."""
    old = vars(place)[name]
    setattr(place, name, new)
    try:
        yield
    finally:
        setattr(place, name, old)


@contextmanager
def replaced_everywhere(old: Any, new: Any) -> Iterator[None]:
    """Put *new* in the place of a function in every module of the pipelines that has it, by whatever name."""
    modules = [module for name, module in sys.modules.items() if name.startswith(f"{FOLDER}.")]
    places = [(m, name) for m in modules for name, value in vars(m).items() if value is old]
    with ExitStack() as stack:
        for module, name in places:
            stack.enter_context(replaced(module, name, new))
        yield


def main(reference: str, module: str, *arguments: str) -> None:
    """Let a stage of a pipeline do its task with the change made that *reference* decorates."""
    change = load_reference(reference).__wrapped__
    importlib.import_module(module)  # first: the change looks for names where they are used
    with change():
        serve(module, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
