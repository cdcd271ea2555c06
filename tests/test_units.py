import pytest

from narrowgate.units import cut_name, in_kilohertz


@pytest.mark.parametrize(
    ("rate", "words"),
    [(1e4, "10 kHz"), (2500.0, "2.5 kHz"), (999e3, "999 kHz"), (1e6, "1 MHz"), (2760 * 11246.0, "31.04 MHz")],
)
def test_rates(rate: float, words: str) -> None:
    assert in_kilohertz(rate) == words


def test_cuts_have_readers_names() -> None:
    assert [cut_name(key) for key in ("ht", "fourth_pixel", "some_other")] == ["HT", "fourth pixel", "some other"]
