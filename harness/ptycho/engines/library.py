"""The engines that are known by name, each as a pipeline."""

from __future__ import annotations

from harness.ptycho.engines.packages.engine import PackageEngine
from harness.ptycho.engines.run import EnginePipeline

_PACKAGES = "harness.ptycho.engines.packages"


def _ptychi(name: str, adapter: str) -> EnginePipeline:
    return EnginePipeline(
        PackageEngine(
            name,
            f"{_PACKAGES}.ptychi:{adapter}",
            module="ptychi",
            extra="ptychi",
            packages=("ptychi", "torch"),
        )
    )


cdtools = EnginePipeline(
    PackageEngine(
        "cdtools",
        f"{_PACKAGES}.cdtools:FancyPtycho",
        module="cdtools",
        extra="cdtools",
        packages=("cdtools-py", "torch"),
    )
)
"""cdtools: Adam by automatic differentiation."""

ptychi_lsqml = _ptychi("ptychi-lsqml", "Lsqml")
ptychi_rpie = _ptychi("ptychi-rpie", "Rpie")
ptychi_bh = _ptychi("ptychi-bh", "Bh")
"""pty-chi: least-squares maximum likelihood, regularised PIE, and Bilinear-Hessian minimisation."""
