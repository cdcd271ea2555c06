"""The notebook's twelve runs are shipped in its order, each with the settings that it names."""

from pathlib import Path

from narrowgate.runs import read_configuration

FOLDER = Path(__file__).parents[1] / "examples" / "notebook-2022"

# conv, dense, activation, batchnorm; batch norm, dropout, learning rate, filters
RUNS = [
    ("(16,6)", "(8,4)", "(16,6)", "(16,6)", "off", 0.0, 0.001, (4, 8)),
    ("(16,6)", "(8,4)", "(16,6)", "(16,6)", "all", 0.0, 0.001, (4, 8)),
    ("(8,4)", "(8,4)", "(16,6)", "(16,6)", "off", 0.0, 0.001, (4, 8)),
    ("(16,4)", "(8,4)", "(16,6)", "(16,6)", "hidden", 0.0, 0.001, (4, 8)),
    ("(16,4)", "(8,4)", "(16,6)", "(16,6)", "off", 0.2, 0.001, (4, 8)),
    ("(16,4)", "(8,4)", "(16,6)", "(16,6)", "off", 0.2, 0.002, (4, 8)),
    ("(8,4)", "(8,4)", "(16,6)", "(8,4)", "hidden", 0.0, 0.001, (4, 8)),
    ("(12,2)", "(12,2)", "(16,6)", "(12,2)", "hidden", 0.0, 0.001, (4, 8)),
    ("(12,2)", "(12,2)", "(12,2)", "(12,2)", "hidden", 0.0, 0.001, (4, 8)),
    ("(12,2)", "(12,2)", "(12,2)", "(12,2)", "hidden", 0.0, 0.001, (8, 16)),
    ("(8,2)", "(8,2)", "(16,6)", "(8,2)", "off", 0.2, 0.001, (8, 16)),
    ("(6,1)", "(6,1)", "(12,4)", "(6,1)", "off", 0.2, 0.001, (8, 16)),
]


def test_the_twelve_are_the_notebooks() -> None:
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        configuration = read_configuration(path).configuration
        precision = configuration.as_table()["precision"]
        network, training = configuration.network, configuration.training
        formats = (precision[kind] for kind in ("conv", "dense", "activation", "batchnorm"))
        found.append((*formats, network.batch_norm, network.dropout, training.learning_rate, network.filters))
    assert found == RUNS


def test_they_train_as_in_2022_and_in_one_command() -> None:
    given = [read_configuration(path).configuration for path in sorted(FOLDER.rglob("*.toml"))]
    assert len(given) == 13
    for configuration in given:
        assert configuration.training.schedule == "constant"
        assert configuration.training.ema == 0
        assert configuration.network.units == (64,)
        assert configuration.network.activation == "relu"
    assert len({configuration.name for configuration in given}) == len(given)
    assert len({configuration.training.steps for configuration in given}) == 1
