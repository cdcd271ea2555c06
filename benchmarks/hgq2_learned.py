"""HGQ2's own way to few bits: bit-widths learned with the weights, one training from which a Pareto front is kept.

Runs in the environment `hgq2` (hgq2 0.2, keras 3 on JAX, alkaid): `hgq2_learned.py JSON`, where JSON is an object with

- `data`: an NPZ file with `<split>_images` and `<split>_labels` of train, validation and test;
- `seconds`: how long it may build and train; `filters`, `units`: of the network, with 2 × 2 pools and ReLU;
- `batch_size`, `steps_per_epoch`, `learning_rate`, `seed`; `beta`: the strength of the penalty on EBOPs at the
  beginning and at the end, logarithmic in time between them;
- `acceptance`: the share of the background that may pass, at which the front's efficiency is taken;
- `trace_most`: how many networks of the front are traced, evenly spread; `folder`: an empty one, for models and scores.

Prints one JSON object: `front`, a list with `ebops`, `efficiency` (validation), `luts` (traced by alkaid, null where it
cannot) and `scores` (a file, of the test split) each; `epochs`, `member_events`, `seconds`, `tracing_seconds`, and the
versions.
"""

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np
from alkaid.converter import trace_model
from alkaid.trace import trace
from hgq.config import LayerConfigScope, QuantizerConfigScope
from hgq.layers import QConv2D, QDense
from hgq.utils import trace_minmax
from hgq.utils.sugar import BetaScheduler, FreeEBOPs, ParetoFront

PIXEL = 2.0**-6
LEAST = 0.5
"""Networks that keep less of the signal are not kept."""


def network(shape: tuple[int, ...], options: dict[str, Any]) -> keras.Model:
    """HGQ2's defaults: a bit-width for every weight and activation, learned; its documentation's scopes."""
    with (
        QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM"),
        QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP"),
        LayerConfigScope(enable_ebops=True, beta0=options["beta"][0]),
    ):
        image = x = keras.layers.Input(shape)
        for filters in options["filters"]:
            x = QConv2D(filters, 3, padding="same", activation="relu")(x)
            x = keras.layers.MaxPooling2D(2)(x)
        x = keras.layers.Flatten()(x)
        for units in options["units"]:
            x = QDense(units, activation="relu")(x)
        return keras.Model(image, QDense(1)(x))


class Batches(keras.utils.PyDataset):  # type: ignore[misc, unused-ignore]
    """An epoch of batches, half signal and half background, drawn with replacement, as narrowgate draws them."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, options: dict[str, Any]) -> None:
        super().__init__()
        self.classes = [images[labels == label] for label in (1, 0)]
        self.half, self.steps = options["batch_size"] // 2, int(options["steps_per_epoch"])
        self.truth = np.repeat(np.array([1, 0], np.float32), self.half)[:, None]
        self.random = np.random.default_rng(options["seed"])

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = [events[self.random.integers(0, len(events), self.half)] for events in self.classes]
        return pixels(np.concatenate(chosen)), self.truth


class Efficiency(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """Puts the validation efficiency into the logs, where `ParetoFront` finds it, and ends the training in time."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, acceptance: float, deadline: float) -> None:
        super().__init__()
        self.images, self.labels, self.acceptance, self.deadline = images, labels, acceptance, deadline
        self.epochs = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Judge the epoch's network on the validation split."""
        self.epochs = epoch + 1
        found = predict(self.model, self.images)
        background = np.sort(found[self.labels == 0])[::-1]
        threshold = background[int(self.acceptance * len(background))]
        logs["efficiency"] = float(np.mean(found[self.labels == 1] > threshold))
        print(f"epoch {epoch + 1}: {logs['efficiency']:.3f} at {logs['ebops']:,.0f} EBOPs", file=sys.stderr)
        if time.perf_counter() > self.deadline:
            self.model.stop_training = True


def pixels(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) * np.float32(PIXEL)


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [
            model.predict(pixels(images[start : start + 16384]), batch_size=4096, verbose=0)[:, 0]
            for start in range(0, len(images), 16384)
        ]
    )


def train(data: dict[str, np.ndarray], options: dict[str, Any]) -> tuple[ParetoFront, int, float]:
    """The front, the number of epochs, and the seconds that building and training took."""
    started = time.perf_counter()
    keras.utils.set_random_seed(options["seed"])
    first, last = options["beta"]

    def beta(epoch: int) -> float:
        share = min((time.perf_counter() - started) / options["seconds"], 1.0)
        return float(first * (last / first) ** share)

    model = network(data["train_images"].shape[1:], options)
    model.compile(
        keras.optimizers.Adam(options["learning_rate"]),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=True,
    )
    judge = Efficiency(
        data["validation_images"], data["validation_labels"], options["acceptance"], started + options["seconds"]
    )
    front = ParetoFront(
        Path(options["folder"]), ["efficiency", "ebops"], [1, -1], enable_if=lambda logs: logs["efficiency"] > LEAST
    )
    batches = Batches(data["train_images"], data["train_labels"], options)
    model.fit(batches, epochs=100_000, callbacks=[BetaScheduler(beta), FreeEBOPs(), judge, front], verbose=0)
    return front, judge.epochs, time.perf_counter() - started


def luts(model: keras.Model) -> float | None:
    """What alkaid counts; `None` where it fails, as 0.8.2 does on a layer some of whose windows are all constant."""
    try:
        inputs, outputs = trace_model(model, solver_options={"search_all_decompose_dc": False})
        return float(trace(inputs, outputs).cost)
    except (StopIteration, AssertionError) as error:
        print(f"not traced: {error!r}", file=sys.stderr)
        return None


def main(options: dict[str, Any]) -> dict[str, Any]:
    with np.load(options["data"]) as file:
        data = {name: file[name] for name in file.files}
    front, epochs, seconds = train(data, options)
    kept = sorted(zip(front.record, front.paths, strict=True), key=lambda one: float(one[0][1]))
    chosen = np.unique(np.linspace(0, len(kept) - 1, min(len(kept), options["trace_most"])).round().astype(int))
    rows, tracing = [], 0.0
    for index in chosen:
        (efficiency, _), path = kept[index]
        model = keras.models.load_model(path)
        # The integer bits of what wraps are set to hold all that training images give, as HGQ2's documentation asks.
        ebops = trace_minmax(model, pixels(data["train_images"]), batch_size=4096, verbose=False)
        scores = Path(options["folder"]) / f"{index}.npy"
        np.save(scores, predict(model, data["test_images"]))
        started = time.perf_counter()
        rows.append(
            {"ebops": float(ebops), "efficiency": float(efficiency), "luts": luts(model), "scores": str(scores)}
        )
        tracing += time.perf_counter() - started
    return {
        "front": rows,
        "on_front": len(kept),
        "epochs": epochs,
        "member_events": epochs * options["steps_per_epoch"] * options["batch_size"],
        "seconds": seconds,
        "tracing_seconds": tracing,
        "versions": ", ".join(f"{name} {version(name)}" for name in ("HGQ2", "keras", "jax", "alkaid")),
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
