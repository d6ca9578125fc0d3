"""Measure the example of PtychoPINN's command line; write the results to docs/ptychopinn.md.

Run it as ``python benchmarks/ptychopinn_example.py [RUNS]``: five minutes. It works in a copy of the example,
with its command lines and its stand-in for the program.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.core.fixtures.fixture import write_fixture
from harness.core.system.environment import fingerprint
from harness.ptycho.engines.command.engine import pipeline
from harness.ptycho.fixture import minimal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "ptychopinn"
PAGE = ROOT / "docs" / "ptychopinn.md"
DATA = Path(__file__).with_name("ptychopinn_example.json")
MARKS = "<!-- benchmarks/ptychopinn_example.py:{part}: {end} -->"
RUNS = 3

SIZES = ((16, 16), (36, 36), (64, 16), (64, 64))
"""Positions of the fixture, and groups of images that the program is asked for."""

TOLERANCES = (
    "aligned_amplitude_ssim",
    "aligned_phase_ssim",
    "aligned_correlation",
    "diffraction_error",
    "probe_error",
)
"""Metrics of the baseline that the page shows."""

FAULTS = {
    "a flat object, exit status 0": (None, None),
    "weights that are never loaded": (
        'obj, probe = saved["object"], saved["probe"]',
        "obj, probe = np.ones(data[4], complex), data[3].astype(complex)",
    ),
    "the probe is never updated": ("probe -= probe_rate", "probe -= 0 * probe_rate"),
    "the object is never updated": ("obj -= change", "obj -= 0 * change"),
    "the sign of the sub-pixel shift is wrong": ("np.exp(-2j * np.pi * moves)", "np.exp(2j * np.pi * moves)"),
    "positions rounded to whole pixels": ("np.exp(-2j * np.pi * moves)", "np.exp(0j * moves)"),
    "x and y swapped": ('data["xcoords"], data["ycoords"], data', 'data["ycoords"], data["xcoords"], data'),
    "a pixel too far: windows begin one row late": ("top, left = y -", "top, left = y + 1 -"),
    "the last epochs are skipped": ("range(chosen.nepochs)", "range(chosen.nepochs // 2)"),
    "single images where groups are asked for": ("[:, : gridsize**2]", "[:, :1]"),
    "amplitude squared where it is compared": ("- diffraction[group] /", "- diffraction[group] ** 2 /"),
}
"""Bugs of the program, most of them silent ones that the field has had: what is replaced, and by what."""


def table_of(name: str = "ptychopinn") -> dict[str, Any]:
    """Return the table of the example's engine; its package need not be installed here."""
    read = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))
    return {
        key: value for key, value in read["tool"]["harness"]["engines"][name].items() if key != "packages"
    }


def install(folder: Path) -> None:
    """Put the two programs of *folder*'s source in front of the search path."""
    programs = folder / "bin"
    programs.mkdir()
    for name, function in (("ptycho_train", "train"), ("ptycho_inference", "inference")):
        lines = ("import sys", f"sys.path.insert(0, {str(folder / 'src')!r})", "import ptycho_standin")
        code = "\n".join((f"#!{sys.executable}", *lines, f"ptycho_standin.{function}()\n"))
        (programs / name).write_text(code, "utf-8")
        (programs / name).chmod(0o755)
    os.environ["PATH"] = os.pathsep.join((str(programs), os.environ["PATH"]))


def measure_size(positions: int, images: int, runs: int, folder: Path) -> dict[str, Any]:
    """Return what the program costs and reaches on a fixture of *positions*."""
    fixture, _ = write_fixture(minimal(positions=positions, name=f"scan_{positions}"), folder)
    # Not in the form (H, W, N): with 64 patterns of 64 x 64 pixels, no reader can see the order of the axes.
    table = {**table_of(), "fixture_format": "npz"}
    for key in ("train", "untrained"):
        table[key] = table[key].replace("{positions}", str(images))
    results = [pipeline("ptychopinn", table, EXAMPLE)(fixture, folder / "output") for _ in range(runs)]
    stages = [[stage for stage in result.stages if stage.name != "metrics"] for result in results]
    first = results[0]
    return {
        "positions": positions,
        "images": images,
        "seconds": statistics.median(sum(stage.seconds for stage in each) for each in stages),
        "cpu_seconds": statistics.median(sum(stage.cpu_seconds for stage in each) for each in stages),
        "peak_mb": max(stage.peak_mb for each in stages for stage in each),
        "metrics": dict(first.metrics),
        "controls": {name: dict(values) for name, values in first.controls.items()},
    }


def try_fault(name: str, old: str | None, new: str | None, project: Path) -> dict[str, Any]:
    """Return whether the program's own test and ``harness run`` see a fault."""
    source = project / "src" / "ptycho_standin.py"
    healthy = source.read_text("utf-8")
    environment = dict(os.environ)
    if old is None:
        environment["STANDIN_FAULT"] = "flat"
    else:
        assert healthy.count(old) == 1, name
        source.write_text(healthy.replace(old, str(new)), "utf-8")
    own = run_own_test(project, environment)
    run = [sys.executable, "-m", "harness", "run", "--pipeline", "ptychopinn", "--json"]
    done = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True, check=False)
    source.write_text(healthy, "utf-8")
    return {"fault": name, "own": own, "status": done.returncode, "said": said(json.loads(done.stdout))}


def run_own_test(project: Path, environment: dict[str, str]) -> bool:
    """Return whether the program's own test passes: exit status 0, and files that are there and not small."""
    scan, out = project / "golden" / "ptychopinn" / "scan_v1.npz", project / "own"
    shutil.rmtree(out, ignore_errors=True)
    train = f"--train_data_file {scan} --output_dir {out} --nepochs 2 --n_images 16 --gridsize 2".split()
    infer = f"--model_path {out} --test_data {scan} --output_dir {out}".split()
    for words in (["ptycho_train", *train], ["ptycho_inference", *infer]):
        if subprocess.run(words, env=environment, capture_output=True, check=False).returncode:
            return False
    return all((out / f"reconstructed_{part}.png").stat().st_size > 1000 for part in ("amplitude", "phase"))


def said(document: dict[str, Any]) -> str:
    """Return in a few words why ``harness run`` failed; nothing if it did not."""
    if "error" in document:
        text = str(document["error"])
        reasons = {"a flat one": "flat", "update the probe": "probe not updated"}
        return next((short for words, short in reasons.items() if words in text), text)
    verdicts = [verdict for step in document["steps"] for verdict in step["metrics"]]
    own = [verdict["outcome"] for verdict in verdicts if verdict["control"] is None]
    behind = {verdict["control"] for verdict in verdicts if verdict["outcome"] == "collapsed"}
    lost = f"{own.count('drifted')} of {len(own)} metrics out of tolerance"
    return f"{lost}; no longer ahead of {' and '.join(sorted(behind))}" if behind else lost


def fixture_faults(project: Path) -> list[str]:
    """Return how the program ends on fixtures with known faults, as ``harness sensitivity`` says it."""
    words = ["sensitivity", "--engine", "ptychopinn"]
    run = [sys.executable, "-m", "harness", *words]
    done = subprocess.run(run, cwd=project, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line.startswith("ptychopinn ends")]


def noise(project: Path, floor: str) -> float:
    """Return the spread of amplitude SSIM under noise in the last bit, with another floor in the program."""
    source = project / "src" / "ptycho_standin.py"
    healthy = source.read_text("utf-8")
    source.write_text(healthy.replace("DARK = 0.01", f"DARK = {floor}"), "utf-8")
    words = ["calibrate", "ptychopinn", "--runs", "4", "--seeds", "0", "--dry-run", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words], cwd=project, capture_output=True, check=True
    )
    source.write_text(healthy, "utf-8")
    (baseline,) = json.loads(done.stdout)["baselines"].values()
    samples = baseline["metrics"]["aligned_amplitude_ssim"]["samples"]
    return float(max(samples) - min(samples))


def size_table(rows: list[dict[str, Any]]) -> str:
    """Return the table of sizes."""
    lines = [
        "| positions | images | CPU | memory | SSIM amplitude, phase | flat | untrained | moved |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        pairs = [row["metrics"], row["controls"]["flat"], row["controls"]["untrained"]]
        found = [f"{m['aligned_amplitude_ssim']:.2f}, {m['aligned_phase_ssim']:.2f}" for m in pairs]
        moved = f"{row['metrics']['object_change']:.2f}, {row['metrics']['probe_change']:.2f}"
        cost = [f"{row['cpu_seconds']:.1f} s", f"{row['peak_mb']:.0f} MB"]
        cells = [str(row["positions"]), str(row["images"]), *cost, *found, moved]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def fault_table(rows: list[dict[str, Any]]) -> str:
    """Return the table of faults."""
    lines = ["| the program has | its own test | `harness run` |", "|---|---|---|"]
    for row in rows:
        verdict = f"fails: {row['said']}" if row["status"] else "passes"
        lines.append(f"| {row['fault']} | {'passes' if row['own'] else 'fails'} | {verdict} |")
    return "\n".join(lines)


def tolerance_table() -> str:
    """Return the table of the example's own baseline."""
    baseline = json.loads((EXAMPLE / "golden" / "scan_v1.ptychopinn.json").read_text("utf-8"))
    lines = ["| metric | value | tolerance | spread | spread over seeds |", "|---|---|---|---|---|"]
    for name in TOLERANCES:
        metric = baseline["metrics"][name]
        cells = [f"{metric[key]:.1g}" for key in ("tolerance", "spread", "seed_spread")]
        lines.append(f"| `{name}` | {metric['value']:.4g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def parts(data: dict[str, Any]) -> dict[str, str]:
    """Return the generated parts of the page by name."""
    of = "{platform}, {cpu}, {cores} cores".format(**data["machine"])
    spread = "\n".join(
        ["| floor in the dark | spread of amplitude SSIM under noise in the last bit |", "|---|---|"]
        + [f"| {floor} | {value:.1g} |" for floor, value in data["noise"].items()]
    )
    return {
        "sizes": f"{size_table(data['sizes'])}\n\nMedians of {data['runs']} runs; {of}.",
        "faults": fault_table(data["faults"]),
        "fixtures": "\n".join(f"- {line}" for line in data["fixtures"]),
        "tolerances": tolerance_table(),
        "noise": spread,
    }


def page_with(page: str, data: dict[str, Any]) -> str:
    """Return the page with other text between its markers."""
    for part, text in parts(data).items():
        begin, end = (MARKS.format(part=part, end=word) for word in ("begin", "end"))
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{text}\n{end}{after}"
    return page


def main(runs: int) -> None:
    """Measure everything, and write the data and the page."""
    with tempfile.TemporaryDirectory() as place:
        project = Path(place, "example")
        shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        settings = project / "pyproject.toml"
        kept = (line for line in settings.read_text("utf-8").splitlines() if not line.startswith("packages"))
        settings.write_text("\n".join(kept), "utf-8")
        install(project)
        data = {
            "runs": runs,
            "machine": fingerprint(),
            "sizes": [measure_size(*size, runs, Path(place)) for size in SIZES],
            "faults": [try_fault(name, *change, project) for name, change in FAULTS.items()],
            "fixtures": fixture_faults(project),
            "noise": {floor: noise(project, floor) for floor in ("0", "0.01")},
        }
    DATA.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    PAGE.write_text(page_with(PAGE.read_text("utf-8"), data), "utf-8")
    print(*parts(data).values(), sep="\n\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
