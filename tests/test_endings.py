"""How a path ends is said as it is, also where two compiled programs disagree in the last digit."""

import pytest

from app.answer.result import simulate
from app.scene import Run, Scene, SceneError, read


def ending(run: Run, **scene: object) -> tuple[str, int | None]:
    path = simulate(Scene(runs=(run,), **scene), False).runs[0].paths[0]  # type: ignore[arg-type]
    return path.status, path.stopped_at


@pytest.mark.parametrize(("arithmetic", "decay", "steps"), [("float64", 0.1, 20_000), ("float32", 0.2, 300)])
def test_a_twin_that_stands_still_has_met_a_zero_gradient(arithmetic: str, decay: float, steps: int) -> None:
    runs = (Run(label="a", learning_rate=0.1, weight_decay=decay), Run(label="b", twin_of="a"))
    path = simulate(Scene(landscape="five_wells", steps=steps, arithmetic=arithmetic, runs=runs), False).runs[1].paths[0]
    assert path.status == "zero_gradient" and path.stopped_at is not None and path.gradient_norm[-1] == 0
    assert path.frame_x[path.stopped_at] == path.frame_x[-1] and path.frame_x[path.stopped_at - 1] != path.frame_x[-1]


@pytest.mark.parametrize("size", [7e-161, 7e-300])
def test_a_start_next_to_the_origin_is_thrown_far_out_and_goes_on(size: float) -> None:
    scene = Scene(landscape="quotient", starts=((-size, size),), steps=20, runs=(Run(learning_rate=0.1),))
    path = simulate(scene, False).runs[0].paths[0]
    assert path.status == "finished"
    assert path.log_norm[1] == pytest.approx(-path.log_norm[0] - 2.302585, abs=1e-3)  # η‖g‖ = 0.1 · |f'|/r, |f'| = 1 here


def test_zero_divided_by_zero_is_not_called_growth() -> None:
    run = Run(rule="unit_loss", learning_rate=0.1)
    assert ending(run, formula="x^2 + y^2", starts=((0.0, 0.0),), steps=5)[0] == "left_the_plane"


def test_growth_without_end_is_called_divergence() -> None:
    assert ending(Run(learning_rate=0.02), landscape="minimal_edge", starts=((12.5, 0.05),), steps=20)[0] == "diverged"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('landscape="five_wells"\ntitle="two\\nlines"', "text"),
        ('{"landscape": "five_wells", "runs": [{"label": "\\ud800"}]}', "text"),
        ('landscape="regression"\nknobs={s=1e9}', "knobs"),
        ('formula="log(x)"\nstarts=[[-1, 0]]', "starts"),
        ('landscape="beale"\narithmetic="float32"\nstarts=[[1e200, 0]]', "starts"),
        ('landscape="five_wells"\n[[runs]]\nlabel="a"\n[[runs]]\ntwin_of="a"\nghost_of="a"', "twin_of"),
        ("http://[", "link"),
    ],
)
def test_a_scene_that_cannot_be_meant_is_refused(text: str, code: str) -> None:
    with pytest.raises(SceneError) as refusal:
        read(text)
    assert refusal.value.code == code and "\n" not in refusal.value.message


def test_numbered_labels_never_collide() -> None:
    labels = Scene(landscape="five_wells", runs=(Run(label="gd"), Run(label="gd"), Run(label="gd 2"))).labels
    assert len(set(labels)) == 3 and labels[2] == "gd 2"
