"""True efficiencies of all configurations from a few full trainings each: what they share is learnt together.

One training says little about its configuration: the seeds scatter as much as the configurations differ. But the
configurations form a grid, and 15 of them share their filters, 27 their widths, 45 their activations. A linear mixed
model (C. R. Henderson, Biometrics 31 (1975) 423) with random effects for filters, widths, activations and their pairs,
and with everything else, the seeds' scatter above all, as residual, has its variances fitted by maximum likelihood;
then every configuration has a mean and all of them a covariance. With one training each, what only one configuration
has cannot be told from its seed; the model takes it for the seed's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Array = NDArray[np.float64]

FACTORS = ("filters", "widths", "activations")
EFFECTS = (
    ("filters",),
    ("widths",),
    ("activations",),
    ("filters", "widths"),
    ("filters", "activations"),
    ("widths", "activations"),
)


@dataclass(frozen=True)
class Truth:
    """The configurations' true mean efficiencies: `mean` (configurations,) and `covariance` of what is not known.

    `deviations` are the fitted standard deviations by effect (joined by ×), and `seeds` that of single trainings.
    """

    names: tuple[str, ...]
    mean: Array
    covariance: Array
    deviations: Mapping[str, float]

    def draws(self, count: int, seed: int = 1) -> Array:
        """Truths as they may be, shape (count, configurations)."""
        return np.random.default_rng(seed).multivariate_normal(self.mean, self.covariance, count, method="cholesky")


def fit(levels: Mapping[str, Mapping[str, str]], found: Mapping[str, Sequence[float]]) -> Truth:
    """Fit the model to `found`, efficiencies of full trainings by configuration; `levels` has the factors of each.

    Configurations without a training have what their factors say.
    """
    names = tuple(levels)
    place = {name: index for index, name in enumerate(names)}
    rows = np.array([place[name] for name, values in found.items() for _ in values])
    values = np.array([value for several in found.values() for value in several], dtype=np.float64)
    shared = np.stack([_shared(levels, names, effect) for effect in EFFECTS])

    def covariances(logarithms: Array) -> tuple[Array, Array]:
        variances = np.exp(2 * logarithms)
        prior = np.tensordot(variances[:-1], shared, axes=1)
        return prior, prior[np.ix_(rows, rows)] + variances[-1] * np.eye(len(rows))

    def unlikeliness(logarithms: Array) -> float:
        _, total = covariances(logarithms)
        factor = np.linalg.cholesky(total)
        ones, data = np.linalg.solve(factor, np.stack([np.ones_like(values), values], axis=1)).T
        residual = data - ones * (ones @ data) / (ones @ ones)
        # restricted likelihood: the overall mean is estimated as well
        return float(np.log(np.diag(factor)).sum() + 0.5 * (residual @ residual) + 0.5 * np.log(ones @ ones))

    start = np.log(np.full(len(EFFECTS) + 1, values.std() / 3))
    bounds = [(np.log(1e-5), np.log(0.3))] * len(start)
    best = optimize.minimize(unlikeliness, start, method="L-BFGS-B", bounds=bounds)
    prior, total = covariances(best.x)
    inverse = np.linalg.inv(total)
    weights = inverse.sum(axis=0) / inverse.sum()
    overall = float(weights @ values)
    gain = prior[:, rows] @ inverse
    mean = overall + gain @ (values - overall)
    # the overall mean is not known either: its share of the uncertainty is added
    rest = 1 - gain.sum(axis=1)
    covariance = prior - gain @ prior[rows, :] + np.outer(rest, rest) / inverse.sum()
    names_of = [" × ".join(effect) for effect in EFFECTS] + ["seeds"]
    covariance = (covariance + covariance.T) / 2 + 1e-12 * np.eye(len(names))
    return Truth(names, mean, covariance, dict(zip(names_of, np.exp(best.x).tolist(), strict=True)))


def _shared(levels: Mapping[str, Mapping[str, str]], names: Sequence[str], effect: Sequence[str]) -> Array:
    """1 where two configurations have the same levels of an effect's factors, else 0."""
    keys = [tuple(levels[name][factor] for factor in effect) for name in names]
    return np.array([[float(one == other) for other in keys] for one in keys])
