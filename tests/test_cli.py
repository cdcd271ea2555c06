import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from narrowgate.cli import app
from narrowgate.cli._shared import resumable
from narrowgate.events import Dataset, Split, save

SMALL = """
[network]
filters = [2]
units = [4]
[training]
epochs = 3
steps_per_epoch = 8
batch_size = 32
"""


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(small_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two runs were trained with one command."""
    home = tmp_path_factory.mktemp("cli")
    save(home / "small.h5", small_dataset)
    (home / "a.toml").write_text(SMALL)
    (home / "b.toml").write_text(SMALL + '[precision]\nconv = "(8,2)"\n')
    output = invoke(
        *("train", home / "a.toml", home / "b.toml", "--data", home / "small.h5", "--runs", home / "runs"),
        *("--set", "training.seed=3", "--picture", home / "comparison.png"),
    )
    assert "HT cut" in output
    assert "(8,2)" in output
    return home


def test_train_draws_the_comparison(folder: Path) -> None:
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_runs_are_listed_filtered_and_printed_as_json(folder: Path) -> None:
    listed = json.loads(invoke("runs", "--runs", folder / "runs", "--json"))
    assert [run["name"] for run in listed] == ["a", "b"]
    assert all(run["configuration"]["training"]["seed"] == 3 for run in listed)
    quantised = json.loads(invoke("runs", "precision.conv=(8,2)", "--runs", folder / "runs", "--json"))
    assert [run["name"] for run in quantised] == ["b"]
    table = invoke("runs", "--runs", folder / "runs", "--sort", "accuracy", "--descending")
    assert listed[0]["id"] in table


def test_show_and_note(folder: Path) -> None:
    assert "very smooth" in invoke("note", "latest", "very smooth", "--runs", folder / "runs")
    shown = json.loads(invoke("show", "latest", "--runs", folder / "runs", "--json"))
    assert shown["notes"][-1]["text"] == "very smooth"
    assert len(shown["curve"]["loss"]) == 3
    assert "very smooth" in invoke("show", "latest", "--runs", folder / "runs")


def test_compare_names_the_difference(folder: Path) -> None:
    ids = [run["id"] for run in json.loads(invoke("runs", "--runs", folder / "runs", "--json"))]
    found = json.loads(invoke("compare", *ids, "--runs", folder / "runs", "--json"))
    assert found["differences"] == {"precision.conv": ["float", "(8,2)"]}


def test_inspect(folder: Path) -> None:
    found = json.loads(invoke("inspect", folder / "small.h5", "--picture", folder / "mean.png", "--json"))
    assert found["splits"]["train"]["signal"]["events"] == 400
    assert [point["rate"] for point in found["cuts"]["ht"]] == [10e3, 30e3, 100e3]
    assert (folder / "mean.png").read_bytes().startswith(b"\x89PNG")
    assert "signal efficiency" in invoke("inspect", folder / "small.h5", "--picture", folder / "mean.png")


def test_simulate_shows_its_recipe() -> None:
    recipe = json.loads(invoke("simulate", "x.h5", "--show-recipe", "--set", "pileup=140", "--set", "signal.test=10"))
    assert recipe["pileup"] == 140
    assert recipe["signal"]["test"] == 10


def narrowgate(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "narrowgate", *(str(one) for one in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "missing.toml"), "missing.toml: there is no such file"),
        (("show", "latest", "--runs", "nowhere"), "nowhere"),
        (("inspect", "missing.h5"), "missing.h5"),
        (("simulate", "x.h5", "--show-recipe", "--set", "pile=1"), "no entry 'pile'"),
        (("simulate", "x.h5", "--show-recipe", "--set", "pileup=-1"), "pileup"),
        (("train",), "Name one configuration"),
        (("train", "x.toml", "--take-over"), "--take-over goes with --resume"),
        (("train", "x.toml", "--set", "novalue"), "key=value"),
    ],
)
def test_mistakes_end_in_a_sentence(arguments: tuple[str, ...], said: str) -> None:
    result = narrowgate(*arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def lose_a_control_c(heard: list[int]) -> None:
    """Reports 1 and 2, and between them a Ctrl-C that is lost, as in the garbage collector's callbacks."""
    with resumable("narrowgate go on") as heeding:
        report = heeding(heard.append)
        report(1)
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        report(2)


def test_a_lost_control_c_is_raised_at_the_next_report(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    heard: list[int] = []
    try:
        with pytest.raises(typer.Exit):
            lose_a_control_c(heard)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1]
    assert "`narrowgate go on` goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code", "reason"),
    [(signal.SIGINT, 130, "keyboard"), (signal.SIGTERM, 143, "SIGTERM"), (signal.SIGHUP, 129, "terminal was closed")],
)
def test_who_is_asked_to_stop_loses_nothing(folder: Path, number: int, code: int, reason: str) -> None:
    long, root = folder / "long.toml", folder / f"stopped-{code}"
    long.write_text(SMALL.replace("epochs = 3", "epochs = 100000"))
    command = [sys.executable, "-m", "narrowgate", "train", str(long), "--data", str(folder / "small.h5")]
    process = subprocess.Popen([*command, "--runs", str(root)], stderr=subprocess.PIPE, text=True)
    while not list(root.glob("*/checkpoint/*.safetensors")):
        assert process.poll() is None
        time.sleep(0.2)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert f"`narrowgate train --resume latest --runs {root} --data " in said
    assert "Traceback" not in said
    listed = json.loads(invoke("runs", "--runs", root, "--json"))
    assert [run["status"] for run in listed] == ["interrupted"]
    assert reason in listed[0]["reason"]


def test_data_without_signal_end_in_a_sentence(folder: Path, small_dataset: Dataset) -> None:
    background = Split(small_dataset.train.background, np.zeros(800, np.uint8))
    poor = Dataset(background, small_dataset.validation, small_dataset.test, small_dataset.geometry)
    save(folder / "poor.h5", poor)
    result = narrowgate("train", folder / "a.toml", "--data", folder / "poor.h5", "--runs", folder / "poor")
    assert result.returncode == 2
    assert "has no signal events; both classes are needed" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_names_every_command() -> None:
    output = invoke("--help")
    for command in ("train", "runs", "show", "compare", "note", "inspect", "simulate"):
        assert command in output
