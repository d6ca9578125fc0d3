"""The engines that are known by name, each as a pipeline."""

from __future__ import annotations

from harness.ptycho.engines.packages.engine import PackageEngine
from harness.ptycho.engines.run import EnginePipeline

cdtools = EnginePipeline(
    PackageEngine(
        "cdtools",
        "harness.ptycho.engines.packages.cdtools:FancyPtycho",
        module="cdtools",
        extra="cdtools",
        packages=("cdtools-py", "torch"),
    )
)
"""cdtools: Adam by automatic differentiation."""
