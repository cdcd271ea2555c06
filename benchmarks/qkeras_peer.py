"""The QKeras side of the training benchmark: the same network, trained as fast as a Keras user plausibly would.

Runs in the environment `qkeras` (tensorflow 2.15, qkeras 0.9): `qkeras_peer.py JSON`, where JSON is an object with

- `data`: an NPZ file with `images` (N, rows, columns, channels), unsigned integers, and `labels` (N,), 0 or 1;
- `pixel`: what one count of an image stands for at the network's input (default 2^-6, i.e. unsigned (10,4));
- `filters`, `units`: of the convolutions (3×3, same, then 2×2 max-pool) and of the hidden dense layers;
- `batch_norm`: whether every hidden layer is followed by `QBatchNormalization`;
- `dropout`: the rate on the inputs of every dense layer, 0 for none;
- `precision`: the formats `conv`, `dense`, `batchnorm`, `activation` as [W, I], or null for float;
- `batch_size`, `learning_rate`, `warm_up_steps` (not timed), `steps` and `repeats` (that many steps are timed that many
  times, and the fastest counts: the one least disturbed by what else the machine does);
- `loop`: "fit-many" (`model.fit` with `steps_per_execution`, 50 steps in one call of the graph; the fastest, and the
  default here), "fit" (one step a call, Keras' own default) or "fit-xla" (50 steps a call and `jit_compile=True`).

Prints one JSON object on stdout: `events_per_second` in steady state, `tracing_seconds` (building the model and its
first call), `seconds` (of the fastest repeat), `cores_used` (processor time over wall time in it), `loss` (its mean),
`loop` and the versions.
"""

import json
import sys
import time
from typing import Any

import numpy as np
import qkeras
import tensorflow as tf
from qkeras import QActivation, QBatchNormalization, QConv2D, QDense, quantized_bits, quantized_relu
from tensorflow.keras import layers

DEFAULTS: dict[str, Any] = {
    "pixel": 2.0**-6,
    "filters": [4, 8],
    "units": [64],
    "batch_norm": False,
    "dropout": 0.0,
    "precision": {"conv": [12, 2], "dense": [12, 2], "batchnorm": [12, 2], "activation": [12, 2]},
    "batch_size": 256,
    "learning_rate": 0.002,
    "warm_up_steps": 100,
    "steps": 200,
    "repeats": 3,
    "loop": "fit-many",
}
STEPS_PER_CALL = 50


def weight_format(entry: list[int] | None) -> Any:
    return entry and quantized_bits(*entry, alpha=1)


def hidden(x: Any, entry: list[int] | None, options: dict[str, Any]) -> Any:
    """What follows every hidden layer: batch normalisation if asked for, and the quantised ReLU."""
    precision = options["precision"]
    if options["batch_norm"]:
        if precision["batchnorm"]:
            names = ("beta", "gamma", "mean", "variance")
            formats = {f"{name}_quantizer": weight_format(precision["batchnorm"]) for name in names}
            x = QBatchNormalization(**formats)(x)
        else:
            x = layers.BatchNormalization()(x)
    return QActivation(quantized_relu(*entry))(x) if entry else layers.ReLU()(x)


def dropped(x: Any, rate: float) -> Any:
    return layers.Dropout(rate)(x) if rate else x


def network(shape: tuple[int, ...], options: dict[str, Any]) -> tf.keras.Model:
    """The notebook's network: convolutions, dense layers and one linear logit."""
    precision = options["precision"]
    conv, dense, activation = (precision[name] for name in ("conv", "dense", "activation"))
    image = x = layers.Input(shape)
    for filters in options["filters"]:
        formats = {"kernel_quantizer": weight_format(conv), "bias_quantizer": weight_format(conv)}
        x = QConv2D(filters, 3, padding="same", **formats)(x)
        x = layers.MaxPooling2D(2)(hidden(x, activation, options))
    x = layers.Flatten()(x)
    formats = {"kernel_quantizer": weight_format(dense), "bias_quantizer": weight_format(dense)}
    for units in options["units"]:
        x = hidden(QDense(units, **formats)(dropped(x, options["dropout"])), activation, options)
    return tf.keras.Model(image, QDense(1, **formats)(dropped(x, options["dropout"])))


def batches(images: np.ndarray, labels: np.ndarray, options: dict[str, Any]) -> tf.data.Dataset:
    """Endless shuffled batches from memory: each epoch's order is drawn at once and whole batches are gathered.

    This costs a quarter of the processor time of `from_tensor_slices(...).cache().shuffle(...).batch(...)`.
    """
    size, count = options["batch_size"], len(labels) // options["batch_size"]
    parts = tf.constant(images, tf.float32) * options["pixel"], tf.constant(labels, tf.float32)

    def epoch(_: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.shuffle(tf.range(len(labels)))
        return tf.data.Dataset.from_tensor_slices(tf.reshape(order[: count * size], (count, size)))

    order = tf.data.Dataset.range(1).repeat().flat_map(epoch)
    return order.map(lambda chosen: tuple(tf.gather(part, chosen) for part in parts)).prefetch(tf.data.AUTOTUNE)


def timed(model: tf.keras.Model, data: tf.data.Dataset, steps: int) -> tuple[float, float, float]:
    """Wall time in seconds, processor time over wall time, and mean loss of `steps` steps."""
    wall, processor = time.perf_counter(), time.process_time()
    history = model.fit(data, steps_per_epoch=steps, verbose=0).history
    seconds = time.perf_counter() - wall
    return seconds, (time.process_time() - processor) / seconds, history["loss"][0]


def train(options: dict[str, Any]) -> dict[str, Any]:
    """Build, trace and warm up; then time."""
    with np.load(options["data"]) as file:
        images, labels = file["images"], file["labels"]
    data = batches(images, labels, options)
    many = options["loop"] != "fit"
    started = time.perf_counter()
    model = network(images.shape[1:], options)
    model.compile(
        tf.keras.optimizers.Adam(options["learning_rate"]),
        tf.keras.losses.BinaryCrossentropy(from_logits=True),
        steps_per_execution=STEPS_PER_CALL if many else 1,
        jit_compile=options["loop"] == "fit-xla",
    )
    first = STEPS_PER_CALL if many else 1
    model.fit(data, steps_per_epoch=first, verbose=0)
    traced = time.perf_counter()
    model.fit(data, steps_per_epoch=options["warm_up_steps"], verbose=0)
    seconds, cores, loss = min(timed(model, data, options["steps"]) for _ in range(options["repeats"]))
    return {
        "events_per_second": options["steps"] * options["batch_size"] / seconds,
        "tracing_seconds": traced - started,
        "seconds": seconds,
        "cores_used": cores,
        "loss": loss,
        "loop": options["loop"],
        "tensorflow": tf.__version__,
        "qkeras": qkeras.__version__,
    }


if __name__ == "__main__":
    print(json.dumps(train(DEFAULTS | json.loads(sys.argv[1]))))
