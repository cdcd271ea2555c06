import os
from pathlib import Path

import pytest

from narrowgate import native
from narrowgate.cli._shared import prepare_to_train
from narrowgate.native import BuildError
from narrowgate.native._build import library

needs_a_compiler = pytest.mark.skipif(not native.available(), reason=native.why_not() or "available")


@needs_a_compiler
def test_it_is_compiled_once(tmp_path: Path) -> None:
    assert hasattr(library(tmp_path), "narrowgate_convolution")
    (file,) = tmp_path.glob("*.so")
    made = file.stat().st_mtime_ns
    library(tmp_path)
    assert file.stat().st_mtime_ns == made


@needs_a_compiler
def test_a_damaged_library_is_made_anew(tmp_path: Path) -> None:
    library(tmp_path / "whole")
    for file in (tmp_path / "whole").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:1000])
    (damaged,) = tmp_path.glob("*.so")
    assert hasattr(library(tmp_path), "narrowgate_convolution")
    assert damaged.stat().st_size > 1000


@pytest.mark.parametrize(("compiler", "sentence"), [("no-such-compiler", "no C.. compiler"), ("false", "false failed")])
def test_without_a_working_compiler_there_is_a_reason(
    compiler: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", compiler)
    with pytest.raises(BuildError, match=sentence):
        library(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_a_reason(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(BuildError, match="could not be made or loaded"):
        library(tmp_path / "cache")


def test_a_cache_in_the_place_of_a_file_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(BuildError):
        library(tmp_path / "cache")


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.SWITCH, "off")
    assert native._why_not.__wrapped__() == f"{native.SWITCH} says so"


def test_only_what_was_not_wanted_falls_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(native.SWITCH, raising=False)
    monkeypatch.setattr(native, "why_not", lambda: "no C++ compiler was found (c++)")
    assert native.falls_short() == "no C++ compiler was found (c++)"
    monkeypatch.setenv(native.SWITCH, "off")
    assert native.falls_short() == ""


def test_a_command_that_trains_slowly_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(native, "falls_short", lambda: "no C++ compiler was found (c++)")
    prepare_to_train()
    assert "twice as long as it could: no C++ compiler was found (c++)" in capsys.readouterr().err
