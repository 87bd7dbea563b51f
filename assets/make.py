"""The README's pictures, drawn by the product: `make assets`, or `python assets/make.py [folder]`."""

import sys
from pathlib import Path

from app.film import render
from app.gallery.presets import of_page
from app.scene import Run, Scene, View

ATLAS, CHAOS = of_page("atlas"), of_page("chaos")

THEATRE = Scene(
    title="Two runs, one picture",
    landscape="five_wells",
    steps=130,
    runs=(
        Run(label="weight decay", learning_rate=0.3, weight_decay=0.25),
        Run(label="growing rate", twin_of="weight decay"),
    ),
    view=View(seconds=12.0),
)


def main(folder: Path) -> None:
    render(THEATRE, folder / "zoomout.png", (1600, 900), theme="light", step=84, force=True)
    render(THEATRE, folder / "zoomout-dark.png", (1600, 900), theme="dark", step=84, force=True)
    render(THEATRE, folder / "zoomout.gif", (960, 540), fps=15, force=True)
    charts = {preset.name: preset.scene for preset in (*CHAOS, *ATLAS) if preset.name in ("regimes", "portrait")}
    for name, scene in charts.items():
        render(scene, folder / f"zoomout-{name}.png", (1280, 720), force=True)
    for file in sorted(folder.glob("zoomout*.[gp][in][fg]")):
        print(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
