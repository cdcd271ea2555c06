"""The hls4ml project, in C simulation by g++."""

from __future__ import annotations

from narrowgate.firmware._export import export
from narrowgate.firmware._tool import Job, Outcome, Tool, scratch
from narrowgate.firmware._tools import program
from narrowgate.firmware.hls4ml._project import behind_layers, simulate
from narrowgate.integers import Images, Integers, find_part

_PART = "VU13P"  # C simulation is the same for any


def simulated(job: Job, images: Images) -> Outcome:
    """What the exported project's own test bench finds."""
    program("g++", "C simulation")
    with scratch() as folder:
        codes = simulate(export(job.network, folder, "hls4ml", images, clock=job.clock, part=_PART).folder)

    def layers(few: Images) -> dict[str, Integers]:
        with scratch() as aside:
            return behind_layers(job.network, few, aside, find_part(_PART), job.clock)

    return Outcome(codes, layers, "generated sources (a fresh C simulation agrees in every layer)")


HLS4ML = Tool("hls4ml", "C simulation of the hls4ml project", simulated)
