"""The shapes of a run's files: each is parsed here, once, into a typed model, and nobody reads a raw field elsewhere.

`RECORD` is the version that is written. Records without a version are those of 0.1, which have the same fields.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from narrowgate.files import parse_json, read_text
from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook.record import _ids
from narrowgate.notebook.record._layout import CURVE, ENVIRONMENT, METRICS, SEALED, STATE

RECORD = 1

Model = TypeVar("Model")


class _Strict(BaseModel):
    """Right types or none: no number from words, no whole number from a fraction, nothing infinite."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


def _run_id(text: str) -> str:
    if not _ids.is_id(text):
        raise ValueError("is not a run id")
    return text


def _sealed(name: str) -> str:
    if name not in SEALED:
        raise ValueError(f"names no file of a run; those are {', '.join(SEALED)}")
    return name


def _printable(text: str) -> str:
    """Without the characters that move a terminal's cursor or change its colours."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def _path(text: Any) -> str:
    """A path as `os` takes it: names in other encodings have lone surrogates, pydantic's strings have not."""
    if not isinstance(text, str) or "\0" in text or len(text) > 4096:
        raise ValueError("is no path")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ValueError("is no path") from None
    return text


Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1, le=2**20)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Words = Annotated[str, AfterValidator(_printable)]
RunId = Annotated[str, AfterValidator(_run_id)]
PathText = Annotated[Any, AfterValidator(_path)]


class WriterRecord(_Strict):
    """The process that writes a run, see `narrowgate.files.Process`."""

    host: str
    number: Count
    ticks: str
    kernel: str = ""


class SealRecord(_Strict):
    """Size and SHA-256 of a file when its run ended."""

    bytes: Count
    sha256: str


class StateRecord(_Strict):
    """`run.json`."""

    version: Annotated[int, Field(ge=0)] = 0
    id: RunId
    name: Words
    status: Literal["running", "finished", "interrupted", "failed"]
    reason: Words
    started: AwareDatetime
    ended: AwareDatetime | None
    process: WriterRecord
    files: dict[Annotated[str, AfterValidator(_sealed)], SealRecord]


class DataRecord(_Strict):
    """The data set of a run, in `environment.json`; `image` is (rows, columns, channels), no `path`: the sample."""

    name: Words = ""
    fingerprint: str = ""
    path: PathText | None = None
    crossing_rate: Positive | None = None
    image: Annotated[list[Size], Field(min_length=3, max_length=3)] | None = None


class StudyRecord(_Strict):
    """The study that a run was a finalist of."""

    name: str = ""
    folder: PathText
    network: str


class EnvironmentRecord(_Strict):
    """What narrowgate itself reads of `environment.json`; everything else in it is shown as it is."""

    data: DataRecord | None = None
    study: StudyRecord | None = None
    trained_with: RunId | None = None
    command: list[Any] = []


class PointRecord(_Strict):
    """A `narrowgate.trigger.WorkingPoint`."""

    rate: Positive
    threshold: float | None
    efficiency: Share
    low: Share
    high: Share
    confidence: Share
    deciding: Count
    measured_rate: float
    warning: str = ""


class RejectionRecord(_Strict):
    """A `narrowgate.trigger.Rejection`; null stands for infinity, which JSON has not."""

    signal_efficiency: Share
    threshold: float
    rejection: float | None
    low: float | None
    high: float | None
    confidence: Share
    deciding: Count
    warning: str = ""


class ChangedRecord(_Strict):
    """Events on the other side of a threshold."""

    events: Count


class DisagreementRecord(_Strict):
    """How far the training graph is from the exact integers."""

    events: Count
    differing: Count
    largest_difference: float
    decisions_changed: list[ChangedRecord] = []


class StabilityRecord(_Strict):
    """What is said of the validation loss."""

    volatility: float | None = None
    verdict: Words = ""


class MetricsRecord(_Strict):
    """What narrowgate itself reads of `metrics.json`."""

    accuracy: Share | None = None
    plain_accuracy: Share | None = None
    area_under_curve: Share | None = None
    working_points: list[PointRecord] = []
    rejections: list[RejectionRecord] = []
    cuts: dict[str, list[PointRecord]] = {}
    signal_events: Count | None = None
    background_events: Count | None = None
    crossing_rate: Positive | None = None
    curve: StabilityRecord = StabilityRecord()
    seconds: float | None = None
    stopped: Words | None = None
    disagreement: DisagreementRecord | None = None


_CURVE: TypeAdapter[dict[str, list[float | None]]] = TypeAdapter(dict[str, list[float | None]])


def parse_state(folder: Path) -> StateRecord:
    """`run.json` of the run in `folder`.

    Raises:
        NotebookError: it is not the state of a run, or one of a newer narrowgate.
        FileError: it cannot be read.
    """
    content = parse_json(read_text(folder / STATE), STATE)
    version = content.get("version", 0) if isinstance(content, dict) else 0
    if type(version) is int and version > RECORD:
        raise NotebookError(
            f"{STATE} was written by a newer narrowgate (version {version} of the record; this one reads up to "
            f"{RECORD}); update narrowgate to read this run"
        )
    return _checked(StateRecord.model_validate_json, content, f"{STATE} is not the state of a run")


def parse_environment(folder: Path) -> tuple[dict[str, Any], EnvironmentRecord]:
    """`environment.json` of the run in `folder`, as it is and what narrowgate reads of it; empty where there is none.

    Raises:
        NotebookError: it is not a table, or holds something else than it should.
        FileError: it cannot be read.
    """
    content = _table(folder / ENVIRONMENT)
    record = _checked(
        EnvironmentRecord.model_validate, content, f"{ENVIRONMENT} is not what `narrowgate` writes", in_json=False
    )
    return content, record


def parse_metrics(folder: Path) -> tuple[dict[str, Any], MetricsRecord]:
    """`metrics.json` of the run in `folder`, as it is and what narrowgate reads of it; empty where there is none.

    Raises:
        NotebookError: it is not a judgement.
        FileError: it cannot be read.
    """
    content = _table(folder / METRICS)
    return content, metrics_record(content)


def metrics_record(content: Mapping[str, Any]) -> MetricsRecord:
    """What narrowgate reads of metrics; raises `NotebookError` when they are not a judgement."""
    return _checked(MetricsRecord.model_validate_json, content, f"{METRICS} is not a judgement of narrowgate.trigger")


def parse_curve(folder: Path) -> dict[str, tuple[float, ...]]:
    """`curve.json` of the run in `folder`, NaN where the record has null; empty where there is none.

    Raises:
        NotebookError: it does not hold equally long lists of numbers.
        FileError: it cannot be read.
    """
    what = f"{CURVE} does not hold lists of numbers"
    lists = _checked(_CURVE.validate_json, _table(folder / CURVE), what)
    if len({len(values) for values in lists.values()}) > 1:
        raise NotebookError(f"{CURVE} does not hold lists of numbers of one length")
    return {name: tuple(math.nan if value is None else value for value in values) for name, values in lists.items()}


def _table(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    content = parse_json(read_text(path), path.name)
    if not isinstance(content, dict):
        raise NotebookError(f"{path.name} does not hold a table")
    return content


def _checked(validate: Callable[..., Model], content: Any, what: str, *, in_json: bool = True) -> Model:
    """Parse strictly, with the rules of JSON (times are words, tuples are lists) where `in_json`."""
    try:
        return validate(json.dumps(content, ensure_ascii=False) if in_json else content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"][:1].lower() + first["msg"][1:]
        raise NotebookError(f"{what} ({f'{where}: ' if where else ''}{reason.removeprefix('value error, ')})") from None
    except UnicodeEncodeError:
        raise NotebookError(f"{what} (it holds half a character)") from None
