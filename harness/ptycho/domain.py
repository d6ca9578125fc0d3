"""Ptychography's table of generators, pipelines, checks, faults and figures; each is imported when used."""

from __future__ import annotations

from harness.core.domain.interface import Domain

DOMAIN = Domain(
    name="ptycho",
    generators={
        "minimal_v1": "harness.ptycho.fixture:minimal",
        "scan": "harness.ptycho.fixture:from_scan",
    },
    pipelines={
        "network": "harness.ptycho.pipeline.run:network",
        "iterative": "harness.ptycho.pipeline.run:iterative",
        "quasi-newton": "harness.ptycho.pipeline.run:quasi_newton",
        "cdtools": "harness.ptycho.engines.library:cdtools",
        "ptychi-lsqml": "harness.ptycho.engines.library:ptychi_lsqml",
        "ptychi-rpie": "harness.ptycho.engines.library:ptychi_rpie",
        "ptychi-bh": "harness.ptycho.engines.library:ptychi_bh",
        "network-halves": "harness.ptycho.pipeline.halves:network",
        "iterative-halves": "harness.ptycho.pipeline.halves:iterative",
        "quasi-newton-halves": "harness.ptycho.pipeline.halves:quasi_newton",
    },
    checks={
        "contract": "harness.ptycho.scan.contract:check",
        "consistency": "harness.ptycho.check.consistency:check",
    },
    corrections={"consistency": "harness.ptycho.check.consistency:corrected"},
    faults=("harness.ptycho.faults:FAULTS", "harness.ptycho.pipeline.faults:PIPELINE_FAULTS"),
    specimens=("harness.ptycho.specimens:SPECIMENS",),
    measures=("harness.ptycho.pipeline.assess:remeasured",),
    engine="harness.ptycho.engines.command.engine:pipeline",
    comparison="harness.ptycho.engines.compare:COMPARISON",
    files=("harness.ptycho.files.library:DATA_FILES",),
    panels=("harness.ptycho.panels:scan", "harness.ptycho.panels:reconstruction"),
)
