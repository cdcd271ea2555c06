"""The estimated cost beside the traced circuit's."""

import numpy as np
import pytest

from narrowgate.firmware import trace
from narrowgate.integers import cost, integer_network

from ..integers.integers_example import configuration, random_weights

pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")


def test_weights_that_round_to_zero_cost_nothing_in_the_circuit_either() -> None:
    found = configuration("(6,1)", filters=[2], kernels=[3], pools=[2], units=[8])
    weights = random_weights(found, (8, 8, 1))
    pruned = weights | {"dense0.kernel": weights["dense0.kernel"].copy()}
    pruned["dense0.kernel"][8:] *= np.float32(1e-4)
    whole, less = (trace(integer_network(found, one, (8, 8, 1))).luts for one in (weights, pruned))
    assert less < whole * 0.7


def test_the_estimate_is_near_the_trace() -> None:
    found = configuration("(6,1)", filters=[2], kernels=[3], pools=[2], units=[8])
    network = integer_network(found, random_weights(found, (8, 8, 1)), (8, 8, 1))
    estimated, traced = cost(network), cost(network, circuit=trace(network))
    assert traced.traced
    assert estimated.luts == pytest.approx(traced.luts, rel=0.5)
    assert estimated.delay == pytest.approx(traced.delay, rel=0.5)
