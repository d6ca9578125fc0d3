"""Example generators as a module, and projects in git repositories with honest and forged commits."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from harness.core.fixtures.fixture import write_fixture
from harness.core.provenance.audit import audit
from harness.core.provenance.evidence import gather
from harness.core.provenance.finding import Rank
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.history import encode_line, read_history, record_digest
from harness.core.registry.registry import describe_file, history_path, read_registry

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.provenance.finding import AuditFinding
    from harness.core.registry.history import Record
    from harness.core.storage.project import Project

MODULE = """
import os
from pathlib import Path
import numpy as np
from harness import Generator, Source, make_fixture
from harness.core.storage.digest import digest_file
from harness.core.errors import RefusedError

VERSION = 1

def fixture(arrays, function, source=Source("simulated", "none"), **parameters):
    call = Generator(f"{{__name__}}:{{function}}", VERSION, parameters)
    return make_fixture("made", arrays, generator=call, source=source)

def steady(*, size: int = 4, offset: float = 0.5):
    value = np.arange(size) + offset
    return fixture({{"a": value, "z": value.astype("c8")}}, "steady", size=size, offset=offset)

def surrounded(*, size: int = 4):
    value = np.full(size, float(os.environ.get("OMP_NUM_THREADS", "1")))
    return fixture({{"a": value}}, "surrounded", size=size)

def read(*, source: Path, scale: float = 1.0):
    value = np.frombuffer(source.read_bytes(), "u1") * scale
    return fixture({{"a": value}}, "read", Source(source.name, digest_file(source)), scale=scale)

def unsteady():
    return fixture({{"a": np.frombuffer(os.urandom(64), "u1")}}, "unsteady")

def undeclared():
    return fixture({{"a": np.array([float((Path(__file__).parent / "hidden").read_text())])}}, "undeclared")

def dead(*, photons: float = 1e6, size: int = 4, even: int = 2, flag: bool = True, half: int = 3,
         noise: dict | None = None, label: str = "x"):
    if even % 2:
        raise RefusedError("even", expected="an even number", found=str(even), remedy="Double it.")
    if half > 3:
        raise ValueError("too much")
    noise = noise or {{"sigma": 0.0, "seeds": [1, 2]}}
    value = np.arange(size) + noise["sigma"] + noise["seeds"][1]
    return fixture({{"a": value}}, "dead", photons=photons, size=size, even=even, flag=flag, half=half,
                   noise=noise, label=label)

def needy():
    import no_such_package_anywhere
"""


@pytest.fixture
def module(empty, tmp_path, monkeypatch):
    """Write the example generators as a module of the project; return the module's name and an editor."""
    name = f"generators_{abs(hash(tmp_path))}"
    path = empty.root / f"{name}.py"
    path.write_text(MODULE.format(), "utf-8")
    monkeypatch.syspath_prepend(empty.root)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # an edit within a second would not be seen
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    importlib.invalidate_caches()

    def edit(old: str, new: str) -> None:
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return name, edit


@pytest.fixture
def golden(empty, module, tmp_path):
    """Return a function that records the fixture of one of the example generators."""

    def record(function: str, **parameters):
        made = getattr(importlib.import_module(module[0]), function)(**parameters)
        archive, manifest = write_fixture(made, tmp_path / "staged")
        staged = [
            Staged("golden/made.npz", "fixture", archive),
            Staged("golden/made.json", "manifest", manifest),
        ]
        commit(empty, plan(empty, staged), reason="first", command="pytest --regen-all")
        return empty

    return record


@dataclass(frozen=True, slots=True)
class Repository:
    """A project in a git repository, and what an honest user or a forger does to it."""

    project: Project

    @property
    def root(self) -> Path:
        return self.project.root

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.root), "-c", "commit.gpgsign=false", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def commit(self, subject: str, *options: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", subject, *options)
        return self.git("rev-parse", "HEAD").strip()

    def findings(self, rank: Rank | None = None) -> tuple[AuditFinding, ...]:
        return tuple(f for f in audit(gather(self.project)) if rank in {None, f.rank})

    @property
    def broken(self) -> set[tuple[str, str]]:
        return {(f.rule, f.path) for f in self.findings(Rank.BROKEN)}

    @property
    def weak(self) -> set[tuple[str, str]]:
        return {(f.rule, f.path) for f in self.findings(Rank.WEAK)}

    @property
    def noted(self) -> set[tuple[str, str]]:
        return {(f.rule, f.path) for f in self.findings(Rank.INFORMATIONAL)}

    def details(self, rule: str) -> str:
        return "\n".join(f"{f.detail} {f.remedy}" for f in self.findings() if f.rule == rule)

    def type_remedy(self, rule: str) -> None:
        """Run the commands in the remedies of a rule's findings, as a user would type them."""
        for command in {c for f in self.findings() if f.rule == rule for c in f.remedy.split("`")[1::2]}:
            subprocess.run(command, shell=True, check=True, cwd=self.root)  # noqa: S602 - our own words

    def record_of(self, path: str) -> Record:
        digest = read_registry(self.project.registry).entries[path].record
        return read_history(self.project).records[digest]

    def lines(self) -> list[bytes]:
        return history_path(self.project).read_bytes().splitlines()

    def write_lines(self, lines: list[bytes]) -> None:
        history_path(self.project).write_bytes(b"".join(line + b"\n" for line in lines))

    def forge(self, path: str, **parts) -> None:
        """Set parts of a file's registry entry by hand."""
        entries = dict(read_registry(self.project.registry).entries)
        entries[path] = entries[path]._replace(**parts)
        self.project.registry.write_bytes(encode_registry(Registry(entries)))

    def drop_entries(self, *paths: str) -> None:
        entries = read_registry(self.project.registry).entries
        kept = {path: entry for path, entry in entries.items() if path not in paths}
        self.project.registry.write_bytes(encode_registry(Registry(kept)))

    def forge_record(self, path: str, *, keep: bool = False, **parts) -> None:
        """Write another record in place of the newest one, or beside it, and let the registry name it."""
        old = self.record_of(path)
        new = msgspec.structs.replace(old, **parts)
        lines = [line for line in self.lines() if keep or line != encode_line(old)]
        self.write_lines([*lines, encode_line(new)])
        self.forge(path, record=record_digest(new))

    def rehash(self) -> None:
        """Recompute the digests in the registry by hand, as the files are now."""
        for path, entry in read_registry(self.project.registry).entries.items():
            self.forge(path, **describe_file(self.root / path, entry.kind, entry.record)._asdict())

    def reseal(self) -> None:
        """Let the newest records vouch for whatever the registry entries say."""
        for path, entry in read_registry(self.project.registry).entries.items():
            self.forge_record(path, sha256=entry.sha256)


@pytest.fixture
def repository(empty) -> Repository:
    """A git repository with one commit and no golden files."""
    made = Repository(empty)
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "Ada Lovelace")
    made.git("config", "user.email", "ada@example.org")
    (empty.root / "README").write_text("An example.")
    made.commit("Begin")
    return made


@pytest.fixture
def lattice(repository, record, staged) -> Repository:
    """That repository with one fixture, recorded and committed."""
    record(staged())
    repository.commit("Record the lattice")
    return repository


@pytest.fixture
def twice(lattice, record, staged) -> Repository:
    """The fixture recorded a second time, with other arrays, and committed."""
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    lattice.commit("Record the lattice again")
    return lattice


@pytest.fixture
def put_other_arrays(made):
    """Write other arrays, and a manifest that describes them, in place of the golden files."""

    def put(repository: Repository, value: float = 7.0) -> None:
        write_fixture(made(arrays={"image": np.zeros((3, 4)) + value}), repository.project.golden)

    return put
