"""A Keras 3 model of HGQ2's layers with frozen formats, on JAX, with real events and a script that checks them."""

from __future__ import annotations

import numpy as np

from narrowgate.firmware._target import Order, Project, Target
from narrowgate.firmware._words import decision_words, image_words
from narrowgate.firmware.keras._model import build, float_type, wide_floats
from narrowgate.integers import evaluate

FILE = "narrowgate.keras"

_WIDE = {
    "float32": "",
    "float64": 'import jax\n\njax.config.update("jax_enable_x64", True)  # sums outgrow the 24 bits of a float32\n',
}

_LOAD = """\
import os

os.environ["KERAS_BACKEND"] = "jax"
{wide}import hgq  # the model's layers
import keras
import numpy as np

model = keras.models.load_model("narrowgate.keras")
"""

_CHECK = '''\
"""Predicts the test images and compares with the exact integers. Run it in this folder: `python check.py`."""
{load}
images, expected = np.load("test/images.npy"), np.load("test/logits.npy")
energies = np.ldexp(np.minimum(images, {highest}).astype("{dtype}"), {input})
found = np.ldexp(model.predict(energies, verbose=0)[:, 0].astype("float64"), {fraction})
failed = int((found != expected).sum())
print(f"{{len(images) - failed}} passed, {{failed}} failed")
raise SystemExit(failed > 0)
'''

_README = """# A trigger network by narrowgate, as a Keras model

`{file}` is a Keras 3 model of HGQ2's layers with frozen formats. It adds in {dtype}, in which every one of
its sums is exact: its predictions are those of the hardware, bit for bit, on any machine{otherwise}.

```console
$ pip install keras hgq2 jax
$ python check.py
```

## Load it

```python
{load}
logits = model.predict(counts * 2.0**{input})
```

## What goes in and comes out

{image}
The model takes the worth: count · 2^{input}, as {dtype}.

{decision}

`test/images.npy` holds {events} images in counts, `test/logits.npy` the integers that must come out.

## Layers

A layer's weights lie on their grid already. `image_saturated` and each `…_activation` are quantisers that round half to
even and saturate; without a sign they saturate at zero, and so are the ReLU as well. Batch norm is one factor and one
term per channel, in a `QBatchNormalization` of mean 0 and variance 1. Nothing is trainable.
"""


def write(order: Order) -> Project:
    """Write the model, its test vectors, a script that checks it, and the README.

    Raises:
        FirmwareError: Keras or HGQ2 is missing, or sums reach more than the 53 bits of a float64.
    """
    network = order.network
    model, dtype = build(network), float_type(network)
    (order.folder / "test").mkdir(parents=True)
    with wide_floats(dtype):
        model.save(order.folder / FILE)
    np.save(order.folder / "test/images.npy", order.images)
    np.save(order.folder / "test/logits.npy", evaluate(network, order.images).astype(np.int64))
    load = _LOAD.format(wide=_WIDE[dtype])
    words = {"load": load, "dtype": dtype, "input": -network.count_fraction}
    check = _CHECK.format(highest=network.highest_count, fraction=network.output.fraction, **words)
    (order.folder / "check.py").write_text(check, encoding="utf-8")
    text = _README.format(
        file=FILE,
        image=image_words(network),
        decision=decision_words(network, order.thresholds),
        events=len(order.images),
        otherwise="" if dtype == "float32" else "; loaded without JAX's 64 bits they would be rounded",
        **words,
    )
    (order.folder / "README.md").write_text(text, encoding="utf-8")
    summary = f"{FILE}, exact in {dtype}"
    return Project(order.folder, order.target, len(order.images), order.clock, order.part, summary)


KERAS = Target("keras", "a Keras 3 model of HGQ2's layers, on JAX", False, write)
