"""Widths that are learned, end to end: trained, settled, and the same bits in exact integers."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from narrowgate.events import Dataset
from narrowgate.integers import cost, disagreement, evaluate, exact_scores, integer_network, scores_of
from narrowgate.network import BitOperations, Configuration, layers, numerics, settled, settled_shapes
from narrowgate.training import Population, Progress, Trained, TrainingImages, program_of, score, train

LEARNED = {"conv": "learned", "dense": "learned", "activation": "learned", "input": "learned"}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "everything": ({}, LEARNED),
    "by layer": ({}, dict.fromkeys(LEARNED, "learned by layer")),
    "weights by channel, linear": ({"activation": "linear"}, LEARNED | {"conv": "learned by channel"}),
    "mixed": (
        {"batch_norm": "hidden"},
        {
            "conv": "(6,1)",
            "dense": "learned",
            "activation": "(8,4)",
            "batchnorm": "(10,3)",
            "input": "(10,4)",
            "layers": {"conv0": {"activation": "learned"}, "output": {"kernel": "(5,1)", "bias": "(8,3)"}},
        },
    ),
}


def configuration(network: dict[str, Any], precision: dict[str, Any], **learning: Any) -> Configuration:
    rates = {"learning_rate": 0.02, "beta": 1e-4, "beta_start": 1e-6} | learning
    return Configuration.parse(
        {
            "network": {"filters": [2], "units": [4]} | network,
            "precision": precision | {"learning": rates},
            "training": {"epochs": 4, "steps_per_epoch": 40, "batch_size": 64, "learning_rate": 0.005},
        }
    ).for_counts(10)


@pytest.fixture(
    scope="module",
    params=["everything", "mixed", *(pytest.param(name, marks=pytest.mark.slow) for name in list(CASES)[1:3])],
)
def trained(request: pytest.FixtureRequest, small_dataset: Dataset) -> Trained:
    return train([configuration(*CASES[request.param])], small_dataset)[0]


def test_the_training_graph_gives_the_exact_integers(trained: Trained, small_dataset: Dataset) -> None:
    images = small_dataset.test.images
    exact = exact_scores(trained.configuration, trained.weights, images)
    assert exact is not None
    assert disagreement(score(trained.configuration, trained.weights, images), exact).differing == 0
    assert len(np.unique(exact)) > 20


def test_widths_have_moved_and_are_whole(trained: Trained, small_dataset: Dataset) -> None:
    found = layers(trained.configuration.network, small_dataset.geometry.shape)
    shapes = settled_shapes(trained.configuration, found)
    assert shapes
    for name, shape in shapes.items():
        assert trained.weights[name].shape == shape
        np.testing.assert_array_equal(trained.weights[name], np.rint(trained.weights[name]))
        np.testing.assert_array_equal(trained.weights[name], trained.last_weights[name])
    moved = [name for name in shapes if name.endswith("kernel.fraction") and (trained.weights[name] != 6).any()]
    assert moved


def test_the_penalty_counts_at_least_what_the_integers_do(trained: Trained, small_dataset: Dataset) -> None:
    """And exactly that where no weight has trailing zeros and no activation a smaller range than its format."""
    network = integer_network(trained.configuration, trained.weights, small_dataset.geometry.shape)
    found = layers(trained.configuration.network, small_dataset.geometry.shape)
    weights: Any = {name: jnp.asarray(values) for name, values in trained.weights.items()}
    learned = {name: values for name, values in weights.items() if name.endswith(".fraction")}
    for name in [name for name in weights if name.endswith(".integer")]:
        learned[name.replace("integer", "largest")] = jnp.ldexp(1.0, weights[name].astype(int) - 1)
    data = numerics(trained.configuration.precision, trained.configuration.network)
    counted = float(BitOperations(found).count(weights, learned, data))
    exact = sum(layer.counts.ebops for layer in cost(network).layers)
    assert 0 < exact <= counted <= 4 * exact


@pytest.mark.slow
def test_a_stronger_penalty_leaves_fewer_bits(small_dataset: Dataset) -> None:
    members = [configuration({}, LEARNED, beta=beta) for beta in (1e-6, 3e-3)]
    ebops = [
        cost(integer_network(one.configuration, one.weights, small_dataset.geometry.shape)).ebops
        for one in train(members, small_dataset)
    ]
    assert 0 <= ebops[1] < 0.8 * ebops[0]


def test_the_pixels_have_a_gradient(small_dataset: Dataset) -> None:
    """A first convolution skips the gradient of its images; for their width it is needed, or the input collapses."""
    member = configuration({}, LEARNED, beta=1e-15, beta_start=1e-15, warm_up=0.0, fine_tuning=0.0)
    population = Population(program_of(member, small_dataset.geometry.shape), 1)
    assert not population.program.layers.convolutions[0].first
    settings = population.settings([member], 40)
    state = population.initial_state(settings)
    coarse = state._replace(learned=state.learned | {"input.fraction": jnp.full((1,), 2.0)})
    after, _ = population.train_epoch(settings, coarse, population.share(TrainingImages.of(small_dataset.train)))
    assert np.asarray(after.learned["input.fraction"]) != 2.0


def test_widths_rest_while_the_weights_are_tuned(small_dataset: Dataset) -> None:
    member = configuration({}, LEARNED, fine_tuning=0.5)
    population = Population(program_of(member, small_dataset.geometry.shape), 1)
    settings = population.settings([member], 80)
    images = population.share(TrainingImages.of(small_dataset.train))
    state = population.initial_state(settings)
    first, _ = population.train_epoch(settings, state, images)
    second, _ = population.train_epoch(settings, first, images)
    for name, values in first.learned.items():
        assert (np.asarray(values) != np.asarray(state.learned[name])).any()
        np.testing.assert_array_equal(values, second.learned[name])
    assert (np.asarray(first.weights["conv0.kernel"]) != np.asarray(second.weights["conv0.kernel"])).any()


@pytest.mark.slow
def test_a_learned_training_goes_on_with_the_same_bits(small_dataset: Dataset, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.epochs == 2:
            raise StoppedError

    member = configuration({}, LEARNED)
    whole = train([member], small_dataset)[0]
    with pytest.raises(StoppedError):
        train([member], small_dataset, checkpoint=tmp_path, report=stop)
    resumed = train([member], small_dataset, checkpoint=tmp_path)[0]
    assert resumed.curve == whole.curve
    for name, values in whole.weights.items():
        np.testing.assert_array_equal(values, resumed.weights[name])


@pytest.mark.slow
def test_fully_pruned_layers_are_constant_networks(small_dataset: Dataset) -> None:
    """Zero widths everywhere: integers, counts and the graph agree on the constant that is left."""
    one = train([configuration({}, LEARNED)], small_dataset)[0]
    weights = dict(one.weights)
    for name in [name for name in weights if name.endswith("activation.fraction")]:
        weights[name] = np.full_like(weights[name], -8)
        weights[name.replace("fraction", "integer")] = np.full_like(weights[name], 3)
    network = integer_network(one.configuration, weights, small_dataset.geometry.shape)
    images = small_dataset.test.images[:50]
    codes = evaluate(network, images)
    assert len(set(codes.tolist())) == 1
    np.testing.assert_array_equal(scores_of(network, codes), score(one.configuration, weights, images))
    assert [layer.counts.activation_bits for layer in cost(network).layers[:2]] == [0, 0]


def test_settled_widths_are_whole_and_integer_bits_hold_the_largest() -> None:
    found = settled({"a.fraction": jnp.array([0.5, 1.4]), "b.largest": jnp.array([3.0, 4.0])})
    np.testing.assert_array_equal(found["a.fraction"], [1, 1])
    np.testing.assert_array_equal(found["b.integer"], [2, 3])
