"""What a circuit's project says of itself, in `narrowgate.json`: enough to run it again later, and to find a fault."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from narrowgate.files import FileError, parse_json, read_text, write_json
from narrowgate.firmware.circuit._ports import Port
from narrowgate.integers import FirmwareError, IntegerLayer, IntegerNetwork, find_part

FILE = "narrowgate.json"

VERSION = 1
"""Of the record's form. Records of before it was told have none and are of this form."""

Words = Annotated[str, Field(max_length=200)]
Code = Annotated[int, Field(ge=-(2**62), le=2**62)]


@dataclass(frozen=True)
class Record:
    """`clock` is in MHz, `latency` in clocks, `part` a name of ours; the ports are those of the circuit.

    `decisions` maps the words of each bit of a circuit that decides to its integer threshold, and is empty for one that
    gives the logit; `layers` holds a digest of every layer's integers.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    target: Literal["verilog", "vhdl", "hls"]
    clock: Annotated[float, Field(ge=0.001, le=1e5)]
    part: Words
    latency: Annotated[int, Field(ge=1, le=10**6)]
    inputs: Port
    outputs: Port
    decisions: Annotated[Mapping[Words, Code], Field(max_length=256)]
    layers: Annotated[Mapping[Words, Words], Field(max_length=256)]
    version: int = VERSION

    def write(self, folder: Path) -> None:
        """Into a project's folder."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Record:
        """From a project's folder. Nothing that stands there is trusted: every field has its type and its limits.

        Raises:
            FirmwareError: there is none, it cannot be read, or it is of a newer narrowgate.
        """
        if not (folder / FILE).exists():
            raise FirmwareError(
                f"{folder} has no {FILE}, so it is no project that `narrowgate export` wrote in verilog, vhdl or hls."
            )
        try:
            text = read_text(folder / FILE)
            found = parse_json(text, FILE)
            version = found.get("version", VERSION) if isinstance(found, dict) else VERSION
            if isinstance(version, int) and version > VERSION:
                raise FirmwareError(
                    f"{folder / FILE} is of version {version}; this narrowgate reads up to {VERSION}. Take a newer one."
                )
            record = _READER.validate_json(text)
            find_part(record.part)
        except (FileError, ValidationError) as error:
            raise FirmwareError(f"{folder / FILE} cannot be read: {_reason(error)}. Export the project anew.") from None
        return record


_READER = TypeAdapter(Record)


def _reason(error: FileError | ValidationError) -> str:
    """What is wrong, in the words of the one who looked, at the first place."""
    if isinstance(error, FileError):
        return str(error).rstrip(".")
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"[:300]


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
