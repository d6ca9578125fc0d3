"""Fuzz all targets: ``python tests/fuzz/run.py SECONDS``, shared among them.

Exits with 1 if an input causes an exception other than HarnessError, takes 5 s or 768 MiB of memory. Such
inputs are kept in build/fuzz/, and so are new harmless ones, with which the next run starts.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / "build" / "fuzz"
SHARES = {"archive": 0.5, "manifest": 0.2, "registry": 0.2, "history": 0.1}
"""Share of the time by target. Archives have the largest and oldest reader, zipfile, below them."""

OPTIONS = ("-timeout=5", "-rss_limit_mb=768", "-max_len=8192", "-print_final_stats=1", "-verbosity=1")


def fuzz(target: str, seconds: int) -> tuple[int, int]:
    """Run one target; return the number of executions and the exit code of its process."""
    found, log = KEPT / target, KEPT / f"{target}.log"
    found.mkdir(parents=True, exist_ok=True)
    corpora = [str(found), str(HERE / "corpus" / target)]
    dictionary = HERE / f"{'archive' if target == 'archive' else 'documents'}.dict"
    limits = [f"-max_total_time={seconds}", f"-dict={dictionary}", f"-artifact_prefix={KEPT}/{target}-"]
    with log.open("w") as stream:
        call = [sys.executable, str(HERE / "targets.py"), target, *corpora, *OPTIONS, *limits]
        code = subprocess.run(call, stdout=stream, stderr=stream, check=False).returncode
    text = log.read_text(errors="replace")
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    if code:
        print(text[-4000:])
    return int(executions[1]) if executions else 0, code


def main(seconds: int) -> int:
    """Run all targets, *seconds* in all; return the exit code."""
    worst = 0
    for target, share in SHARES.items():
        allowed = max(1, round(seconds * share))
        executions, code = fuzz(target, allowed)
        result = "nothing found" if code == 0 else f"FAILED, exit code {code}; see {KEPT}"
        print(f"{target}: {executions} executions in {allowed} s, {result}", flush=True)
        worst = worst or code or (not executions)
    return int(bool(worst))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
