"""Words of any language, on terminals and in locales that have no place for them; files are UTF-8 all the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from narrowgate import notebook

from .notebook.notebook_example import make_run

ENVIRONMENTS = (
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encodings")
    make_run(folder)
    return folder


def say(environment: dict[str, str], *arguments: str) -> str:
    """What a command prints in an environment; it must end well."""
    usual = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
    command = [sys.executable, "-m", "narrowgate", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env=usual | environment)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout.decode("latin-1")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_commands_end_well_and_write_utf8(root: Path, environment: dict[str, str]) -> None:
    words = f"η looks good, {len(environment)}"
    say(environment, "note", "latest", words, "--runs", str(root))
    assert notebook.list_runs(root)[0].notes[-1].text == words
    assert words in (root / notebook.find(root, "latest") / "run.md").read_text(encoding="utf-8")
    assert "looks good" in say(environment, "show", "latest", "--runs", str(root))
    assert "finished" in say(environment, "runs", "--runs", str(root))
    shown = json.loads(say(environment, "show", "latest", "--json", "--runs", str(root)))
    assert shown["notes"][-1]["text"] == words
