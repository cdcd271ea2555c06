"""What narrowgate finds of this machine."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from narrowgate import __version__, native
from narrowgate.doctor import examine, sentences


def test_it_finds_what_is_here() -> None:
    found = json.loads(json.dumps(examine()))
    assert found["narrowgate"] == __version__
    assert found["python"] == platform.python_version()
    assert found["packages"]["jax"] == jax.__version__
    assert found["packages"]["numpy"] == np.__version__
    assert 1 <= found["cores"]["usable"] <= found["cores"]["present"]
    assert found["device"]["platform"] == jax.default_backend()
    if native.available():
        assert found["convolutions"]["instruction_set"] == native.instruction_set()
        assert found["convolutions"]["compiler"]
    said = sentences(found)
    assert said["narrowgate"] == f"{__version__}, Python {platform.python_version()}"
    assert all(said.values())


def test_programs_are_asked_for_their_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some print a banner first, some answer to the wrong channel, some not at all."""
    for name, body in {
        "verilator": "echo Verilator 5.006 2023-01-22",
        "ghdl": "echo; echo a banner; echo GHDL 2.0 >&2",
        "yosys": "exit 1",
    }.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    programs = examine()["programs"]
    assert programs["verilator"] == "5.006 2023-01-22"
    assert programs["ghdl"] == "GHDL 2.0"
    assert programs["yosys"] == "(says no version)"
    assert programs["vivado"] is None


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_the_command_works_where_much_is_missing(arguments: list[str], tmp_path: Path) -> None:
    environment = os.environ | {"CXX": "no-such-compiler", "JAX_PLATFORMS": "no-such-platform"}
    command = [sys.executable, "-m", "narrowgate", "doctor", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no C++ compiler was found (no-such-compiler)" in done.stdout
    assert "no-such-platform" in done.stdout
    if arguments:
        assert json.loads(done.stdout)["convolutions"]["native"] is False
