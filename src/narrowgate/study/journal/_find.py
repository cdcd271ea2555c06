"""Where studies are kept, and which one is meant."""

from __future__ import annotations

import re
from pathlib import Path

from narrowgate.study._errors import StudyError
from narrowgate.study._study import Study
from narrowgate.study.journal._journal import JOURNAL


def folder_of(root: Path | str, study: Study) -> Path:
    """Where a study is kept under `root`."""
    return Path(root) / _as_folder(study.name)


def find(root: Path | str, name: Path | str) -> Path:
    """The folder of the study meant by `name`: a study's name, its folder or that folder's name, or its file.

    Raises:
        StudyError: there is no such study; the sentence says which there are in `root`.
    """
    root, path, text = Path(root), Path(name), str(name)
    if path.suffix == ".toml" and path.is_file():
        text = Study.load(path).name
    for folder in (path, root / text, root / _as_folder(text)):
        if (folder / JOURNAL).is_file():
            return folder
    known = sorted(found.parent.name for found in root.glob(f"*/{JOURNAL}"))
    if not known:
        raise StudyError(
            f"there is no study {text!r}, nor any other in {root}; `narrowgate search STUDY.toml` begins one."
        )
    shown = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
    raise StudyError(f"there is no study {text!r} in {root}; there {'are' if len(known) > 1 else 'is'} {shown}.")


def _as_folder(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.strip().lower()).strip("-.") or "study"
