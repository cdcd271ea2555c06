import pytest

from narrowgate.notebook._spelling import fraction, seconds, setting, significant, with_interval


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0123456, "0.0123"),
        (51.44, "51.4"),
        (12345.6, "12\u202f300"),
        (999.6, "1\u202f000"),
        (1234.0, "1\u202f230"),
        (999.4, "999"),
        (0.0, "0"),
        (None, "–"),
    ],
)
def test_significant_digits(value: float | None, words: str) -> None:
    assert significant(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.42, "0.4 s"), (9.97, "10 s"), (41.7, "42 s"), (200.0, "3.3 min"), (7500.0, "2.1 h"), (None, "–")],
)
def test_times(value: float | None, words: str) -> None:
    assert seconds(value) == words


def test_efficiencies() -> None:
    assert fraction(0.90249) == "0.902"
    assert fraction(float("nan")) == "–"
    assert with_interval(0.9, 0.89, 0.91) == "0.900 (0.890–0.910)"
    assert with_interval(None, None, None) == "–"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([4, 8], "4, 8"),
        ([], "none"),
        (True, "yes"),
        (0.002, "0.002"),
        (31038960.0, "31038960"),
        ("(12,2)", "(12,2)"),
        (None, "–"),
        ({"a": 1, "b": [2]}, "a: 1, b: 2"),
    ],
)
def test_settings(value: object, words: str) -> None:
    assert setting(value) == words
