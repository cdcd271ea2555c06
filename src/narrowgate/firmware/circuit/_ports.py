"""The pins of the circuit: how an image and the logit lie on them, and thresholds in the integers found there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from narrowgate.firmware._tools import UnsuitableToolError
from narrowgate.firmware.circuit._trace import Circuit
from narrowgate.integers import FirmwareError, Images, Integers, evaluate, input_codes


@dataclass(frozen=True)
class Port:
    """`elements` numbers side by side, each of `width` bits; element 0 has the lowest bits. One unit is 2^-fraction."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # records of projects are read with these limits

    name: Annotated[str, Field(max_length=100)]
    elements: Annotated[int, Field(ge=1, le=10**6)]
    width: Annotated[int, Field(ge=1, le=1000)]
    signed: bool
    fraction: Annotated[int, Field(ge=-1000, le=1000)]

    @property
    def bits(self) -> int:
        """Of the whole port."""
        return self.elements * self.width


def input_port(circuit: Circuit) -> Port:
    """The image: pixels in the order (row, column, channel), each an unsigned code of the input's format."""
    format = circuit.network.input_format
    return Port("model_inp", int(np.prod(circuit.network.image)), format.width, False, format.fraction)


def output_port(circuit: Circuit) -> Port:
    """The logit in two's complement, or one bit for each decision.

    Raises:
        UnsuitableToolError: the network gives the same output for every image, so there is nothing to build.
    """
    scale = 0 if circuit.thresholds else circuit.scale
    signed, integer, fraction = (np.array(part, int).max() for part in circuit.logic.out_kifs)
    if any(interval.min == interval.max for interval in circuit.logic.out_qint):
        what = "A decision" if circuit.thresholds else "The network's output"
        raise UnsuitableToolError(f"{what} is the same for every image; there is no circuit to build.")
    return Port(
        "model_out", circuit.logic.shape[1], int(signed + integer + fraction), bool(signed), int(fraction) + scale
    )


def input_words(circuit: Circuit, images: Images) -> list[str]:
    """Each image as the hexadecimal number on the input port."""
    return _words(input_codes(circuit.network, images).reshape(len(images), -1), input_port(circuit))


def expected_words(circuit: Circuit, images: Images) -> list[str]:
    """What the output port must show for each image, by the exact integers."""
    port = output_port(circuit)
    codes = evaluate(circuit.network, images)
    if circuit.thresholds:
        return _words(decisions(circuit, codes), port)
    return _words(codes[:, None] >> (circuit.network.output.fraction - port.fraction), port)


def decisions(circuit: Circuit, codes: Integers) -> NDArray[np.int64]:
    """`logit > threshold` for each of the circuit's thresholds, shape (events, thresholds)."""
    return (codes[:, None] > np.array(circuit.thresholds)).astype(np.int64)


def output_codes(circuit: Circuit, words: list[str]) -> NDArray[np.int64]:
    """What was on the output port as logit codes (events,), or decisions (events, thresholds).

    Raises:
        FirmwareError: a word is no number: bits that are not defined, as a simulator writes them.
    """
    port = output_port(circuit)
    for number, word in enumerate(words):
        if not set(word.lower()) <= set("0123456789abcdef"):
            raise FirmwareError(f"The circuit's output is {word[:40]!r} for image {number}: bits that nothing drives.")
    found = np.array([[_element(int(word, 16), index, port) for index in range(port.elements)] for word in words])
    if circuit.thresholds:
        return found
    return found[:, 0] << (circuit.network.output.fraction - port.fraction)


def port_threshold(circuit: Circuit, threshold: float) -> int:
    """The integer `t` such that `output port > t` is `score > threshold`, exactly."""
    drop = circuit.network.output.fraction - output_port(circuit).fraction
    return circuit.network.threshold_code(threshold) >> drop


def _words(values: NDArray[np.int64], port: Port) -> list[str]:
    digits = -(-port.bits // 4)
    mask = (1 << port.width) - 1
    return [
        f"{sum((int(value) & mask) << (port.width * index) for index, value in enumerate(row)):0{digits}x}"
        for row in values
    ]


def _element(word: int, index: int, port: Port) -> int:
    value = (word >> (port.width * index)) & ((1 << port.width) - 1)
    return value - (1 << port.width) if port.signed and value >> (port.width - 1) else value
