"""Running recorded generators again in a new process: new interpreter, new directories, new hash seed.

``python -m harness.core.rerun.rerun_generator JOB`` makes the fixtures that the JSON file JOB lists, one
after another. An error of one of them does not stop the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.domain.generators import recorded_generator, rerun
from harness.core.domain.parameters import unrecorded
from harness.core.errors import (
    DependencyError,
    HarnessError,
    NotImportableError,
    RemakeError,
    SourceMissingError,
    error_from_parts,
    error_to_parts,
)
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import encode_manifest, read_manifest
from harness.core.rerun.answers import Answer, Task, failure
from harness.core.rerun.environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.core.fixtures.manifest import Manifest

_ENDED = "ended.json"
_KEPT = (DependencyError, SourceMissingError, NotImportableError)
"""Errors about this machine or the import path. Any other error of a new process is the generator's."""


def run_generators(tasks: Sequence[Task], root: Path) -> list[Answer]:
    """Do all *tasks* in one new process, in this order. If one of them ends it, another does the rest."""
    answers: dict[Task, Answer] = {}
    while waiting := [task for task in tasks if task not in answers]:
        done = _run(waiting, root)
        answers |= {task: _answer(task) for task in waiting if (task.folder / _ENDED).exists()}
        culprit = next((task for task in waiting if task not in answers), None)
        if culprit is not None:
            answers[culprit] = Answer(error=failure(culprit.manifest, _last_words(done)))
    return [answers[task] for task in tasks]


def count_made(folder: Path) -> int:
    """Return how many tasks whose directories are two levels below *folder* have ended."""
    return len(list(folder.glob(f"*/*/{_ENDED}")))


def _run(tasks: Sequence[Task], root: Path) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        items = [
            {
                "manifest": str(task.manifest),
                "source": str(task.source.resolve()) if task.source else None,
                "folder": str(task.folder),
                "known": task.known,
            }
            for task in tasks
        ]
        job.write_text(json.dumps({"root": str(root), "items": items}), "utf-8")
        return subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", __name__, str(job)],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )


def _answer(task: Task) -> Answer:
    ended = json.loads((task.folder / _ENDED).read_bytes())
    missing = tuple(ended["unrecorded"])
    if ended["error"] is None:
        return Answer(manifest=task.made / ended["made"], unrecorded=missing)
    error = error_from_parts(ended["error"])
    if not isinstance(error, (*_KEPT, RemakeError)):
        error = failure(task.manifest, str(error))
    return Answer(error=error, unrecorded=missing)


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the process ended with exit code {done.returncode}"


def _do(item: Mapping[str, Any], root: Path) -> None:
    """Do one task in this process, and report its end in a file, whatever happens."""
    task = Task(Path(item["manifest"]), _optional_path(item["source"]), Path(item["folder"]), item["known"])
    work = task.folder / "work"
    work.mkdir(parents=True)
    os.chdir(work)  # so that a generator that depends on the working directory is noticed
    ended: dict[str, Any] = {"error": None, "made": None, "unrecorded": ()}
    try:
        recorded = read_manifest(task.manifest)
        path, same = _make(task, recorded, root)
        ended["made"] = path.relative_to(task.made).as_posix()
        if not same:
            parameters = recorded.generator.parameters
            ended["unrecorded"] = unrecorded(recorded_generator(recorded, root), parameters)
    except HarnessError as error:
        ended["error"] = error_to_parts(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a generator may raise anything
        ended["error"] = error_to_parts(failure(task.manifest, f"{type(error).__name__}: {error}"))
    (task.folder / _ENDED).write_text(json.dumps(ended), "utf-8")


def _make(task: Task, recorded: Manifest, root: Path) -> tuple[Path, bool]:
    """Make a fixture and write it; return the path of its manifest, and whether its arrays are known."""
    fixture = rerun(recorded, root, task.source)
    if fixture.outline.digest != task.known:
        return write_fixture(fixture, task.made)[1], False
    path = task.made / f"{fixture.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_manifest(fixture.manifest))  # read at once and deleted: no need to sync it
    return path, True


def _optional_path(text: str | None) -> Path | None:
    return Path(text) if text is not None else None


def _main(arguments: Iterable[str]) -> None:
    """Do every task of a job; each starts with the environment variables that the process started with."""
    (file,) = arguments
    job = json.loads(Path(file).read_bytes())
    environment = dict(os.environ)
    for item in job["items"]:
        os.environ.clear()
        os.environ.update(environment)
        _do(item, Path(job["root"]))


if __name__ == "__main__":
    _main(sys.argv[1:])
