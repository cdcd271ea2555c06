import json
from typing import Any

import pytest

from narrowgate.fixedpoint import Format
from narrowgate.network import Configuration, ConfigurationError, LayerFormats, Learned, layer_formats


def test_defaults_are_the_float_baseline() -> None:
    configuration = Configuration()
    assert configuration.network.filters == (4, 8)
    assert configuration.network.units == (64,)
    assert configuration.precision.conv is None
    assert configuration.training.steps == configuration.training.epochs * configuration.training.steps_per_epoch


def test_formats_are_read_in_both_conventions() -> None:
    precision = Configuration.parse(
        {"precision": {"conv": "(12,2)", "dense": "ap_fixed<8,3>", "activation": [16, 6], "input": "10,3"}}
    ).precision
    assert precision.conv == Format(12, 2)
    assert precision.dense == Format(8, 2)
    assert precision.activation == Format(16, 6)
    assert precision.input == Format(10, 3, signed=False)


@pytest.mark.parametrize(
    ("bits", "format"), [(1, "(1,4)"), (10, "(10,4)"), (12, "(12,4)"), (24, "(24,4)"), (32, "(24,4)")]
)
def test_an_input_that_follows_from_the_data_holds_all_counts_of_so_many_bits(bits: int, format: str) -> None:
    configuration = Configuration()
    assert configuration.as_table()["precision"]["input"] == "data"
    found = configuration.for_counts(bits)
    assert found.as_table()["precision"]["input"] == format
    assert found.precision.pixel.code_max == 2 ** min(bits, 24) - 1
    assert found.for_counts(3) == found
    assert Configuration.parse(configuration.as_table()) == configuration


def test_a_stated_input_stays_as_it_is_whatever_the_data() -> None:
    stated = Configuration().with_settings({"precision.input": "(8,4)"})
    assert stated.for_counts(12) == stated
    assert stated.with_settings({"precision.input": "data"}) == Configuration()


def test_one_kernel_and_pool_stand_for_all() -> None:
    network = Configuration.parse({"network": {"filters": [2, 4, 8], "kernels": 5, "pools": 1}}).network
    assert network.kernels == (5, 5, 5)
    assert network.pools == (1, 1, 1)


def test_table_round_trip() -> None:
    configuration = Configuration.parse(
        {"name": "x", "network": {"dropout": 0.2}, "precision": {"conv": "(8,-1)"}, "training": {"seed": 5}}
    )
    table = configuration.as_table()
    assert json.loads(json.dumps(table)) == table
    assert Configuration.parse(table) == configuration


def test_training_sees_no_more_of_a_pixel_than_it_holds_exactly() -> None:
    wide = Configuration.parse({"precision": {"input": "(32,16)"}})
    assert wide.for_counts(24) is wide
    with pytest.raises(ConfigurationError, match="pixels of 25 bits"):
        wide.for_counts(25)


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ({"network": {"filers": [1]}}, "network.filers", "allowed are filters"),
        ({"netwrk": {}}, "netwrk", "allowed are name, network"),
        ({"precision": {"conv": "(0,1)"}}, "precision.conv", "1 to 32"),
        ({"precision": {"conv": "ap_ufixed<8,2>"}}, "precision.conv", "sign"),
        ({"precision": {"dense": "ap_fixed<8,2,AP_TRN,AP_WRAP>"}}, "precision.dense", "AP_RND_CONV"),
        ({"precision": {"input": "float"}}, "precision.input", 'or write "data"'),
        ({"network": {"dropout": 1.0}}, "network.dropout", "less than 1"),
        ({"network": {"filters": [4, 0]}}, "network.filters.1", "greater than or equal to 1"),
        ({"network": {"filters": [4, 8], "kernels": [3]}}, "network", "one for each"),
        ({"network": {"batch_norm": "on"}}, "network.batch_norm", "'off', 'hidden' or 'all'"),
        ({"training": {"batch_size": 15}}, "training.batch_size", "multiple of 2"),
        ({"training": {"learning_rate": float("nan")}}, "training.learning_rate", "found nan"),
        ({"training": {"schedule": "step"}}, "training.schedule", "'cosine'"),
        (
            {"precision": {"layers": {"conv2": {}}}},
            "precision.layers.conv2",
            "allowed are conv0, conv1, dense0, output",
        ),
        (
            {"precision": {"layers": {"conv0": {"weights": "(4,1)"}}}},
            "precision.layers.conv0.weights",
            "allowed are kernel, bias, batchnorm, activation",
        ),
        ({"precision": {"layers": {"dense0": {"kernel": "(40,1)"}}}}, "precision.layers.dense0.kernel", "1 to 32"),
        (
            {"precision": {"layers": {"output": {"activation": "(4,1)"}}}},
            "precision.layers.output.activation",
            "allowed there are kernel, bias, batchnorm",
        ),
        ({"precision": {"layers": 3}}, "precision.layers", "dictionary"),
        ({"precision": {"conv": "learned by row"}}, "precision.conv", '"learned by element"'),
        ({"precision": {"activation": "learned by element"}}, "precision.activation", '"learned by channel"'),
        ({"precision": {"batchnorm": "learned"}}, "precision.batchnorm", "are not learned"),
        ({"precision": {"input": "learned by channel"}}, "precision.input", '"learned by layer"'),
        ({"precision": {"conv": "learned"}}, "precision", "the activation of conv0 is float"),
        ({"precision": {"learning": {"alpha": 1}}}, "precision.learning.alpha", "allowed are learning_rate, beta"),
        ({"precision": {"learning": {"warm_up": 0.5, "fine_tuning": 0.5}}}, "precision.learning", "a sum below 1"),
        ({"precision": {"learning": {"beta": 0.0}}}, "precision.learning.beta", "greater than or equal to 0.0000"),
        ({"precision": {"count": 0.3}}, "precision.count", "power of two"),
        ({"precision": {"count": 64.0, "input": "(10,4)"}}, "precision", "allowed are 1 to 2^24"),
        ({"precision": {"count": 2.0**-21, "input": "(10,4)"}}, "precision", "allowed are 1 to 2^24"),
    ],
)
def test_mistakes_get_a_sentence(table: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Configuration.parse(table, where="net.toml")
    assert f"net.toml: {key}: " in str(caught.value)
    assert said in str(caught.value)


def test_settings_replace_dotted_keys() -> None:
    configuration = Configuration().with_settings(
        {"precision.conv": "(8,2)", "training.epochs": "3", "network.batch_norm": "all", "name": "new"}
    )
    assert configuration.precision.conv == Format(8, 2)
    assert configuration.training.epochs == 3
    assert configuration.network.batch_norm == "all"
    assert configuration.name == "new"


def test_kernels_follow_the_filters_that_are_set() -> None:
    network = Configuration().with_settings({"network.filters": "[4, 8, 16]"}).network
    assert network.kernels == (3, 3, 3)
    network = Configuration().with_settings({"network.filters": "[4]", "network.kernels": "[5]"}).network
    assert network.kernels == (5,)


@pytest.mark.parametrize("key", ["network", "precision.cov", "nothing.at.all", ""])
def test_unknown_settings_are_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no setting"):
        Configuration().with_settings({key: "1"})


def test_formats_of_layers_are_written_as_given_and_no_more() -> None:
    table = {"precision": {"layers": {"conv0": {"kernel": [4, 1], "activation": "float"}}}}
    configuration = Configuration.parse(table)
    assert configuration.as_table()["precision"]["layers"] == {"conv0": {"kernel": "(4,1)", "activation": "float"}}
    assert Configuration.parse(configuration.as_table()) == configuration
    assert "layers" not in Configuration().as_table()["precision"]
    assert "count" not in Configuration().as_table()["precision"]


def test_formats_of_layers_can_be_set() -> None:
    set_one = Configuration().with_settings({"precision.layers.conv0.kernel": "(4,1)"})
    set_two = set_one.with_settings({"precision.layers.dense0.bias": "(6,2)", "precision.count": "0.25"})
    assert set_two.as_table()["precision"]["layers"] == {"conv0": {"kernel": "(4,1)"}, "dense0": {"bias": "(6,2)"}}
    assert set_two.precision.count == 0.25
    for key in ("precision.layers", "precision.layers.conv0", "precision.layers.conv7.kernel", "precision.layers.x"):
        with pytest.raises(ConfigurationError, match=r"there is no setting.*precision\.layers\.conv0\.kernel"):
            Configuration().with_settings({key: "(4,1)"})


def test_a_tensor_follows_its_layer_then_its_kind() -> None:
    table = {
        "conv": "(8,2)",
        "dense": "(9,2)",
        "batchnorm": "(10,3)",
        "activation": "(7,3)",
        "layers": {"conv1": {"kernel": "(4,1)"}, "dense0": {"activation": "float"}, "output": {"bias": "(12,2)"}},
    }
    configuration = Configuration.parse({"precision": table})
    found = layer_formats(configuration.precision, configuration.network)
    assert list(found) == ["conv0", "conv1", "dense0", "output"]
    unsigned = Format(7, 3, signed=False)
    assert found["conv0"] == LayerFormats(Format(8, 2), Format(8, 2), Format(10, 3), unsigned)
    assert found["conv1"] == LayerFormats(Format(4, 1), Format(8, 2), Format(10, 3), unsigned)
    assert found["dense0"] == LayerFormats(Format(9, 2), Format(9, 2), Format(10, 3), None)
    assert found["output"] == LayerFormats(Format(9, 2), Format(12, 2), Format(10, 3), None)


def test_learned_widths_are_words() -> None:
    table = {
        "conv": "learned",
        "dense": "Learned by  channel",
        "activation": "learned",
        "input": "learned",
        "layers": {"output": {"kernel": "(6,1)", "bias": "learned"}},
    }
    configuration = Configuration.parse({"precision": table})
    precision = configuration.precision
    assert precision.learns
    assert not Configuration().precision.learns
    assert (precision.conv, precision.dense) == (Learned.ELEMENT, Learned.CHANNEL)
    assert (precision.activation, precision.input) == (Learned.CHANNEL, Learned.LAYER)
    assert Configuration.parse(configuration.as_table()) == configuration
    assert "learning" not in configuration.as_table()["precision"]
    resolved = configuration.for_counts(12).precision
    assert (resolved.count, resolved.pixel) == (2.0**-8, Format(12, 4, signed=False))
    set_one = configuration.with_settings({"precision.learning.beta": "1e-5"})
    assert set_one.precision.learning is not None
    assert set_one.precision.learning.beta == 1e-5
