"""Reading runs back, whole ones and damaged ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from narrowgate.errors import NarrowgateError
from narrowgate.files import explaining, read_toml, sha256
from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook.record import _ids
from narrowgate.notebook.record._layout import CONFIGURATION, NEEDED, SCORES, WEIGHTS
from narrowgate.notebook.record._measures import Measures
from narrowgate.notebook.record._notes import Note, read_notes
from narrowgate.notebook.record._schema import DataRecord, StudyRecord, parse_curve, parse_environment, parse_metrics
from narrowgate.notebook.record._state import State, Status

LONGEST_SHIFT = timedelta(hours=26)
"""Between the clocks of two time zones."""


@dataclass(frozen=True)
class Run:
    """A run as its record tells it; what was not written yet is empty.

    `reason` is a sentence for a run that failed, was interrupted or is damaged. `curve` maps a quantity to its values,
    one an epoch (NaN where the record has null); the other mappings are the files of the same names, and `measures`
    is what `metrics` says. `data` and `study` are what `environment` says of the data set and of the study that the
    run was a finalist of; `trained_with` is the id of the first of the runs that it was trained with.
    """

    id: str
    folder: Path
    status: Status
    reason: str = ""
    name: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    data: DataRecord | None = None
    study: StudyRecord | None = None
    trained_with: str = ""
    curve: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    measures: Measures = field(default_factory=Measures)
    notes: tuple[Note, ...] = ()

    @classmethod
    def open(cls, folder: Path | str) -> Run:
        """The run in `folder`, e.g. `runs/2022-07-18--15-05-00`, the beginning of such a path, or `runs/latest`.

        Raises:
            NotebookError: there is no such run, or it is damaged.
        """
        path = Path(folder)
        return load(path.parent, find(path.parent, path.name))

    @property
    def efficiency(self) -> dict[float, float]:
        """Signal efficiency on the test split by background rate in Hz; `measures` has intervals and thresholds too."""
        return {point.rate: point.efficiency for point in self.measures.points}

    @property
    def title(self) -> str:
        """The run's name, or its id when it has none."""
        return self.name or self.id

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The trained weights by name.

        Raises:
            NotebookError: there are none, or the file is damaged.
        """
        return _tensors(self, WEIGHTS, {"*": ("F32",)})

    def scores(self) -> tuple[NDArray[np.floating[Any]], NDArray[np.uint8]]:
        """Score and label of every event of the test split, shape (events,) each.

        Raises:
            NotebookError: they were not kept, or the file is damaged.
        """
        tensors = _tensors(self, SCORES, {"scores": ("F32", "F64"), "labels": ("U8",)})
        scores, labels = tensors["scores"], tensors["labels"]
        if scores.ndim != 1 or scores.shape != labels.shape:
            shapes = f"{scores.shape} and {labels.shape}"
            raise NotebookError(f"run {self.id}: {SCORES} has scores and labels of shapes {shapes}, not one an event")
        return scores, labels


def load(root: Path | str, identifier: str) -> Run:
    """Read the run `root/<identifier>`, every sealed file checked against its fingerprint.

    Raises:
        NotebookError: there is no such run, or it is damaged; the sentence says how.
    """
    folder = Path(root) / identifier
    if not (_ids.is_id(identifier) and folder.is_dir()):
        raise NotebookError(f"there is no run '{identifier}' in {root}")
    run = read_run(folder, thorough=True)
    if run.status is Status.DAMAGED:
        raise NotebookError(f"run {identifier} is damaged: {run.reason}")
    return run


def find(root: Path | str, text: str) -> str:
    """The id meant by `text`: an id, a beginning that only one run has, a path to a run's folder, or `latest`.

    Raises:
        NotebookError: no run is meant, or several.
    """
    identifiers = ids(root)
    if not identifiers:
        raise NotebookError(f"there are no runs in {root}; `narrowgate train` makes one")
    if text == "latest":
        return _begun_last(Path(root), identifiers)
    path = Path(text)
    if path.name in identifiers and (path.name == text or path.resolve() == (Path(root) / path.name).resolve()):
        return path.name
    found = [identifier for identifier in identifiers if text and identifier.startswith(text)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotebookError(f"no run in {root} begins with '{text}'; the latest is {identifiers[-1]}")
    shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
    raise NotebookError(f"'{text}' may mean {len(found)} runs: {shown}; write more of the id")


def _begun_last(root: Path, identifiers: Sequence[str]) -> str:
    """Of ids in their order, the run begun last. Ids are local times: those of the last day are asked for the instant.

    A run that does not tell it counts by its id.
    """
    last = _ids.moment(identifiers[-1])
    near = [one for one in identifiers if last - _ids.moment(one) <= LONGEST_SHIFT]

    def began(identifier: str) -> datetime:
        try:
            told = State.read(root / identifier).started
        except NarrowgateError:
            told = _ids.moment(identifier)
        return told if told.tzinfo else told.replace(tzinfo=UTC)

    return max(near, key=lambda one: (began(one), _ids.order(one)))


def ids(root: Path | str) -> list[str]:
    """The ids under `root`, oldest first; other files and folders there are left alone."""
    root = Path(root)
    if not root.is_dir():
        return []
    with explaining(root):
        return sorted((path.name for path in root.iterdir() if _ids.is_id(path.name) and path.is_dir()), key=_ids.order)


def list_runs(root: Path | str) -> list[Run]:
    """All runs under `root`, oldest first; a damaged one has that status and a sentence in `reason`."""
    return [read_run(Path(root) / identifier) for identifier in ids(root)]


def read_run(folder: Path, *, thorough: bool = False) -> Run:
    """Read the run in `folder`, never raising: what cannot be read makes it a damaged one.

    Sealed files are compared with their recorded size, and with their SHA-256 when `thorough`.
    """
    notes: tuple[Note, ...] = ()
    try:
        notes = read_notes(folder)
        state = State.read(folder)
        if state.id != folder.name:
            raise NotebookError(f"the folder is a copy of run {state.id}; a run keeps the name it was given")
        _check_seal(folder, state, thorough)
        metrics, judged = parse_metrics(folder)
        environment, about = parse_environment(folder)
        return Run(
            id=folder.name,
            folder=folder,
            status=state.status,
            reason=state.reason,
            name=state.name,
            started=state.started,
            ended=state.ended,
            configuration=_configuration(folder),
            environment=environment,
            data=about.data,
            study=about.study,
            trained_with=about.trained_with or folder.name,
            curve=parse_curve(folder),
            metrics=metrics,
            measures=Measures.of_record(judged),
            notes=notes,
        )
    except (NarrowgateError, OSError) as error:
        return Run(id=folder.name, folder=folder, status=Status.DAMAGED, reason=str(error), notes=notes)


def _check_seal(folder: Path, state: State, thorough: bool) -> None:
    if state.status is Status.FINISHED:
        for name in NEEDED:
            if name not in state.files:
                raise NotebookError(f"it calls itself finished, but {name} was never written")
    for name, (size, digest) in state.files.items():
        path = folder / name
        if not path.is_file():
            raise NotebookError(f"{name} is missing")
        if (found := path.stat().st_size) != size:
            raise NotebookError(f"{name} has {found} bytes, and had {size} when the run ended")
        if thorough and sha256(path) != digest:
            raise NotebookError(f"{name} has changed since the run ended")


def _configuration(folder: Path) -> Mapping[str, Any]:
    path = folder / CONFIGURATION
    return read_toml(path) if path.exists() else {}


def _tensors(run: Run, name: str, kinds: Mapping[str, Sequence[str]]) -> dict[str, NDArray[Any]]:
    """The arrays of a file, which are of `kinds` (safetensors' words) by name, `*` standing for any other."""
    path = run.folder / name
    if not path.is_file():
        raise NotebookError(f"run {run.id} has no {name}")
    found = {}
    try:
        with safe_open(path, framework="numpy") as file:
            for key in file.keys():  # noqa: SIM118 (not a mapping)
                kind, allowed = file.get_slice(key).get_dtype(), kinds.get(key, kinds.get("*", ()))
                if kind not in allowed:
                    raise NotebookError(
                        f"run {run.id}: {name} holds {key!r} of kind {kind}; allowed: {', '.join(allowed) or 'none'}"
                    )
                found[key] = file.get_tensor(key)
    except (SafetensorError, OSError) as error:
        raise NotebookError(f"run {run.id}: {name} cannot be read ({error})") from error
    if missing := [key for key in kinds if key != "*" and key not in found]:
        raise NotebookError(f"run {run.id}: {name} lacks {' and '.join(missing)}")
    return found
