"""Where narrowgate keeps what it can make again."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path


def cache_folder() -> Path:
    """The folder `narrowgate` of the user's cache, which need not be there yet.

    `$XDG_CACHE_HOME` where that is an absolute path, as the XDG base directory specification has it, else `~/.cache`.
    Where there is no home (a container whose user has no entry) or it cannot be written, a folder of the user's own
    among the temporary files.
    """
    for base in _bases():
        if _may_be_written(base):
            return base / "narrowgate"
    return _temporary()


def _bases() -> list[Path]:
    named = os.environ.get("XDG_CACHE_HOME", "")
    bases = [Path(named)] if Path(named).is_absolute() else []
    try:
        home = Path.home()
    except RuntimeError:  # neither HOME nor an entry for this user
        return bases
    return [*bases, home / ".cache"] if home.is_absolute() else bases


def _may_be_written(folder: Path) -> bool:
    """Whether `folder` can be written, or made where it is not there yet."""
    there = next((one for one in (folder, *folder.parents) if one.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _temporary() -> Path:
    """A folder that only this user can write: what lies in it is loaded as code."""
    import tempfile

    number = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"narrowgate-{number}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        if folder.is_symlink() or about.st_uid != number or about.st_mode & 0o077:
            return _own()
    except OSError:
        return _own()
    return folder


@lru_cache(maxsize=1)
def _own() -> Path:
    """Another's folder has the name: one for this process alone."""
    import tempfile

    return Path(tempfile.mkdtemp(prefix="narrowgate-"))
