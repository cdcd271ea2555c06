"""Python environments of their own for what narrowgate is compared with, from pinned lists, under `.envs/`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent / ".envs"
PYTHON = (3, 11)
"""Python's version in the environments: the newest that tensorflow 2.15 runs on."""


def interpreter(name: str) -> Path:
    """The interpreter of the environment `name`, which is made from `benchmarks/pins/<name>.txt` if need be.

    It is made again when its pins change or its making was interrupted. **Raises** `SystemExit`, with a sentence, when
    there is no Python 3.11 or the packages cannot be installed.
    """
    pins = (HERE / "pins" / f"{name}.txt").read_text()
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    finished = folder / "pins.txt"
    if not finished.exists() or finished.read_text() != pins:
        print(f"Making .envs/{name} from benchmarks/pins/{name}.txt (a few minutes, once) ...", file=sys.stderr)
        finished.unlink(missing_ok=True)
        _call([_base(), "-m", "venv", "--clear", str(folder)])
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _call([*install, "-r", str(HERE / "pins" / f"{name}.txt")])
        finished.write_text(pins)
    return python


def run(name: str, script: str, *arguments: str) -> str:
    """What `benchmarks/<script>` prints on stdout when run in the environment `name`; its stderr is passed through.

    **Raises** `SystemExit`, with a sentence, when the script fails.
    """
    return _call([str(interpreter(name)), str(HERE / script), *arguments], capture=True)


def _base() -> str:
    """A Python of the version the environments need."""
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    wanted = ".".join(map(str, PYTHON))
    found = shutil.which(f"python{wanted}")
    if found is None:
        raise SystemExit(
            f"The comparison needs Python {wanted} (tensorflow 2.15 runs on none newer), and none was found."
        )
    return found


def _call(command: list[str], *, capture: bool = False) -> str:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "numpy", "PYTHONWARNINGS": "ignore"}
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")} | quiet
    done = subprocess.run(command, stdout=subprocess.PIPE if capture else None, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"The command failed with exit code {done.returncode}: {' '.join(command)}")
    return done.stdout or ""
