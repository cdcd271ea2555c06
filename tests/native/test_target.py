"""Which instruction set is compiled for: as compilers describe it, and what is refused."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from narrowgate import native
from narrowgate.native import _build
from narrowgate.native._target import LEVELS, Target, TargetError, choose

needs_a_compiler = pytest.mark.skipif(not native.available(), reason=native.why_not() or "available")


def processor(*levels: str, march: str = "-march=native") -> Callable[..., str | None]:
    """A compiler on a processor that has these levels; it knows `-march` for every level of x86-64."""

    def ask(*flags: str) -> str | None:
        known: dict[tuple[str, ...], tuple[str, ...]] = {(march,): levels, (): ("x86-64",)}
        order = ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"]
        known |= {(f"-march={level}",): tuple(order[: count + 1]) for count, level in enumerate(order)}
        if flags not in known:
            return None
        return "".join(f"#define __{name}__ 1\n" for level in known[flags] for name in LEVELS[level])

    return ask


V3 = ("x86-64", "x86-64-v2", "x86-64-v3")


def test_all_that_a_processor_has_is_used_unless_something_else_is_wanted() -> None:
    ask = processor(*V3)
    assert choose("", ("c++",), ask).flags == ("-march=native",)
    assert choose("", ("c++",), ask).level == "x86-64-v3"
    assert choose("native", ("c++", "-march=x86-64-v2"), ask).level == "x86-64-v3"
    assert choose("x86-64-v2", ("c++",), ask) == Target(("-march=x86-64-v2",), ask("-march=x86-64-v2") or "")


def test_compilers_that_know_no_march_native() -> None:
    arm = processor("arm64", march="-mcpu=native")
    assert choose("", ("c++",), arm).flags == ("-mcpu=native",)
    assert choose("", ("c++",), arm).level == "arm64"
    assert choose("", ("c++",), processor("x86-64", march="-mno")).flags == ()


def test_what_the_processor_lacks_is_refused_and_named() -> None:
    """A library with instructions that are not there would end the process."""
    with pytest.raises(TargetError, match=r"NARROWGATE_MARCH asks for x86-64-v4, of which .* lacks AVX512BW, AVX512CD"):
        choose("x86-64-v4", ("c++",), processor(*V3))
    with pytest.raises(TargetError, match=r"NARROWGATE_MARCH asks for x86-64-v9, which c\+\+ does not know"):
        choose("x86-64-v9", ("c++",), processor(*V3))

    def ask(*flags: str) -> str | None:
        return processor(*V3)(*(flags or ("-march=x86-64-v4",)))  # what CXX's own arguments mean

    with pytest.raises(TargetError, match=r"CXX asks for -march=x86-64-v4, of which this processor lacks AVX512"):
        choose("", ("c++", "-march=x86-64-v4"), ask)


def test_models_of_one_instruction_set_may_differ_in_name() -> None:
    here = "#define __AVX2__ 1\n#define __znver3__ 1\n#define __ARM_ARCH 8\n"
    for wanted, is_fine in {
        "#define __AVX2__ 1\n#define __tune_haswell__ 1\n": True,
        "#define __ARM_ARCH 8\n": True,
        "#define __ARM_ARCH 9\n": False,
        "#define __AVX512F__ 1\n": False,
    }.items():
        answers: dict[tuple[str, ...], str] = {("-march=native",): here, ("-march=wanted",): wanted}

        def ask(*flags: str, answers: dict[tuple[str, ...], str] = answers) -> str | None:
            return answers.get(flags)

        if is_fine:
            assert choose("wanted", ("c++",), ask).described == wanted
        else:
            with pytest.raises(TargetError, match="lacks"):
                choose("wanted", ("c++",), ask)


@needs_a_compiler
def test_a_library_s_name_follows_the_instruction_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not what the system prints of its processor, which is nothing on some and the same for all on others."""
    monkeypatch.delenv("NARROWGATE_MARCH", raising=False)
    names = {_build._key(_build._compiler())}
    for level in ("x86-64-v2", "x86-64-v3"):
        monkeypatch.setenv("NARROWGATE_MARCH", level)
        try:
            names.add(_build._key(_build._compiler()))
        except native.BuildError:
            pytest.skip(f"no {level} here")
    assert len(names) == 3


@needs_a_compiler
@pytest.mark.parametrize("arguments", ["-m64", "-DANYTHING='two words'"])
def test_a_compiler_with_arguments(arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As make and CMake take `CXX`."""
    compiler = shutil.which("c++") or shutil.which("g++") or "clang++"
    monkeypatch.setenv("CXX", f"{compiler} {arguments}")
    if subprocess.run(
        [compiler, *arguments.split()[:1], "-E", os.devnull], capture_output=True, check=False
    ).returncode:
        pytest.skip("no such argument here")
    assert hasattr(_build.library(tmp_path), "narrowgate_convolution")


@needs_a_compiler
def test_a_compiler_behind_a_launcher_and_in_a_folder_with_a_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = shutil.which("c++") or shutil.which("g++") or "clang++"
    launcher = tmp_path / "a launcher"
    launcher.write_text('#!/bin/sh\nexec "$@"\n')
    launcher.chmod(0o755)
    for command in (f"'{launcher}' {compiler}", f"env {compiler}"):
        monkeypatch.setenv("CXX", command)
        assert _build._compiler()[1:] == (compiler,)
        assert _build.target().level
    monkeypatch.setenv("CXX", str(launcher))  # the whole of it is one program
    assert _build._compiler() == (str(launcher),)


def test_a_command_that_cannot_be_read_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "g++ 'half")
    with pytest.raises(native.BuildError, match=r"no C\+\+ compiler was found \(CXX is "):
        _build.library(tmp_path)
