"""Many exported projects through a simulator at once: what takes seconds is compiling, not the images.

The sources are taken as they were exported; only the names of modules and name spaces get a number, so that one program
holds them all.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from narrowgate.firmware import CircuitProject

VERILATOR = (
    *("verilator", "--binary", "--timing", "-Wno-lint", "-Wno-fatal", "-Wfuture-WIDTHTRUNC", "-Wfuture-WIDTHEXPAND"),
    *("-MAKEFLAGS", "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0", "--top-module", "all_of_them"),
)


def differing(projects: Sequence[CircuitProject], folder: Path) -> list[int]:
    """Which projects, all of one kind, give other outputs than they expect."""
    folder.mkdir()
    {"verilog": _in_verilog, "vhdl": _in_vhdl, "hls": _in_cpp}[projects[0].target](projects, folder)
    tests = [project.folder / "test" for project in projects]
    return [
        number
        for number, test in enumerate(tests)
        if (test / "outputs.hex").read_text().lower().split() != (test / "expected.hex").read_text().split()
    ]


def _in_verilog(projects: Sequence[CircuitProject], folder: Path) -> None:
    static = sorted((projects[0].folder / "src/static").glob("*.v"))
    benches = []
    for number, project in enumerate(projects):
        own = [path for path in project.sources if path.parent.name != "static"]
        text = "\n".join(path.read_text() for path in [*own, project.folder / "test/testbench.v"])
        text = re.sub(r"\b(narrowgate(?:_wrapper)?|logic\d+|table_\w+|testbench)\b", rf"n{number}_\1", text)
        text = re.sub(r'"(\w+\.hex)"', rf'"{project.folder}/test/\1"', text).replace("$finish;", "")
        (folder / f"n{number}.v").write_text(text)
        benches.append(f"n{number}_testbench t{number} ();")
    top = "`timescale 1 ns / 1 ps\nmodule all_of_them;\n" + "\n".join(benches)
    (folder / "top.v").write_text(top + "\ninitial #100000 $finish;\nendmodule\n")
    _run([*VERILATOR, "top.v", *(f"n{number}.v" for number in range(len(projects))), *map(str, static)], folder)
    _run(["./obj_dir/Vall_of_them"], folder)


def _in_vhdl(projects: Sequence[CircuitProject], folder: Path) -> None:
    for number, project in enumerate(projects):
        work = folder / str(number)
        work.mkdir()
        test = project.folder / "test"
        _run(["ghdl", "-a", "--std=08", f"--workdir={work}", *map(str, project.sources), "testbench.vhd"], test)
        _run(["ghdl", "-r", "--std=08", f"--workdir={work}", "testbench", "--max-stack-alloc=0"], test)


def _in_cpp(projects: Sequence[CircuitProject], folder: Path) -> None:
    texts, calls = ["#include <ap_fixed.h>", "#include <fstream>", "#include <iostream>", "#include <string>"], []
    for number, project in enumerate(projects):
        parts = ("src/narrowgate.hh", "utils/narrowgate_ooc.hh", "utils/narrowgate_ooc.cc", "test/testbench.cpp")
        text = "\n".join((project.folder / part).read_text() for part in parts)
        text = re.sub(r"^#(include|pragma once).*$", "", text, flags=re.M)
        text = re.sub(r"\bcomb_logic\b", f"n{number}", text).replace("int main(", f"int n{number}_main(")
        text = re.sub(r"\bstatic bool bit\(", f"static bool n{number}_bit(", text)
        text = re.sub(r"= bit\(", f"= n{number}_bit(", text)
        text = re.sub(r"\brun\b", f"n{number}_run", text)
        texts.append(text)
        calls.append(f'{{ char *words[] = {{nullptr, (char *)"{project.folder}/test"}}; n{number}_main(2, words); }}')
    texts.append("int main() {\n" + "\n".join(calls) + "\n}\n")
    (folder / "all.cpp").write_text("\n".join(texts))
    types = projects[0].folder / "src/static/ap_types"
    _run(["g++", "-std=c++17", "-O0", "-w", f"-I{types}", "all.cpp", "-o", "all"], folder)
    _run(["./all"], folder)


def _run(command: Sequence[str], folder: Path) -> None:
    assert shutil.which(command[0]) or command[0].startswith("./")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stderr or done.stdout)[-3000:]
