"""What is imported when: a list of runs needs neither JAX nor Matplotlib."""

import subprocess
import sys
from pathlib import Path

import pytest

import narrowgate as ng
from narrowgate import events, fixedpoint, network, notebook, study, training, trigger

from .notebook.notebook_example import make_run

HEAVY = ("jax", "matplotlib", "scipy.stats", "h5py", "optax", "safetensors.torch", "alkaid", "keras")


def modules_after(program: str, folder: Path) -> set[str]:
    """Names of everything that was imported when `program` has run in another process."""
    tail = "\nimport sys\nprint('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program + tail], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words", [["--help"], ["runs"], ["show", "latest"], ["train", "--help"], ["note", "latest", "x"]]
)
def test_commands_that_compute_nothing_import_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    make_run(tmp_path / "runs")
    program = f"from narrowgate.cli import app\napp({words!r}, standalone_mode=False)"
    imported = modules_after(program, tmp_path)
    assert "narrowgate.cli" in imported
    assert not imported & set(HEAVY)


def test_the_package_imports_its_rooms_on_first_use(tmp_path: Path) -> None:
    assert not {name for name in modules_after("import narrowgate", tmp_path) if name in ("numpy", "pydantic", *HEAVY)}
    assert "h5py" in modules_after("import narrowgate\nnarrowgate.read", tmp_path)


def test_what_the_package_offers_are_the_rooms_own_names() -> None:
    rooms = (events, fixedpoint, network, notebook, study, training, trigger)
    for name in ng.__all__:
        offered = getattr(ng, name)
        if name != "NarrowgateError":
            assert any(getattr(room, name, None) is offered for room in rooms)
        assert name in dir(ng)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ng.nothing  # noqa: B018


def test_a_run_is_opened_by_its_folder(tmp_path: Path) -> None:
    made = make_run(tmp_path)
    for folder in (made.folder, tmp_path / "latest", tmp_path / made.id[:10]):
        run = ng.Run.open(folder)
        assert run.id == made.id
    assert run.efficiency == {point.rate: point.efficiency for point in made.measures.points}
    assert list(run.efficiency) == [10e3, 30e3, 100e3]
    with pytest.raises(ng.NarrowgateError, match="there are no runs in"):
        ng.Run.open(tmp_path / "nowhere" / "latest")
