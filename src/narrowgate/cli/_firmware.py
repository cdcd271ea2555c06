"""Take a network to hardware: its cost, its circuit, the proof that the bits are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from narrowgate.cli._shared import AsJson, DataFile, Root, RunName, out, seconds_of, show_content
from narrowgate.progress import step_progress

if TYPE_CHECKING:
    from narrowgate.firmware import Verification
    from narrowgate.hardware import RealImages

Clock = Annotated[float, typer.Option(help="Clock in MHz.", min=1.0, max=2000.0)]
PartName = Annotated[str, typer.Option(help="Device: VU13P, VU9P, KU115 or 7VX690T.")]


def cost(
    network: Annotated[
        str,
        typer.Argument(help="A run's id, the beginning of one, `latest`, or a TOML file.", metavar="RUN|CONFIG.toml"),
    ],
    part: Annotated[
        str | None, typer.Option(help="Only this device's share: VU13P, VU9P, KU115 or 7VX690T. Default: all.")
    ] = None,
    clock: Clock = 200.0,
    traced: Annotated[
        bool, typer.Option("--traced", help="Also trace the circuit (extra `rtl`): exact adders, seconds to a minute.")
    ] = False,
    data: DataFile = None,
    root: Root = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Tell what a network costs in hardware: LUTs, flip-flops, memory, latency, share of a device.

    The estimate takes milliseconds; its error is a fifth of the LUTs, and more for odd networks. `--traced` builds the
    circuit and counts. A configuration that was not trained yet is told with fresh weights, on images as in `--data`.
    """
    from narrowgate import firmware, hardware

    if part is not None:
        firmware.find_part(part)
    with _steps() as step:
        integers, title = hardware.network_of(root, network, data)
        if traced:
            step("tracing the circuit")
        found = firmware.cost(integers, clock=clock, circuit=firmware.trace(integers) if traced else None)
    show_content(found.as_dict() if as_json else firmware.render_cost(found, title=title, part=part), as_json)


def export(
    run: RunName,
    to: Annotated[str, typer.Option(help="The kind of project: verilog, vhdl, hls, hls4ml, keras or qonnx.")],
    output: Annotated[
        Path | None, typer.Option(help="A new folder for the project. Default: firmware/<run's id>-<kind>.")
    ] = None,
    part: PartName = "VU13P",
    clock: Clock = 200.0,
    rates: Annotated[
        list[float] | None,
        typer.Option(
            "--rate",
            help="A rate in kHz at which the run was judged. The circuit then gives the decision at it, one bit, in "
            "place of the score; may be given again, a bit each.",
        ),
    ] = None,
    events: Annotated[int, typer.Option(help="Real images that become test vectors.", min=1)] = 1000,
    data: DataFile = None,
    root: Root = Path("runs"),
) -> None:
    """Write a run's network as a project for those who take it over.

    verilog, vhdl and hls (extra `rtl`) hold sources, constraints, a test bench with real events and what they must
    give, and a README that tells ports, bit layout, latency and the integer threshold of each rate. hls4ml and keras
    (extra `hls4ml`) and qonnx (extra `qonnx`) give the score of the same integers, with events and a README too.
    """
    from narrowgate import firmware, hardware

    target = firmware.find_target(to, decides=bool(rates))
    firmware.find_part(part)
    with _steps() as step:
        trained = hardware.trained_network(root, run)
        points = trained.working_points([1000 * rate for rate in rates] if rates else None)
        integers = trained.integers()
        images = hardware.real_images(trained, events, data).images
        source: firmware.IntegerNetwork | firmware.Circuit = integers
        if target.traced:
            step("tracing the circuit")
            codes = [integers.threshold_code(score) for score in points.values()] if rates else []
            source = firmware.trace(integers, codes)
        folder = output or Path("firmware") / f"{trained.id}-{to}"
        step(f"writing {folder}")
        project = firmware.export(source, folder, to, images, clock=clock, part=part, thresholds=points)
    out.print(f"{folder}: {project.summary}; begin with {folder}/README.md", markup=False, soft_wrap=True)


def verify(
    run: RunName,
    tools: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="What checks, in this order: any of alkaid, verilator, ghdl, hls, keras, "
            "hls4ml, qonnx, onnxruntime. Default: all.",
        ),
    ] = None,
    projects: Annotated[
        list[Path] | None,
        typer.Option(
            "--project",
            help="Also an exported project in verilog, vhdl or hls, as it lies there; may be given again. "
            "Without --with, nothing else is then checked but the tracer.",
        ),
    ] = None,
    events: Annotated[int, typer.Option(help="Real images, spread over the test split.", min=1)] = 1000,
    clock: Clock = 200.0,
    data: DataFile = None,
    root: Root = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Check that every level gives the same bits: training graph, traced circuit, simulated Verilog and VHDL.

    Real images and adversarial ones go through each. The training graph adds in float32 and may differ, which is
    reported; below it a single mismatch fails, and the exit code is 1. A tool that is missing is skipped, and nothing
    passes without a tool. `--project FOLDER` checks a project that was exported before: of one that differs, the line
    of its sources that is not as exported is named.

    Of a network of 400 000 LUTs, Verilator takes some minutes to compile and then no time for any number of images,
    GHDL a second for three of them: for many events, `--with alkaid,verilator`.
    """
    from narrowgate import firmware, hardware

    with _steps() as step:
        trained = hardware.trained_network(root, run)
        real = hardware.real_images(trained, events, data)
        result = firmware.verify(
            trained.integers(),
            real.images,
            graph=trained.graph,
            tools=None if tools is None else [word.strip() for word in tools.split(",") if word.strip()],
            thresholds=trained.working_points(),
            clock=clock,
            projects=[firmware.Exported.open(folder) for folder in projects or ()],
            progress=step,
        )
    show_content(result.as_dict() if as_json else firmware.render_verification(result, title=trained.title), as_json)
    if not as_json:
        for sentence in _differences(result, real):
            out.print(sentence, markup=False)
    if not result.passed:
        raise typer.Exit(1)


def synth(
    run: RunName,
    tool: Annotated[
        str | None,
        typer.Option(help="yosys, vivado or vitis. Default: Vivado where it is on the PATH, else Yosys."),
    ] = None,
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="Stop the tool after this time: `90s`, `30m`, `1h30m`.")
    ] = "30m",
    output: Annotated[
        Path | None, typer.Option(help="A new folder in which project, netlist statistics and log stay. Default: none.")
    ] = None,
    part: PartName = "VU13P",
    clock: Clock = 200.0,
    data: DataFile = None,
    root: Root = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Synthesise a run's circuit out of context, and put the tool's count beside the traced one and the estimate.

    Needs the extra `rtl` and a tool. Yosys synthesises for UltraScale+, whatever the part: 100 000 LUTs take some
    minutes and some gigabytes. Vivado places and routes the Verilog, Vitis the C++: allow hours for it.
    """
    from narrowgate import firmware, hardware

    seconds = seconds_of(time_limit)
    device = firmware.find_part(part).name
    chosen = firmware.find_synthesiser(tool)
    with _steps() as step, TemporaryDirectory() as aside:
        trained = hardware.trained_network(root, run)
        integers = trained.integers()
        images = hardware.real_images(trained, 100, data).images
        step("tracing the circuit")
        circuit = firmware.trace(integers)
        folder = output or Path(aside) / "project"
        project = firmware.export(circuit, folder, chosen.targets[0], images, clock=clock, part=device)
        step(f"{chosen.title} begins")
        found = firmware.synthesise(
            project,
            tool=chosen.name,
            seconds=seconds,
            progress=lambda name: step(f"{chosen.title}, at most {time_limit}: {name}"),
        )
        costs = firmware.cost(integers, clock=clock, circuit=circuit), firmware.cost(integers, clock=clock)
    if as_json:
        show_content(found.as_dict() | {"traced": costs[0].as_dict(), "estimated": costs[1].as_dict()}, as_json)
    else:
        show_content(firmware.render_synthesis(found, *costs, title=trained.title), as_json)


def _steps() -> AbstractContextManager[Callable[[str], None]]:
    return step_progress(Console(stderr=True))


def _differences(result: Verification, real: RealImages) -> Iterator[str]:
    """A sentence for each level that differs, and one if nothing was checked."""
    for level in result.levels:
        if level.first is None:
            continue
        if level.first < result.real:
            image = f"event {real.events[level.first]} of the test split"
        else:
            image = f"adversarial image {level.first - result.real}"
        behind = f", behind {level.layer}" if level.layer else ""
        yield f"{level.name} differs first at image {level.first} ({image}){behind}."
    if not result.passed and all(level.status in ("reported", "skipped") for level in result.levels):
        yield "Nothing was verified: no level below the training graph was run."
