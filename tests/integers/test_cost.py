"""Costs: counts against loops over the unrolled network, what zero weights cost, and the totals."""

import json

import numpy as np
import pytest
from rich.console import Console

from narrowgate.firmware import render_cost
from narrowgate.integers import (
    PARTS,
    FirmwareError,
    cost,
    cost_of_configuration,
    count,
    integer_network,
    signed_digits,
    span,
)
from narrowgate.network import Convolution

from .integers_example import configuration, random_weights

IMAGE = (7, 6, 2)


def naf_digits(code: int) -> int:
    """Non-zero digits of the non-adjacent form, by its textbook algorithm."""
    code, digits = abs(code), 0
    while code:
        if code % 2:
            code -= 2 - code % 4
            digits += 1
        code //= 2
    return digits


def test_signed_digits_and_spans_of_every_small_code() -> None:
    codes = np.arange(-3000, 3000)
    assert signed_digits(codes).tolist() == [naf_digits(int(code)) for code in codes]
    assert span(codes).tolist() == [len(bin(abs(int(code)))[2:].strip("0")) for code in codes]


@pytest.mark.parametrize(("kernel", "pool"), [(3, 2), (5, 1), (2, 3), (1, 1), (5, 4)])
def test_multiplications_and_ebops_are_those_of_the_unrolled_convolution(kernel: int, pool: int) -> None:
    found = configuration("(4,1)", filters=[3], kernels=[kernel], pools=[pool], units=[])
    layer = integer_network(found, random_weights(found, IMAGE), IMAGE).layers[0]
    assert isinstance(layer.layer, Convolution)
    multiplications = bits = 0
    before = (kernel - 1) // 2
    kept_rows, kept_columns = (size // pool * pool for size in IMAGE[:2])
    for row, column in np.ndindex(kept_rows, kept_columns):
        for up, left in np.ndindex(kernel, kernel):
            if 0 <= row + up - before < IMAGE[0] and 0 <= column + left - before < IMAGE[1]:
                weights = layer.kernel[up, left].reshape(-1)
                multiplications += int(np.count_nonzero(weights))
                bits += int(span(weights).sum()) * found.precision.pixel.width
        bits += int(span(layer.bias).sum())
    counted = count(layer)
    assert (counted.multiplications, counted.ebops) == (multiplications, bits)


def magnitude_bits(low: int, high: int) -> int:
    """Of the largest number from `low` to `high`, its sign aside."""
    return max(len(bin(-low - 1)[2:]) if low < -1 else 0, len(bin(high)[2:]) if high > 0 else 0)


@pytest.mark.parametrize("batch_norm", ["off", "hidden", "all"])
@pytest.mark.parametrize("pools", [[2, 1], [1, 3]])
def test_the_layers_ebops_add_up_to_the_total_and_are_those_of_loops_over_the_circuit(
    batch_norm: str, pools: list[int]
) -> None:
    found = configuration("(5,1)", filters=[2, 3], kernels=[3, 2], pools=pools, units=[4], batch_norm=batch_norm)
    network = integer_network(found, random_weights(found, IMAGE), IMAGE)
    expected, shares = {}, {}
    for layer in network:
        shape, total, share = layer.layer, 0, 0
        ranges = list(zip(layer.inputs.low, layer.inputs.high, strict=True))
        if isinstance(shape, Convolution):
            before = (shape.kernel - 1) // 2
            rows, columns, filters = shape.output_shape
            for row, column in np.ndindex(rows * shape.pool, columns * shape.pool):
                for up, left, channel in np.ndindex(shape.kernel, shape.kernel, shape.channels):
                    if 0 <= row + up - before < shape.rows and 0 <= column + left - before < shape.columns:
                        weights = layer.kernel[up, left, channel]
                        total += magnitude_bits(*ranges[channel]) * int(span(weights).sum())
                total += int(span(layer.bias).sum())
            behind = rows * columns
        else:
            for index, weights in enumerate(layer.kernel):
                total += magnitude_bits(*ranges[index % len(ranges)]) * int(span(weights).sum())
            total += int(span(layer.bias).sum())
            behind, filters = 1, shape.outputs
        if layer.factor is not None and layer.term is not None:
            for output in range(filters):
                bits = magnitude_bits(layer.sums.low[output], layer.sums.high[output])
                share += behind * int(bits * span(layer.factor)[output] + span(layer.term)[output])
        expected[layer.name], shares[layer.name] = total + share, share
    told = cost(network).as_dict()
    assert {layer["name"]: layer["ebops"] for layer in told["layers"]} == expected
    assert {layer["name"]: layer["normalisation_ebops"] for layer in told["layers"]} == shares
    for what in ("ebops", "multiplications", "weight_bits", "normalisation_bits", "luts"):
        assert told[what] == pytest.approx(sum(layer[what] for layer in told["layers"])), what
    assert told["activation_bits"] == told["input_bits"] + sum(layer["activation_bits"] for layer in told["layers"])


def test_weights_that_round_to_zero_cost_nothing() -> None:
    found = configuration("(6,1)")
    weights = random_weights(found, IMAGE)
    small = weights | {"dense0.kernel": weights["dense0.kernel"] * np.float32(1e-4)}
    layer = cost(integer_network(found, small, IMAGE)).layers[2]
    assert (layer.counts.name, layer.counts.multiplications, layer.counts.digits) == ("dense0", 0, 0)
    assert layer.counts.weight_bits == 6 * np.count_nonzero(np.rint(small["dense0.bias"] * 16))
    whole = cost(integer_network(found, weights, IMAGE)).layers[2]
    assert whole.counts.multiplications > 0
    assert layer.luts < whole.luts / 10


def test_batch_norm_costs_memory_and_adders() -> None:
    plain, normalised = (configuration("(6,1)", batch_norm=word) for word in ("off", "all"))
    weights = random_weights(normalised, IMAGE)
    without, with_it = (cost(integer_network(found, weights, IMAGE)) for found in (plain, normalised))
    assert without.normalisation_bits == 0
    assert with_it.normalisation_bits > 0
    assert with_it.weight_bits == without.weight_bits
    assert with_it.ebops > without.ebops


def test_a_faster_clock_needs_more_stages_and_no_less_time() -> None:
    found = configuration("(6,1)")
    network = integer_network(found, random_weights(found, IMAGE), IMAGE)
    slow, fast = cost(network, clock=100.0), cost(network, clock=400.0)
    assert fast.latency_clocks > slow.latency_clocks
    assert fast.flip_flops > slow.flip_flops
    assert fast.latency >= fast.delay
    assert fast.luts == slow.luts


def test_the_cost_of_a_configuration_as_json_and_as_a_table() -> None:
    found = cost_of_configuration(configuration("(6,1)"), IMAGE)
    table = json.loads(json.dumps(found.as_dict()))
    assert table["luts"] == pytest.approx(sum(layer["luts"] for layer in table["layers"]))
    assert set(table["shares"]) == set(PARTS)
    assert table["shares"]["VU13P"]["luts"] == pytest.approx(table["luts"] / 1_728_000)
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render_cost(found))
    assert "VU13P" in console.export_text()
    with pytest.raises(FirmwareError, match="is float"):
        cost_of_configuration(configuration("float"), IMAGE)
