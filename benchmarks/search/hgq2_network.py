"""The notebook's network in HGQ2 (Keras 3), with the formats that a configuration gives."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from typing import Any

import keras
import numpy as np
from hgq.config import LayerConfigScope, QuantizerConfig
from hgq.layers import QBatchNormalization, QConv2D, QDense
from hgq.quantizer import Quantizer

PIXEL = 2.0**-6


def fixed_format(width: int, integer: int, *, signed: bool, place: str) -> QuantizerConfig:
    """The format (W, I), rounding half to even and saturating, one for a whole tensor and not trained."""
    fraction = width - integer - signed
    frozen = {"i0": integer, "f0": fraction, "trainable": False, "ic": None, "fc": None, "ir": None, "fr": None}
    modes = {"round_mode": "RND_CONV", "overflow_mode": "SAT", "heterogeneous_axis": ()}
    return QuantizerConfig("kif", place, k0=signed, **frozen, **modes)


def given_network(shape: tuple[int, ...], wanted: dict[str, Any]) -> keras.Model:
    """The network of `space.network` with exactly its formats, as `qkeras_peer.network` makes it in QKeras."""
    precision = wanted["precision"]

    def weights(name: str) -> dict[str, QuantizerConfig]:
        width, integer = precision[name]
        return {
            "kq_conf": fixed_format(width, integer, signed=True, place="weight"),
            "bq_conf": fixed_format(width, integer, signed=True, place="bias"),
        }

    def hidden(x: Any) -> Any:
        if wanted["batch_norm"]:
            x = QBatchNormalization(**weights("batchnorm"))(x)
        return keras.layers.ReLU()(x)

    def activated(x: Any) -> Any:
        return Quantizer(fixed_format(*precision["activation"], signed=False, place="datalane"))(x)

    def dropped(x: Any) -> Any:
        return keras.layers.Dropout(wanted["dropout"])(x) if wanted["dropout"] else x

    with LayerConfigScope(enable_ebops=False, enable_iq=False, enable_oq=False):
        image = x = keras.layers.Input(shape)
        for filters in wanted["filters"]:
            x = hidden(QConv2D(filters, 3, padding="same", **weights("conv"))(x))
            x = activated(keras.layers.MaxPooling2D(2)(x))
        x = keras.layers.Flatten()(x)
        for units in wanted["units"]:
            x = activated(hidden(QDense(units, **weights("dense"))(dropped(x))))
        return keras.Model(image, QDense(1, **weights("dense"))(dropped(x)))


class Balanced(keras.utils.PyDataset):  # type: ignore[misc, unused-ignore]
    """Batches for one epoch, half signal and half background, drawn with replacement."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, size: int, steps: int, seed: int) -> None:
        super().__init__()
        self.classes = [images[labels == label].astype(np.float32) * np.float32(PIXEL) for label in (1, 0)]
        self.half, self.steps = size // 2, steps
        self.truth = np.repeat(np.array([1, 0], np.float32), self.half)[:, None]
        self.random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = [events[self.random.integers(0, len(events), self.half)] for events in self.classes]
        return np.concatenate(chosen), self.truth
