"""From configurations to records: train together, judge on the test split once, keep everything in `runs/<id>/`.

This is the one place that joins the rooms `training`, `trigger`, `firmware` and `notebook` to make a run; none of them
knows what the others do here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from narrowgate import checks, notebook
from narrowgate.errors import NarrowgateError
from narrowgate.events import Dataset, load_sample, read, sample_path
from narrowgate.files import LARGEST_TOML, FileError, as_utf8, parse_toml, read_json, read_text, write_json
from narrowgate.integers import disagreement, exact_scores
from narrowgate.network import Configuration, ConfigurationError, convolutions
from narrowgate.training import Progress, Trained, device_in_words, score, train
from narrowgate.trigger import RATES, cut_scores, judge, possible_rates, stability
from narrowgate.units import cut_name

CHECKPOINT = "checkpoint"
"""Folder of the first of the runs that train together; it goes when they are finished."""

MEMBERS = "members.json"
"""In it: the ids of the runs that train together, in their order."""

_MEMBERS: TypeAdapter[list[str]] = TypeAdapter(
    Annotated[list[str], Field(min_length=1)], config=ConfigDict(strict=True)
)


RESERVED = "runs.json"
"""In a study's folder: the ids of its finalists' runs, written before the runs are begun."""


@dataclass(frozen=True)
class Given:
    """A configuration and the text that it was read from."""

    configuration: Configuration
    text: str | None = None


def read_configuration(path: Path, settings: Mapping[str, str] | None = None) -> Given:
    """Read a configuration from a TOML file and replace some of its settings (dotted keys).

    Raises:
        ConfigurationError: the file is missing or not TOML, or a key or value in it is not allowed.
    """
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no such file; give a configuration in TOML.")
    try:
        text = read_text(path, LARGEST_TOML)
        table = parse_toml(text, path.name)
    except FileError as error:
        raise ConfigurationError(f"{path}: {str(error).removeprefix(path.name).lstrip()}.") from error
    configuration = Configuration.parse({"name": as_utf8(path.stem), **table}, where=str(path))
    return Given(configuration.with_settings(settings or {}), text)


def open_data(path: Path | None) -> Dataset:
    """The data set in a file, or the shipped sample for `None`."""
    return load_sample() if path is None else read(path)


def run(
    given: Sequence[Given],
    root: Path,
    *,
    data: Path | None = None,
    report: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[str]:
    """Train the configurations together, judge them, and keep a record of each under `root`; gives their ids.

    Stopped from the keyboard or killed, the runs go on from their last epoch with `resume`. `tell` hears, before the
    first step, sentences about what may surprise: pixels that saturate, say.

    Raises:
        ValueError: bad data or a configuration that does not fit them, in a sentence (see the rooms' own errors).
    """
    dataset = open_data(data)
    chosen = [one.configuration for one in given]
    checks.refuse(
        [
            *checks.unfit([(one.name, one) for one in chosen], dataset),
            *checks.classes(dataset),
            *checks.rates(RATES, dataset),
            *checks.unwritable(root),
        ]
    )
    if tell is not None:
        notes = checks.saturation(chosen, dataset), checks.overlapping(dataset), checks.left_out(RATES, dataset)
        for sentence in chain.from_iterable(notes):
            tell(sentence)
    configurations = checks.fitted(chosen, dataset)
    about = _environment(dataset, data)
    folders: list[notebook.RunFolder] = []
    for one, configuration in zip(given, configurations, strict=True):
        leader = {"trained_with": folders[0].id} if folders else {}
        folders.append(
            notebook.create(
                root,
                configuration=configuration.as_table(),
                environment=about | leader | {"seeds": [configuration.training.seed]},
                given=one.text,
            )
        )
    members = folders[0].path / CHECKPOINT / MEMBERS
    write_json(members, [folder.id for folder in folders])
    return _finish(folders, configurations, dataset, report)


def resume(
    root: Path,
    name: str,
    *,
    data: Path | None = None,
    take_over: bool = False,
    report: Callable[[Progress], None] | None = None,
) -> list[str]:
    """Go on with an interrupted run and those that it was started with; gives their ids.

    Args:
        root: the folder of all runs.
        name: an id, the beginning of one, or `latest`.
        data: where the data lie now; by default where they lay when the run began.
        take_over: also if a process on another machine is said to write the run, for when that machine is gone.
        report: hears of progress.

    A run without a checkpoint (killed before its first epoch was over) begins anew, under its own id. A finished one
    stays as it is, so that a batch job may ask again until there is nothing left to do.

    Raises:
        NotebookError: there is no such run, or the data set is not there or another one.
    """
    asked = notebook.load(root, notebook.find(root, name))
    runs = _together(root, asked)
    if all(one.status is notebook.Status.FINISHED for one in runs):
        return [one.id for one in runs]
    recorded = asked.data
    if recorded is None:
        raise notebook.NotebookError(f"run {asked.id} does not say what data it was started with; train it anew")
    place = data or (None if recorded.path is None else Path(recorded.path))
    if place is not None and data is None and not place.exists():
        raise notebook.NotebookError(
            f"{place}: the data of run {asked.id} are not there any more; --data tells their place"
        )
    dataset = open_data(place)
    if dataset.fingerprint != recorded.fingerprint:
        raise notebook.NotebookError(
            f"{place or sample_path()} is not the data that run {asked.id} was started with; --data tells where that is"
        )
    configurations = [Configuration.parse(one.configuration, where=f"run {one.id}") for one in runs]
    folders = _reopened(root, runs, take_over)
    if data is not None:
        for folder, one in zip(folders, runs, strict=True):
            if folder is not None:
                about = {**one.environment["data"], "path": str(data.resolve())}
                folder.write_environment({**one.environment, "data": about})
    return _finish(folders, configurations, dataset, report, home=root / asked.trained_with)


def _together(root: Path, asked: notebook.Run) -> list[notebook.Run]:
    """The runs that train together with the one asked for, itself among them, in their order.

    The checkpoint tells them; where there is none (killed before the first step), what the runs say themselves.
    """
    try:
        ids = _MEMBERS.validate_python(read_json(root / asked.trained_with / CHECKPOINT / MEMBERS))
    except (FileError, ValidationError):
        ids = [one.id for one in notebook.list_runs(root) if one.trained_with == asked.trained_with]
    if asked.id not in ids:
        raise notebook.NotebookError(f"the checkpoint in {asked.trained_with} is not of run {asked.id}; train it anew")
    return [notebook.load(root, one) for one in ids]


def _reopened(root: Path, runs: Sequence[notebook.Run], take_over: bool) -> list[notebook.RunFolder | None]:
    """The folders of runs that trained together, to go on with all of them or with none; None for a finished one."""
    folders: list[notebook.RunFolder | None] = []
    try:
        for one in runs:
            finished = one.status is notebook.Status.FINISHED
            folders.append(None if finished else notebook.reopen(root, one.id, take_over=take_over))
    except NarrowgateError:
        for folder in folders:
            if folder is not None:
                folder.interrupt("one that it trains with could not be gone on with")
        raise
    return folders


def keep_finalist(
    trained: Trained,
    dataset: Dataset,
    root: Path,
    *,
    study: str,
    folder: Path,
    data: Path | None = None,
    take_over: bool = False,
) -> str:
    """Make a run under `root` of a finalist of the study kept in `folder`; gives its id.

    One that has become a run before (the search was stopped just then) does not become another: its id is written into
    the study's folder before the run's folder is made, and a run that was begun and not finished is begun anew.

    Args:
        trained: the finalist's typical network, as `narrowgate.study.search` hands it to `keep`.
        dataset: what it was trained on; its test split judges the run.
        root: the folder of all runs.
        study: the study's name.
        folder: the study's folder.
        data: the file that the data came from, `None` for the shipped sample.
        take_over: also if a process on another machine is said to write the run.
    """
    network, ledger = trained.configuration.name, folder / RESERVED
    kept = finalist_runs(root, folder).get(network)
    if kept is not None and _same_weights(notebook.load(root, kept), trained):
        return kept
    reserved = notebook.reserve(ledger, root, network)
    if notebook.is_begun(root, reserved) and not _is_left(root, reserved, folder, network):
        notebook.give_up(ledger, root, network)
        reserved = notebook.reserve(ledger, root, network)
    named = trained.configuration.model_copy(update={"name": f"{study}, {network.partition('-')[0]}"})
    about = {"study": {"name": study, "folder": str(folder.resolve()), "network": network}}
    run = notebook.create(
        root,
        configuration=named.as_table(),
        environment=_environment(dataset, data) | about | {"seeds": [named.training.seed]},
        reserved=reserved,
        take_over=take_over,
    )
    with run:
        _record(run, replace(trained, configuration=named), dataset)
    return run.id


def finalist_runs(root: Path, folder: Path) -> dict[str, str]:
    """The finished runs under `root` that were finalists of the study kept in `folder`: network in the study → id."""
    found = {}
    for one in notebook.list_runs(root):
        if one.status is notebook.Status.FINISHED and one.study and one.study.folder == str(folder.resolve()):
            found[one.study.network] = one.id
    return found


def _is_left(root: Path, identifier: str, folder: Path, network: str) -> bool:
    """Whether a run was begun for this network of this study and not finished; its environment may not be there yet."""
    try:
        run = notebook.load(root, identifier)
    except notebook.NotebookError:
        return False
    ours = run.study is not None and (run.study.folder, run.study.network) == (str(folder.resolve()), network)
    return (ours or not run.environment) and run.status is not notebook.Status.FINISHED


def _same_weights(kept: notebook.Run, trained: Trained) -> bool:
    weights = kept.weights()
    return weights.keys() == trained.weights.keys() and all(
        np.array_equal(weights[name], value) for name, value in trained.weights.items()
    )


def _finish(
    folders: Sequence[notebook.RunFolder | None],
    configurations: Sequence[Configuration],
    dataset: Dataset,
    report: Callable[[Progress], None] | None,
    home: Path | None = None,
) -> list[str]:
    """Train and record; `None` stands for a run that is already finished, `home` holds the checkpoint."""
    unfinished = [folder for folder in folders if folder is not None]
    checkpoint = (home or unfinished[0].path) / CHECKPOINT
    with ExitStack() as open_runs:
        for folder in unfinished:
            open_runs.enter_context(folder)

        def heard(progress: Progress) -> None:
            for folder in unfinished:
                folder.check()
            if report is not None:
                report(progress)

        members = train(configurations, dataset, checkpoint=checkpoint, report=heard)
        for place, member in zip(folders, members, strict=True):
            if place is not None:
                _record(place, member, dataset)
    shutil.rmtree(checkpoint, ignore_errors=True)
    return [folder.id for folder in unfinished]


def _record(folder: notebook.RunFolder, member: Trained, dataset: Dataset) -> None:
    """Judge a trained member on the test split, and write down everything about it.

    A network of fixed-point formats is judged by what hardware computes; how far the training graph is from it is kept.
    """
    test = dataset.test
    folder.write_curve(member.curve)
    folder.write_weights(member.weights)
    graph = score(member.configuration, member.weights, test.images)
    if not np.all(np.isfinite(graph)):
        folder.fail(f"its scores are not finite; {member.stopped or 'its weights overflow'}")
        return
    exact = exact_scores(member.configuration, member.weights, test.images)
    scores = graph if exact is None else exact
    rates, crossing_rate = possible_rates(RATES, dataset.crossing_rate), dataset.crossing_rate
    judgement = judge(
        scores, test.labels, rates=rates, crossing_rate=crossing_rate, images=test.images, lsb=dataset.lsb
    )
    live, averaged = stability(member.curve["raw_loss"]), stability(member.curve["loss"])
    metrics: dict[str, Any] = judgement.as_dict() | {
        "curve": {
            "volatility": live.volatility,
            "verdict": str(live.verdict),
            "averaged": {"volatility": averaged.volatility, "verdict": str(averaged.verdict)},
        },
        "stopped": member.stopped,
        "seconds": member.seconds,
        "member_events": member.member_events,
        "placement": {"devices": member.placement.devices, "chunk": member.placement.chunk},
    }
    if exact is not None:
        thresholds = [point.threshold for point in judgement.working_points]
        metrics["disagreement"] = disagreement(graph, exact, thresholds).as_dict()
    folder.write_scores(scores, test.labels)
    notebook.draw(
        folder.path,
        curve=member.curve,
        scores=scores,
        labels=test.labels,
        cuts={cut_name(name): values for name, values in cut_scores(test.images, dataset.lsb).items()},
        rates=rates,
        crossing_rate=crossing_rate,
        title=member.configuration.name or folder.id,
        subtitle=f"{dataset.name}: {np.count_nonzero(test.labels == 0):,} background events",
    )
    folder.write_metrics(metrics)  # last: a run that has them has everything


def _environment(dataset: Dataset, path: Path | None) -> dict[str, Any]:
    return notebook.environment(
        device=device_in_words(),
        convolutions=asdict(convolutions()),
        data={
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "path": None if path is None else str(path.resolve()),
            "crossing_rate": dataset.crossing_rate,
            "image": list(dataset.test.images.shape[1:]),
        },
    )
