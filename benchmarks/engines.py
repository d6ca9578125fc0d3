"""All engines on minimal_v1 and on the measured star, for equal times: tables and pictures of a page.

Run it where the engines are installed: .venv-engines/bin/python benchmarks/engines.py [--clock cpu] [NAME]...
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "engines.md"
STAR = ROOT.parent / "shared" / "data" / "siemens_star_516.npz"
RUNS = {
    "minimal": "golden/minimal_v1.npz",
    "star": str(STAR),
}


def main() -> None:
    """Run what is asked for, and write each table between its markers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RUNS)}; default: all")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--runs", default="1")
    asked = parser.parse_args()
    for name in asked.names or RUNS:
        fixture = RUNS[name]
        if not Path(ROOT, fixture).is_file():
            print(f"{name}: no file {fixture}, left out")
            continue
        output = ROOT / "build" / "engines" / name
        shutil.rmtree(output, ignore_errors=True)
        command = [sys.executable, "-m", "harness", "engines", fixture, "--clock", asked.clock]
        command += ["--runs", asked.runs, "--output", str(output)]
        subprocess.run(command, cwd=ROOT, check=False)
        clock = "wall time" if asked.clock == "wall" else "CPU time"
        words = f"Each engine has as much {clock} as the slowest of our own pipelines, imports included."
        write_block(name, words, output / "engines.md", picture(name, output / "engines.png"))


def picture(name: str, made: Path) -> str:
    """Copy the picture of a run beside the page; return the line that shows it."""
    shutil.copyfile(made, PAGE.with_name(f"engines-{name}.png"))
    return f"\n![Stored object and reconstructions, amplitude above phase](engines-{name}.png)\n"


def write_block(name: str, words: str, table: Path, after: str) -> None:
    """Write a table between the markers of its name."""
    begin, end = f"<!-- engines {name}: begin -->", f"<!-- engines {name}: end -->"
    text = PAGE.read_text("utf-8")
    if begin not in text:
        print(f"{table}: the page has no place for it")
        return
    block = f"{begin}\n{words}\n\n{table.read_text('utf-8')}{after}{end}"
    PAGE.write_text(re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
