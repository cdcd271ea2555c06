import pytest

from narrowgate.network import Configuration, ConfigurationError, layers


def shapes(**network: object) -> dict[str, tuple[int, ...]]:
    return layers(Configuration.parse({"network": network}).network, (20, 12, 1)).weight_shapes()


def test_the_notebooks_network() -> None:
    assert shapes() == {
        "conv0.kernel": (3, 3, 1, 4),
        "conv0.bias": (4,),
        "conv1.kernel": (3, 3, 4, 8),
        "conv1.bias": (8,),
        "dense0.kernel": (5 * 3 * 8, 64),
        "dense0.bias": (64,),
        "output.kernel": (64, 1),
        "output.bias": (1,),
    }


@pytest.mark.parametrize(
    ("batch_norm", "normalised"),
    [("off", set()), ("hidden", {"conv0", "dense0"}), ("all", {"conv0", "dense0", "output"})],
)
def test_where_batch_norm_stands(batch_norm: str, normalised: set[str]) -> None:
    found = layers(Configuration.parse({"network": {"filters": [4], "batch_norm": batch_norm}}).network, (20, 12, 1))
    assert {layer.name for layer in found if layer.batch_norm} == normalised
    assert {name.split(".")[0] for name in found.statistics_shapes()} == normalised


def test_rows_that_fill_no_pool_are_dropped() -> None:
    found = layers(Configuration.parse({"network": {"filters": [4, 4, 4]}}).network, (20, 12, 1))
    assert [layer.output_shape[:2] for layer in found.convolutions] == [(10, 6), (5, 3), (2, 1)]
    assert [layer.as_product for layer in found.convolutions] == [True, True, False]


def test_pools_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="convolution 2 leaves nothing of 4 × 2 pixels"):
        shapes(filters=[4, 4], pools=[5, 3])
