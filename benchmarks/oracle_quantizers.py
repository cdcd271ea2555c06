"""The values of the `quantizers` package for `conformance.py`, in double precision.

Runs in the environment `quantizers`: `oracle_quantizers.py FOLDER RND_CONV SAT`. Reads `formats.json` (width, integer,
signed) and `values.npy` (float32, formats × values); writes `<ROUNDING>_<OVERFLOW>.npy` (float64), one row a format.
"""

import json
import sys
from pathlib import Path

import numpy as np
from quantizers import get_fixed_quantizer_np  # type: ignore[import-not-found, unused-ignore]


def main(folder: Path, rounding: str, overflow: str) -> None:
    quantiser = get_fixed_quantizer_np(rounding, overflow)
    formats = json.loads((folder / "formats.json").read_text())
    values = np.load(folder / "values.npy", mmap_mode="r")
    result = np.lib.format.open_memmap(
        folder / f"{rounding}_{overflow}.npy", mode="w+", dtype=np.float64, shape=values.shape
    )
    for row, x, (width, integer, signed) in zip(result, values, formats, strict=True):
        row[:] = quantiser(x.astype(np.float64), int(signed), integer, width - integer - int(signed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
