"""QKeras' own values for `conformance.py`. Runs in the environment `qkeras`: `oracle_qkeras.py FOLDER`.

Reads `formats.json` (width, integer, signed) and `values.npy` (float32, formats × values); writes `float32.npy`,
`default.npy` and `float64.npy`, one row a format, NaN where QKeras has no answer:

- `float32`: `quantized_bits(W, I, alpha=1)` or `quantized_relu(W, I)`, with `use_ste=False`: the quantised value q;
- `default`: the same with `use_ste=True`, which returns x + (q - x), rounded to float32 twice;
- `float64`: `quantized_bits` computing in double precision (`quantized_relu` casts to float32, so that unsigned formats
  are `quantized_bits(..., keep_negative=False)`).

The integer bits are passed as a float tensor: QKeras computes `pow(2, integer)` in int32 otherwise, which fails for
negative ones and overflows from 31 on.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from qkeras import quantized_bits, quantized_relu


def in_float32(width: int, integer: int, signed: bool, *, use_ste: bool) -> Any:
    bits = tf.constant(float(integer), tf.float32)
    if signed:
        return quantized_bits(width, bits, alpha=1, use_ste=use_ste)
    return quantized_relu(width, bits, use_ste=use_ste)


def in_float64(width: int, integer: int, signed: bool) -> Any:
    bits = tf.constant(float(integer), tf.float64)
    return quantized_bits(width, bits, alpha=1, keep_negative=signed, use_ste=False)


def main(folder: Path) -> None:
    formats = json.loads((folder / "formats.json").read_text())
    values = np.load(folder / "values.npy")
    pairs = list(zip(formats, values, strict=True))
    for name, use_ste in (("float32", False), ("default", True)):
        answers = [in_float32(*format, use_ste=use_ste)(x).numpy() for format, x in pairs]
        np.save(folder / f"{name}.npy", np.stack(answers))
    tf.keras.backend.set_floatx("float64")
    answers = [in_float64(*format)(x.astype(np.float64)).numpy() for format, x in pairs]
    np.save(folder / "float64.npy", np.stack(answers))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
