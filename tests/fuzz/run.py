"""Fuzz all targets for a time: ``python tests/fuzz/run.py SECONDS``, which they share.

Ends with 1 if any input leads to anything but a refusal, to 5 s for one input, or to 768 MiB of memory, and
leaves such inputs in build/fuzz/. What is new and harmless is kept there too, for the next run to start from.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / "build" / "fuzz"
TARGETS = ("archive", "manifest", "registry")
OPTIONS = ("-timeout=5", "-rss_limit_mb=768", "-max_len=8192", "-print_final_stats=1", "-verbosity=1")


def fuzz(target: str, seconds: int) -> tuple[int, int]:
    """Run one target; executions, and the exit code of its process."""
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
    """Share *seconds* among all targets; archives take half of them."""
    shares = {"archive": seconds // 2, "manifest": seconds // 4, "registry": seconds // 4}
    worst = 0
    for target in TARGETS:
        executions, code = fuzz(target, max(1, shares[target]))
        told = "nothing found" if code == 0 else f"FAILED, exit code {code}; see {KEPT}"
        print(f"{target}: {executions} executions in {shares[target]} s, {told}", flush=True)
        worst = worst or code or (not executions)
    return int(bool(worst))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
