"""The domain's table names what exists, and only the pipelines import torch."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys

import pytest

from harness.ptycho.domain import DOMAIN

ROOMS = (
    "check.consistency",
    "domain",
    "files.npz",
    "fixture",
    "quality.align",
    "quality.metrics",
    "scan.contract",
    "scan.forward",
    "scan.resample",
    "scan.scan",
    "scan.select",
    "scan.simulate",
)


@pytest.mark.parametrize("reference", [*DOMAIN.generators.values(), *DOMAIN.checks.values()])
def test_every_reference_can_be_imported(reference):
    """Generators and checks are importable and callable."""
    module, _, attribute = reference.partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_the_domain_is_registered_by_name():
    """The installed package offers it under the entry point group harness.domains."""
    (entry,) = importlib.metadata.entry_points(group="harness.domains", name="ptycho")
    assert entry.load() is DOMAIN


def test_no_room_imports_torch_and_metrics_import_scikit_image_when_used():
    """In a clean process, importing all rooms loads neither torch nor scikit-image nor scipy."""
    names = ", ".join(f"harness.ptycho.{room}" for room in ROOMS)
    code = f"import sys, {names}; print(sorted({{'torch', 'skimage', 'scipy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_making_and_checking_a_fixture_needs_no_torch():
    """Generating, checking and metrics run without torch."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from harness.ptycho import fixture\nfrom harness.ptycho.check import consistency\n"
        "from harness.ptycho.quality import metrics\nfrom harness.ptycho.scan import contract\n"
        "a = fixture.minimal(positions=16).arrays\n"
        "assert not consistency.check(a).findings and not contract.check(a).findings\n"
        "o = a['objectGuess']\n"
        "print(metrics.object_metrics(o, o, probe=a['probeGuess'], x=a['xcoords'], y=a['ycoords'])"
        "['aligned_amplitude_mae'] < 1e-6)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
