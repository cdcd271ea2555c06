"""Exported projects that somebody damaged, or made: `verify --project` has a sentence for each, never a traceback."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowgate.errors import NarrowgateError
from narrowgate.firmware import CircuitProject, Exported, FirmwareError, export, trace, verify

from ..integers.integers_example import SMALL, random_images, small_network

pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")

NETWORK = small_network("(3,0)")
IMAGES = random_images(20, SMALL)
RECORD = "narrowgate.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> CircuitProject:
    return export(trace(NETWORK), tmp_path_factory.mktemp("whole") / "project", "vhdl", IMAGES)


@pytest.fixture
def folder(whole: CircuitProject, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole.folder, tmp_path / "project"))


def with_field(*keys: str, value: Any) -> Callable[[str], str]:
    def changed(text: str) -> str:
        record = json.loads(text)
        place = record
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        return json.dumps(record)

    return changed


DAMAGED: dict[str, tuple[Callable[[str], str], str]] = {
    "cut off": (lambda text: text[: len(text) // 2], "not valid JSON"),
    "empty": (lambda text: "", "not valid JSON"),
    "a list": (lambda text: "[]", "the whole: "),
    "nested 100 000 deep": (lambda text: "[" * 100_000, "nested too deeply"),
    "a number of 5 000 digits": (lambda text: text.replace('"latency": ', '"latency": ' + "9" * 5000), "digits"),
    "NaN": (with_field("clock", value=float("nan")), "NaN is no number"),
    "another target": (with_field("target", value="chisel"), "target: "),
    "a target that is a list": (with_field("target", value=["vhdl"]), "target: "),
    "no clock": (with_field("clock", value=0), "clock: "),
    "a clock in words": (with_field("clock", value="200"), "clock: "),
    "an unknown part": (with_field("part", value="XC9"), "part 'XC9' is not known"),
    "a latency of 10³⁰⁰": (with_field("latency", value=1e300), "latency: "),
    "a port too wide": (with_field("inputs", "width", value=10**9), "inputs.width: "),
    "a port without elements": (with_field("outputs", "elements", value=0), "outputs.elements: "),
    "a field too many": (with_field("shell", value="rm"), "shell: "),
    "decisions that are no numbers": (with_field("decisions", value={"10 kHz": "low"}), "decisions.10 kHz: "),
    "a decision beyond 64 bits": (with_field("decisions", value={"10 kHz": 2**80}), "beyond 64 bits"),
    "a layer that is a table": (with_field("layers", "conv0", value={}), "layers.conv0: "),
    "a newer version": (with_field("version", value=2), "is of version 2; this narrowgate reads up to 1"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_record_is_a_sentence(name: str, folder: Path) -> None:
    change, sentence = DAMAGED[name]
    path = folder / RECORD
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(FirmwareError) as told:
        Exported.open(folder)
    assert sentence in str(told.value)
    assert len(str(told.value)) < 700


@pytest.mark.parametrize("what", ["nothing", "a folder", "bytes that are no UTF-8"])
def test_what_is_no_record_is_a_sentence(what: str, folder: Path) -> None:
    (folder / RECORD).unlink()
    if what == "a folder":
        (folder / RECORD).mkdir()
    elif what != "nothing":
        (folder / RECORD).write_bytes(b"\xff\xfe{}")
    with pytest.raises(FirmwareError, match="has no narrowgate.json" if what == "nothing" else "cannot be read"):
        Exported.open(folder)


def test_a_record_without_a_version_is_of_the_first(folder: Path) -> None:
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    assert record.pop("version") == 1
    (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")
    assert Exported.open(folder).record.version == 1


def test_mutated_records_are_read_or_refused_in_a_sentence(folder: Path) -> None:
    """Bytes changed, doubled, cut out and swapped, seeded: 3 000 records, none of them a traceback."""
    path, chance = folder / RECORD, random.Random(1)
    text = path.read_bytes()
    words = [b"null", b"-1", b"1e400", b"true", b"{}", b"[]", b'"\\ud800"', b"99999999999999999999", b"\x00", b'"']
    for _ in range(3000):
        found = bytearray(text)
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(found))
            end = min(start + chance.choice([0, 1, 5, 40]), len(found))
            found[start:end] = chance.choice(
                [bytes([chance.randrange(256)]), chance.choice(words), found[start:end] * 2]
            )
        path.write_bytes(found)
        try:
            Exported.open(folder)
        except FirmwareError as error:
            assert str(error)  # noqa: PT017


def binary(folder: Path) -> None:
    (folder / "src/logic0.vhd").write_bytes(bytes(range(256)) * 10)


def cut(folder: Path) -> None:
    path = folder / "src/narrowgate.vhd"
    path.write_text(path.read_text(encoding="utf-8")[:200], encoding="utf-8")


def without_sources(folder: Path) -> None:
    shutil.rmtree(folder / "src")


def folder_for_a_source(folder: Path) -> None:
    (folder / "src/logic0.vhd").unlink()
    (folder / "src/logic0.vhd").mkdir()


def undriven(folder: Path) -> None:
    path = folder / "src/narrowgate_wrapper.vhd"
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.strip().startswith("model_out(")]
    assert len(lines) < len(text.splitlines())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def other_decisions(folder: Path) -> None:
    path = folder / RECORD
    path.write_text(with_field("decisions", value={"10 kHz": 2**61})(path.read_text(encoding="utf-8")))


def other_ports(folder: Path) -> None:
    path = folder / RECORD
    path.write_text(with_field("inputs", "width", value=999)(path.read_text(encoding="utf-8")))


@pytest.mark.skipif(shutil.which("ghdl") is None, reason="ghdl is not installed")
@pytest.mark.parametrize(
    "damage",
    [binary, cut, without_sources, folder_for_a_source, undriven, other_decisions, other_ports],
    ids=lambda one: one.__name__,
)
def test_damaged_sources_fail_with_a_reason(damage: Callable[[Path], None], folder: Path) -> None:
    damage(folder)
    try:
        level = verify(NETWORK, IMAGES, projects=[Exported.open(folder)]).levels[-1]
    except NarrowgateError as error:
        assert str(error)  # noqa: PT017
    else:
        assert level.status in ("failed", "skipped")
        assert level.reason or level.mismatches
