"""What a simulated data set is made of: every choice that changes its numbers, in one frozen record."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowgate.events._dataset import SPLITS
from narrowgate.events._errors import DatasetError


class Scenario(StrEnum):
    """Which collision of the crossing the detector takes for the interesting one."""

    TRUTH_VERTEX = "truth-vertex"
    """The hard event's own vertex, as fast simulations such as Delphes assume."""
    RECONSTRUCTED_VERTEX = "reconstructed-vertex"
    """The vertex with the largest Σ pT² of tracks, as a trigger must find it."""


class ImageKind(StrEnum):
    """What a pixel of an event image adds up."""

    CALORIMETER = "calorimeter"
    """All transverse energy above the calorimeter thresholds."""
    SUPPRESSED = "pile-up-suppressed"
    """Tracked energy of the vertex and neutral energy weighted by how likely it belongs to it."""


class Slice(StrEnum):
    """The kinds of collision that are generated apart, by the transverse momentum p̂T of the hardest scattering."""

    SIGNAL = "signal"
    SOFT = "minimum bias"
    HARD_20 = "hard 20-50 GeV"
    HARD_50 = "hard 50-100 GeV"
    HARD_100 = "hard above 100 GeV"


INELASTIC = 78.93
"""mb, at 14 TeV: Pythia 8.317, `SoftQCD:inelastic`."""

HARD_CROSS_SECTIONS = {Slice.HARD_20: 0.776, Slice.HARD_50: 0.0240, Slice.HARD_100: 0.00152}
"""mb, at 14 TeV: Pythia 8.317, `HardQCD:all` with 20 < p̂T < 50, 50 < p̂T < 100 and p̂T > 100 GeV."""

FRACTIONS = {
    Slice.SOFT: 1.0 - sum(HARD_CROSS_SECTIONS.values()) / INELASTIC,
    **{kind: cross_section / INELASTIC for kind, cross_section in HARD_CROSS_SECTIONS.items()},
}
"""The share of each slice among inelastic collisions."""

Mass = Annotated[float, Field(gt=0, lt=7000)]


class Sizes(BaseModel):
    """Numbers of events in the three splits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: int = Field(ge=0)
    validation: int = Field(ge=0)
    test: int = Field(ge=0)

    def of(self, split_name: str) -> int:
        """The number of events in one split."""
        return int(getattr(self, split_name))


class Recipe(BaseModel):
    """Everything that decides the numbers of a simulated data set. Equal recipes give equal data sets.

    Raises `pydantic.ValidationError` (a `ValueError`) naming the field, what was found and what is allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: Scenario = Scenario.TRUTH_VERTEX
    image: ImageKind = ImageKind.SUPPRESSED
    pileup: float = Field(default=200.0, ge=0, le=1000, description="mean number of pile-up collisions in a crossing")
    heavy_masses: tuple[Mass, ...] = Field(
        default=(400.0,), min_length=1, description="GeV, of H; equal numbers of events"
    )
    light_mass: Mass = Field(default=125.0, description="GeV, of the two h")
    signal: Sizes = Sizes(train=12_000, validation=4_000, test=4_000)
    background: Sizes = Sizes(train=150_000, validation=50_000, test=100_000)
    minimum_bias_pool: int = Field(default=100_000, ge=3, description="most collisions generated with p̂T < 20 GeV")
    hard_pool: int = Field(default=40_000, ge=3, description="most collisions generated in each slice above that")
    leakage: float = Field(default=0.015, ge=0, le=1, description="share of pile-up tracks taken for the vertex's")
    track_resolution: float = Field(default=1.0, ge=0, le=100, description="mm along the beam")
    seed: int = Field(default=1, ge=0, lt=2**63)

    def pool_size(self, kind: Slice, split_name: str) -> int:
        """How many collisions of `kind` are generated for one split, so that no two splits share any.

        As many signal events as the split has. Of the other slices 1.1 × the expected number of draws, so that
        draws hardly repeat, but no more than the split's share of the largest pool allowed.
        """
        if kind is Slice.SIGNAL:
            return self.signal.of(split_name)
        crossings = {name: self.signal.of(name) + self.background.of(name) for name in SPLITS}
        expected = FRACTIONS[kind] * (crossings[split_name] * self.pileup + self.background.of(split_name))
        if not expected:
            return 0
        largest = self.minimum_bias_pool if kind is Slice.SOFT else self.hard_pool
        share = largest * crossings[split_name] / sum(crossings.values())
        return max(1, math.ceil(min(1.1 * expected, share)))

    def digest(self, *more: object) -> str:
        """Twelve hexadecimal digits that change when the recipe, or anything in `more`, does."""
        text = json.dumps([self.model_dump(mode="json"), [str(item) for item in more]], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def recipe_with(settings: Mapping[str, str]) -> Recipe:
    """The default recipe with entries replaced; dotted keys reach into it, as in `{"background.test": "200000"}`.

    Raises `DatasetError` naming the entry, what was found and what is allowed.
    """
    table = Recipe().model_dump(mode="json")
    for key, text in settings.items():
        section, _, name = key.rpartition(".")
        target = table.get(section) if section else table
        if not isinstance(target, dict) or name not in target:
            raise DatasetError(f"a recipe has no entry {key!r}; allowed are {', '.join(_entries(Recipe()))}")
        try:
            target[name] = json.loads(text)
        except json.JSONDecodeError:
            target[name] = text
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        sentences = (
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}, found {item['input']!r}"
            for item in error.errors()
        )
        raise DatasetError(f"the recipe cannot be used: {'; '.join(sentences)}") from None


def _entries(recipe: Recipe) -> Iterator[str]:
    for key, value in recipe.model_dump(mode="json").items():
        yield from (f"{key}.{inner}" for inner in value) if isinstance(value, dict) else [key]


def assumptions(recipe: Recipe) -> list[str]:
    """What the simulation takes for granted, in sentences that are kept with the data."""
    vertex = {
        Scenario.TRUTH_VERTEX: "The primary vertex is the hard event's own: no wrong vertex is ever chosen.",
        Scenario.RECONSTRUCTED_VERTEX: "The primary vertex is the collision with the largest Σ pT² of tracks.",
    }
    return [
        "Collisions at 14 TeV from Pythia 8; particles with cτ > 10 mm are stable.",
        "Background is minimum bias in slices of p̂T, drawn with the share of their cross sections, without weights.",
        f"Signal is gg → H → hh → bb̄bb̄ with m_H = {', '.join(f'{mass:g}' for mass in recipe.heavy_masses)} GeV and "
        f"m_h = {recipe.light_mass:g} GeV; every signal event counts, without selection.",
        f"Pile-up is Poisson with mean {recipe.pileup:g}, in time only; collisions are rolled in φ and flipped in η.",
        vertex[recipe.scenario],
        "Charged particles with pT > 2 GeV and |η| < 2.4 are tracked, without loss; muons leave nothing.",
        f"{recipe.leakage:.1%} of the pile-up tracks count as the vertex's, those that start near it along the beam, "
        f"measured to {recipe.track_resolution:g} mm; where the vertex lies in the detector is not simulated.",
        "Resolutions and thresholds follow the Delphes CMS Phase-2 card, on towers of 0.1 × 5°.",
    ]
