"""Field-programmable gate arrays by name, with what they hold."""

from dataclasses import dataclass

from narrowgate.integers._errors import FirmwareError


@dataclass(frozen=True)
class Part:
    """A device: `order_code` is what synthesis tools call it, the rest is what it holds."""

    name: str
    order_code: str
    luts: int
    flip_flops: int
    dsps: int


PARTS = {
    part.name: part
    for part in (
        Part("VU13P", "xcvu13p-flga2577-2-e", 1_728_000, 3_456_000, 12_288),
        Part("VU9P", "xcvu9p-flga2104-2-e", 1_182_240, 2_364_480, 6_840),
        Part("KU115", "xcku115-flvf1924-2-e", 663_360, 1_326_720, 5_520),
        Part("7VX690T", "xc7vx690tffg1927-2", 433_200, 866_400, 3_600),
    )
}
"""What a device holds is the row "Available" of Vivado's and Vitis HLS's reports for it, as published in public
repositories; for the 7VX690T, whose 108 300 slices have 4 LUTs and 8 flip-flops each (UG474), that of its LUTs. Order
codes are those that public trigger projects synthesise for: VU13P is hls4ml's default, KU115 and 7VX690T are the
devices of CMS' Serenity and MP7 boards, VU9P in this package that of the VCU118, there in speed grade -2L."""


def find_part(name: str) -> Part:
    """The part of this name, in whatever case it is written.

    Raises:
        FirmwareError: it is not known.
    """
    if name.upper() not in PARTS:
        raise FirmwareError(f"The part {name!r} is not known; allowed are {', '.join(PARTS)}.")
    return PARTS[name.upper()]
