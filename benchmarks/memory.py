"""The largest memory of any one scene that a page accepts: `python benchmarks/memory.py [--case NAME]`.

Every extreme of the budgets is computed and drawn in a process of its own; printed is its peak above that of a process
that has computed the smallest scene. On a page at most 1.5 GB is meant.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
LIMIT, PATIENCE = 1.5e9, 300


def cases() -> dict:
    from app.scene import Atlas, Averages, Distances, Ensemble, Orbits, Portrait, Run, Scene, Sweep

    noisy = Run(label="n", learning_rate=0.1, weight_decay=0.1, noise=1.0)
    wells = dict(landscape="five_wells", arithmetic="float32")
    many = tuple((0.7 + 0.001 * i, 0.7) for i in range(256))
    pair = (Run(label="d", learning_rate=0.1, weight_decay=0.1), Run(label="t", twin_of="d"))
    return {
        "idle": Scene(landscape="five_wells", steps=10),
        "points, one long path": Scene(landscape="five_wells", steps=200_000, starts=many[:50]),
        "points, twins": Scene(landscape="five_wells", steps=200_000, starts=many[:25], runs=pair),
        "points, adaptive": Scene(landscape="himmelblau", steps=39_000, starts=many[:64], runs=(Run(rule="adam"),)),
        "certified": Scene(landscape="quotient", steps=20_000, arithmetic="certified"),
        "orbits": Scene(**wells, steps=2000, starts=many[:20], chart=Orbits(kept=2000)),
        "orbits, few kept": Scene(**wells, steps=2000, starts=many[:64], chart=Orbits(kept=600)),
        "portrait": Scene(landscape="quotient", starts=many, chart=Portrait()),
        "ensemble": Scene(**wells, steps=100, runs=(noisy,), chart=Ensemble(particles=1_000_000)),
        "ensemble, twelve": Scene(
            **wells, steps=30, runs=tuple(Run(label=f"{i}", noise=1.0) for i in range(12)),
            chart=Ensemble(particles=1_000_000),
        ),
        "distances": Scene(**wells, steps=200, runs=(noisy,), chart=Distances(particles=100_000)),
        "averages": Scene(**wells, steps=200, runs=(noisy,), starts=many[:2], chart=Averages(particles=20_000, apart=20)),
        "sweep": Scene(**wells, steps=100, runs=(noisy,), chart=Sweep(points=1024, repeats=64)),
        "sweep, best": Scene(
            **wells, steps=20, runs=(noisy,), chart=Sweep(points=1024, repeats=64, over="runs.0.weight_decay:log:0.01:1")
        ),
        "atlas": Scene(**wells, steps=200, chart=Atlas()),
        "atlas, chaos": Scene(**wells, steps=200, chart=Atlas(statistic="regime")),
    }  # fmt: skip


def carry_out(name: str) -> None:
    """Computes a scene as a page does, to the bytes that are sent, and prints the peak."""
    from app import chart
    from app.answer.result import simulate
    from app.chart.sheet import sent
    from app.picture.picture import picture
    from app.scene.charts import check_large
    from app.scene.checks import check_budget
    from app.stage.frame import frame

    scene, begun = cases()[name], time.monotonic()
    if scene.chart is None:
        check_budget(scene, page=True)
        size = len(frame(picture(simulate(scene))))
    else:
        check_large(scene, page=True)
        size = max(len(sent(sheet)) for sheet in chart.sheets(scene))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(peak, size, round(time.monotonic() - begun, 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case")
    asked = parser.parse_args().case
    if asked:
        carry_out(asked)
        return 0
    idle, worst = 0, 0.0
    for name in cases():
        try:
            made = subprocess.run(
                [sys.executable, __file__, "--case", name], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            print(f"{name:24} not done after {PATIENCE} s")
            continue
        if made.returncode:
            print(f"{name:24} failed: {made.stderr.strip().splitlines()[-1][:120]}")
            continue
        peak, size, seconds = map(float, made.stdout.split())
        idle = idle or peak
        worst = max(worst, peak - idle)
        print(f"{name:24} {(peak - idle) / 1e6:8.0f} MB above idle, {size / 1e3:8.0f} KB sent, {seconds:6.1f} s", flush=True)
    print(f"largest: {worst / 1e6:.0f} MB above the idle process's {idle / 1e6:.0f} MB; meant are {LIMIT / 1e6:.0f}")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
