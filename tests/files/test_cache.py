import os
import pwd
import tempfile
from pathlib import Path

import pytest

from narrowgate.files import _cache as module
from narrowgate.files import cache_folder


def test_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "narrowgate"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere" / "narrowgate"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the specification: ignored
    assert cache_folder() == tmp_path / ".cache" / "narrowgate"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Neither HOME nor an entry among the users, as in many containers; temporary files lie in the folder given."""

    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module._own.cache_clear()
    return tmp_path


def test_without_a_home_a_folder_of_ones_own_among_the_temporary_files(homeless: Path) -> None:
    found = cache_folder()
    assert found == homeless / f"narrowgate-{os.getuid()}"
    assert found.stat().st_mode & 0o777 == 0o700
    assert cache_folder() == found


def test_a_folder_that_others_can_write_is_not_used(homeless: Path) -> None:
    (homeless / f"narrowgate-{os.getuid()}").mkdir(mode=0o777)
    (homeless / f"narrowgate-{os.getuid()}").chmod(0o777)
    found = cache_folder()
    assert found != homeless / f"narrowgate-{os.getuid()}"
    assert found.stat().st_mode & 0o777 == 0o700
    assert cache_folder() == found  # the same for the whole process


def test_a_home_that_cannot_be_written_is_no_home(monkeypatch: pytest.MonkeyPatch, homeless: Path) -> None:
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith("/proc"))
    assert cache_folder() == homeless / f"narrowgate-{os.getuid()}"
