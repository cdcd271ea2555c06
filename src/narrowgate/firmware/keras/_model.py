"""The network as a Keras 3 model on JAX, of HGQ2's layers with frozen formats: the same integers, as real numbers.

HGQ2 (Sun et al., arXiv:2405.00645) has quantisers with our rounding and saturation, and hls4ml reads them. A quantiser
without a sign saturates at zero and so is the ReLU as well; batch norm is its factor and term, on their grid, in a
`QBatchNormalization` of mean 0 and variance 1; the output has no quantiser.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware._formats import format_of_activation, format_of_constants
from narrowgate.firmware._tools import UnsuitableToolError, package
from narrowgate.fixedpoint import Codes, Format, Overflow, Rounding
from narrowgate.integers import FirmwareError, Images, IntegerLayer, IntegerNetwork, Integers
from narrowgate.network import Convolution

INPUT = "image"
"""The name of the model's input, and of the quantiser behind it `image_saturated`."""

EVENTS_AT_A_TIME = 1024

_ROUNDING = {Rounding.HALF_EVEN: "RND_CONV", Rounding.HALF_UP: "RND", Rounding.TRUNCATE: "TRN"}
_OVERFLOW = {Overflow.SATURATE: "SAT", Overflow.WRAP: "WRAP"}


def import_keras(purpose: str) -> Any:
    """Keras, on its JAX backend.

    Raises:
        MissingToolError: Keras or HGQ2 is not installed.
        FirmwareError: Keras is on another backend already.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "jax")
    if backend == "jax":
        keras = package("keras", purpose, "hls4ml")
        backend = keras.backend.backend()
    if backend != "jax":
        raise FirmwareError(
            f"Keras is set to {backend}; {purpose} needs JAX. Set KERAS_BACKEND=jax before Python starts."
        )
    package("hgq", purpose, "hls4ml")
    return keras


def float_type(network: IntegerNetwork) -> str:
    """The float in which every sum of the model is exact, in whatever order it is added: "float32" or "float64".

    Raises:
        UnsuitableToolError: sums reach more than the 53 bits of a float64.
    """
    bits, where = max((_bits(layer), layer.name) for layer in network)
    if bits > 53:
        raise UnsuitableToolError(f"Sums of {where} reach {bits} bits; Keras adds in floats, of at most 53 bits.")
    return "float32" if bits <= 24 else "float64"


def build(network: IntegerNetwork, purpose: str = "export to keras") -> Any:
    """The Keras model. It takes images (events, rows, columns, channels) as energies, pixel · lsb, and gives logits.

    The layers of network layer `conv0` are named `conv0`, `conv0_batch_norm`, `conv0_pool`, and `conv0_activation`.

    Raises:
        MissingToolError: Keras or HGQ2 is not installed.
        UnsuitableToolError: sums reach more bits than a float64 has.
    """
    keras = import_keras(purpose)
    dtype = float_type(network)
    with wide_floats(dtype):
        values = inputs = keras.Input(network.image, name=INPUT, dtype=dtype)
        values = _quantiser(network.input_format, f"{INPUT}_saturated", dtype, rounding="TRN")(values)
        for layer in network:
            values = _built(keras, layer, values, dtype)
        model = keras.Model(inputs, values, name="narrowgate")
        model.trainable = False
    return model


def logits(model: Any, network: IntegerNetwork, images: Images) -> Integers:
    """The logit codes (events,) that a model predicts."""
    with wide_floats(float_type(network)):
        found = np.concatenate([np.asarray(model(batch))[:, 0] for batch in _batches(network, images)])
    return codes_of(found, network.output.fraction)


def behind_layers(model: Any, network: IntegerNetwork, images: Images) -> dict[str, Integers]:
    """The output codes of every layer by name, shape (events, …), as `evaluate_layers` gives them."""
    keras = import_keras("verification with keras")
    ends = {layer.name: model.get_layer(last_name(layer)).output for layer in network}
    tapped = keras.Model(model.input, list(ends.values()))
    with wide_floats(float_type(network)):
        parts = [[np.asarray(values) for values in tapped(batch)] for batch in _batches(network, images)]
    found = {}
    for index, layer in enumerate(network):
        values = np.concatenate([part[index] for part in parts])
        found[layer.name] = codes_of(values, layer.outputs.fraction)
    return found


def codes_of(values: NDArray[np.floating[Any]], fraction: int) -> Integers:
    """Real numbers as integers in units of `2^-fraction`; what lies between two of them becomes a code far away."""
    scaled = np.ldexp(values.astype(np.float64), fraction)
    codes: Integers = np.where(scaled == np.rint(scaled), scaled, np.iinfo(np.int64).min / 2).astype(np.int64)
    return codes


def energies(network: IntegerNetwork, images: Images) -> NDArray[np.float64]:
    """Images as the model takes them: what the counts are worth, saturated; its first quantiser drops lower bits."""
    counts = np.minimum(images, network.highest_count).astype(np.float64)
    return np.ldexp(counts, -network.count_fraction)


def last_name(layer: IntegerLayer) -> str:
    """The Keras layer that gives a layer's output."""
    if layer.activation is not None:
        return f"{layer.name}_activation"
    return f"{layer.name}_batch_norm" if normalises(layer) else layer.name


def normalises(layer: IntegerLayer) -> bool:
    """Whether batch norm does anything: a factor that is not 1, or a term that is not 0.

    One that does nothing is left out; hls4ml would remove it, and with it the rounding that it has merged into it.
    """
    if layer.normalisation_format is None or layer.factor is None or layer.term is None:
        return False
    return bool((_real(layer.factor, layer.normalisation_format) != 1).any() or layer.term.any())


@contextmanager
def wide_floats(dtype: str) -> Iterator[None]:
    """JAX with float64 if it is needed."""
    if dtype != "float64":
        yield
        return
    with jax.enable_x64(True):
        yield


def _batches(network: IntegerNetwork, images: Images) -> Iterator[NDArray[np.floating[Any]]]:
    dtype = float_type(network)
    for start in range(0, len(images), EVENTS_AT_A_TIME):
        yield energies(network, images[start : start + EVENTS_AT_A_TIME]).astype(dtype)


def _built(keras: Any, layer: IntegerLayer, values: Any, dtype: str) -> Any:
    hgq = package("hgq.layers", "Keras", "hls4ml")
    shape = layer.layer
    kernel_format, bias_format = format_of_constants(layer.kernel_format), format_of_constants(layer.bias_format)
    formats = {"kq_conf": _frozen(kernel_format, "weight"), "bq_conf": _frozen(bias_format, "weight")}
    plain = {"enable_iq": False, "enable_oq": False, "enable_ebops": False, "dtype": dtype}
    made: Any
    if isinstance(shape, Convolution):
        made = hgq.QConv2D(shape.filters, shape.kernel, padding="same", name=layer.name, **formats, **plain)
    else:
        made = hgq.QDense(shape.outputs, name=layer.name, **formats, **plain)
        if len(values.shape) > 2:
            values = keras.layers.Flatten(name="flatten", dtype=dtype)(values)
    values = made(values)
    made.kernel.assign(_real(layer.kernel, kernel_format))
    made.bias.assign(_real(layer.bias, bias_format))
    if normalises(layer):
        assert layer.normalisation_format is not None
        assert layer.factor is not None
        assert layer.term is not None
        formats = {part: _frozen(layer.normalisation_format, "weight") for part in ("kq_conf", "bq_conf")}
        made = hgq.QBatchNormalization(epsilon=0.0, name=f"{layer.name}_batch_norm", **formats, **plain)
        values = made(values)
        made.bn_gamma.assign(_real(layer.factor, layer.normalisation_format))
        made.bn_beta.assign(_real(layer.term, layer.normalisation_format))
    if isinstance(shape, Convolution) and shape.pool > 1:
        values = keras.layers.MaxPooling2D(shape.pool, name=f"{layer.name}_pool", dtype=dtype)(values)
    activation = format_of_activation(layer, "Keras")
    if activation is not None:
        values = _quantiser(activation, f"{layer.name}_activation", dtype)(values)
    return values


def _quantiser(format: Format, name: str, dtype: str, rounding: str | None = None) -> Any:
    quantizer = package("hgq.quantizer", "Keras", "hls4ml").Quantizer
    return quantizer(_frozen(format, "datalane", rounding), name=name, dtype=dtype)


def _frozen(format: Format, place: str, rounding: str | None = None) -> Any:
    """HGQ2's words for a format: one for the whole tensor, never trained."""
    configuration = package("hgq.quantizer", "Keras", "hls4ml").QuantizerConfig
    return configuration(
        "kif",
        place,
        k0=format.signed,
        i0=format.integer,
        f0=format.fraction,
        round_mode=rounding or _ROUNDING[format.rounding],
        overflow_mode=_OVERFLOW[format.overflow],
        ic=None,
        ir=None,
        fc=None,
        fr=None,
        heterogeneous_axis=(),
        homogeneous_axis=None,
        trainable=False,
    )


def _real(codes: Codes, format: Format) -> NDArray[np.float64]:
    return np.ldexp(codes.astype(np.float64), -format.fraction)


def _bits(layer: IntegerLayer) -> int:
    """Of the widest sum, and of what HGQ2's quantisers compute of a format: 2 to the power of its width."""
    formats = (layer.kernel_format, layer.bias_format, layer.normalisation_format, layer.activation)
    return max(layer.sum_bits, *(format.width + 1 for format in formats if format is not None))
