from __future__ import annotations

import numpy as np
import pytest

from narrowgate.events import DatasetError, Geometry


def test_uniform_towers_span_eta_and_the_whole_of_phi() -> None:
    geometry = Geometry.uniform(20, 12)
    assert geometry.shape == (20, 12, 1)
    np.testing.assert_allclose(np.diff(geometry.eta_edges), 0.5)
    np.testing.assert_allclose(np.degrees(np.diff(geometry.phi_edges)), 30.0)
    assert geometry.eta_edges[0] == -5.0


def test_geometries_are_equal_when_their_edges_and_channels_are() -> None:
    assert Geometry.uniform(20, 12) == Geometry.uniform(20, 12)
    assert Geometry.uniform(20, 12) != Geometry.uniform(20, 12, eta=(-3, 3))
    assert Geometry.uniform(20, 12) != Geometry.uniform(20, 12, channels=("a", "b"))


@pytest.mark.parametrize("edges", [[0.0], [0.0, 0.0], [1.0, 0.0], [0.0, np.nan], [[0.0, 1.0]]])
def test_edges_that_do_not_rise_are_refused(edges: list[float]) -> None:
    with pytest.raises(DatasetError, match="η edges"):
        Geometry(edges, np.linspace(-3, 3, 4))  # type: ignore[arg-type]


def test_every_channel_needs_a_name() -> None:
    with pytest.raises(DatasetError, match="name for every channel"):
        Geometry.uniform(2, 2, channels=())
