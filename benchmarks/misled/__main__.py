"""Was the search of July 2022 misled, and is ours not? Measured on search 1's space; the page is `docs/misled.md`.

    python -m benchmarks.misled pool FOLDER --to 150
    python -m benchmarks.misled wanted FOLDER --to 450 > names
    python -m benchmarks.misled pool FOLDER --to 450 --names names           # the same again with 1350
    narrowgate simulate more.h5 --set seed=2 --set signal.train=0 --set signal.validation=0 --set background.train=0 \\
        --set background.validation=0 --set signal.test=8000 --set background.test=300000 \\
        --set minimum_bias_pool=40000 --set hard_pool=12000
    python -m benchmarks.misled truth FOLDER
    python -m benchmarks.misled judge FOLDER --more more.h5
    python -m benchmarks.misled volatility FOLDER
    python -m benchmarks.misled report FOLDER --deals 0

Stages keep what they find in FOLDER, can be killed and go on, and stop by themselves after `--minutes`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from narrowgate.training import use_all_cores

use_all_cores()

import numpy as np  # noqa: E402

from narrowgate.events import load_sample  # noqa: E402
from narrowgate.study.journal._members import Member  # noqa: E402

from .figures import against_truth, curves, regrets  # noqa: E402
from .page import at_rate, opening, steadiness  # noqa: E402
from .pool import configurations, known_members, opened, pool_member, search_1, train  # noqa: E402
from .replay import wanted  # noqa: E402
from .report import Found, correlations, gather, outcomes, shapes, volatilities  # noqa: E402
from .truth import judge, judged_on, truth_members, truth_study  # noqa: E402

RATES = (10e3, 100e3)
"""Hz: the rate that the searches rank at, and one at which ten times as many background events decide."""

ROOT = Path(__file__).resolve().parent.parent.parent

VARIANTS: dict[str, dict[str, Any]] = {
    "hidden": {"network.batch_norm": "hidden"},
    "all": {"network.batch_norm": "all"},
    "off": {"network.batch_norm": "off"},
    "dropout 0.2": {"network.batch_norm": "off", "network.dropout": 0.2},
}
"""The regularisations whose curves are compared."""

SAMPLE = ("c002", "c014", "c027", "c056", "c068", "c099", "c110", "c122", "c135")
"""The configurations whose curves are compared: filters (2, 8), (4, 8), (8, 16) with narrow to wide formats."""


def volatility(folder: Path, minutes: float) -> None:
    """Curves of the same networks with batch norm in several ways, and without."""
    study = search_1()
    chosen = [(name, one) for name, one in configurations(study).items() if name in SAMPLE]
    chosen.sort(key=lambda entry: entry[1].network.filters)
    with opened(folder / "volatility", study, load_sample()) as search:
        for variant, settings in VARIANTS.items():
            members = [pool_member(study, name, one.with_settings(settings), 900) for name, one in chosen]
            named = [
                Member(replace(member.id, schedule=variant.split()[0]), member.configuration) for member in members
            ]
            if not train(search, f"batch norm {variant}", named, study.strategy.largest, minutes=minutes):
                return


def pool(folder: Path, minutes: float, to: int, repetitions: range, names: list[str] | None) -> None:
    """Bring seed 1 of configurations to `to` steps, in each of the repetitions, or the members `names`, in hundreds."""
    study = search_1()
    every = [
        pool_member(study, name, one, number) for name, one in configurations(study).items() for number in repetitions
    ]
    by_name = {member.name: member for member in every}
    places = {name: place // 100 for place, name in enumerate(names or [])}
    members = every if names is None else [by_name[name] for name in names]
    members.sort(key=lambda one: (places.get(one.name, 0), one.configuration.network.filters))
    with opened(folder / "pool", study, load_sample()) as search:
        train(search, "pool", members, to, minutes=minutes)


def truth(folder: Path, minutes: float, rounds: range, names: list[str] | None) -> None:
    """Train configurations in full with fresh seeds."""
    study = truth_study()
    members = truth_members(list(configurations(study)) if names is None else names, rounds)
    with opened(folder / "truth", study, load_sample()) as search:
        train(search, "truth", members, study.finalists.steps, minutes=minutes)


def wanted_names(folder: Path, to: int, repetitions: int) -> None:
    """Print the members that some ranking takes to `to` steps."""
    study = search_1()
    print("\n".join(wanted(study, list(configurations(study)), known_members(folder / "pool"), repetitions, to)))


def report(folder: Path, deals: int, images: Path, results: Path) -> None:
    """Write the tables and draw the pictures."""
    judged = judged_on(folder)
    lines: list[str] = []
    content: dict[str, Any] = {}
    for rate in RATES:
        found = gather(folder, rate)
        here = {"shapes": shapes(found), "correlations": correlations(found), "outcomes": outcomes(found, deals)}
        lines += [*([] if lines else opening(found, judged)), *at_rate(found, **here)]
        name = f"{rate / 1e3:g}kHz"
        content[name] = here | {"truth": _as_table(found)}
        regrets(images / f"misled-regret-{name}.png", found, here["outcomes"])
    against_truth(images / f"misled-first-rung-{name}.png", found)  # at 100 kHz, where there is something to see
    curves(images / "misled-curves.png", found)
    steady = volatilities(folder)
    text = "\n".join([*lines, *steadiness(steady)]) + "\n"
    print(text)
    results.mkdir(parents=True, exist_ok=True)
    (results / "misled.md").write_text(text)
    everything = content | {"judged": judged, "volatilities": steady}
    (results / "misled.json").write_text(json.dumps(everything, indent=1) + "\n")


def _as_table(found: Found) -> dict[str, Any]:
    """The truth as plain numbers."""
    errors = np.sqrt(np.diag(found.truth.covariance))
    return {
        name: {
            **found.levels[name],
            "mean": round(float(mean), 5),
            "error": round(float(error), 5),
            "trainings": [round(value, 5) for value in found.trainings.get(name, [])],
        }
        for name, mean, error in zip(found.truth.names, found.truth.mean, errors, strict=True)
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("stage", choices=["volatility", "pool", "wanted", "truth", "judge", "report"])
    options.add_argument("folder", type=Path)
    options.add_argument("--minutes", type=float, default=11.0)
    options.add_argument("--to", type=int, default=150)
    options.add_argument("--repetitions", type=int, default=5)
    options.add_argument(
        "--rounds", type=int, nargs=2, default=[0, 1], help="of full trainings: first, and the one after the last"
    )
    options.add_argument("--deals", type=int, default=0, help="replays with seeds dealt to each configuration apart")
    options.add_argument("--more", type=Path, help="another simulated data set, whose test split judges as well")
    options.add_argument(
        "--names", type=Path, help="a file with names, one a line: of members of the pool, of configurations to judge"
    )
    chosen = options.parse_args()
    names = chosen.names.read_text().split() if chosen.names else None
    if chosen.stage == "volatility":
        volatility(chosen.folder, chosen.minutes)
    elif chosen.stage == "pool":
        pool(chosen.folder, chosen.minutes, chosen.to, range(1, chosen.repetitions + 1), names)
    elif chosen.stage == "wanted":
        wanted_names(chosen.folder, chosen.to, chosen.repetitions)
    elif chosen.stage == "truth":
        truth(chosen.folder, chosen.minutes, range(*chosen.rounds), names)
    elif chosen.stage == "judge":
        judge(chosen.folder, chosen.more)
    else:
        report(chosen.folder, chosen.deals, ROOT / "docs" / "images", ROOT / "benchmarks" / "results")


if __name__ == "__main__":
    main()
