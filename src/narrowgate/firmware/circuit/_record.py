"""What a circuit's project says of itself, in `narrowgate.json`: enough to run it again later, and to find a fault."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narrowgate.files import write_json
from narrowgate.firmware.circuit._ports import Port
from narrowgate.integers import FirmwareError, IntegerLayer, IntegerNetwork

FILE = "narrowgate.json"


@dataclass(frozen=True)
class Record:
    """`clock` is in MHz, `latency` in clocks, `part` a name of ours; the ports are those of the circuit.

    `decisions` maps the words of each bit of a circuit that decides to its integer threshold, and is empty for one that
    gives the logit; `layers` holds a digest of every layer's integers.
    """

    target: str
    clock: float
    part: str
    latency: int
    inputs: Port
    outputs: Port
    decisions: Mapping[str, int]
    layers: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Into a project's folder."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Record:
        """From a project's folder.

        Raises:
            FirmwareError: there is none, or it cannot be read.
        """
        try:
            found: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
            inputs, outputs = (Port(**found.pop(name)) for name in ("inputs", "outputs"))
            return cls(**found, inputs=inputs, outputs=outputs)
        except FileNotFoundError:
            raise FirmwareError(
                f"{folder} has no {FILE}, so it is no project that `narrowgate export` wrote in verilog, vhdl or hls."
            ) from None
        except (ValueError, TypeError, KeyError) as error:
            raise FirmwareError(f"{folder / FILE} cannot be read ({error}); export the project anew.") from error


def digests(network: IntegerNetwork) -> dict[str, str]:
    """Of each layer's integers, by its name: codes, formats and shape."""
    return {layer.name: _digest(layer) for layer in network}


def _digest(layer: IntegerLayer) -> str:
    weights = (
        [layer.kernel_format] if layer.kernel_format == layer.bias_format else [layer.kernel_format, layer.bias_format]
    )
    formats = layer.layer, *weights, layer.normalisation_format, layer.activation
    found = hashlib.sha256(repr(formats).encode())
    for codes in (layer.kernel, layer.bias, layer.factor, layer.term):
        found.update(b"none" if codes is None else np.ascontiguousarray(codes, np.int64).tobytes())
    return found.hexdigest()[:16]
