"""One look for all pictures: colours that colour-blind readers tell apart, units on every axis, and no more ink.

The colours are those of M. Okabe and K. Ito, "Color Universal Design" (2008). Matplotlib is imported on first use,
draws with Agg, and none of its global state is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from narrowgate.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE = "#0072B2"
SKY = "#56B4E9"
VERMILION = "#D55E00"
ORANGE = "#E69F00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
INK = "#222222"
GREY = "#6E6E6E"
PALE = "#D9D9D9"

NETWORK = BLUE
SIGNAL = VERMILION
BACKGROUND = BLUE
CUTS = ((GREEN, (0, (5, 1.5))), (PURPLE, (0, (1.2, 1.2))), (ORANGE, (0, (5, 1.5, 1.2, 1.5))))
"""Colour and dashes of the cut-based triggers, in their order; the dashes tell them apart in grey as well."""

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E8E8E8",
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "legend.fontsize": 9.0,
    "legend.handlelength": 2.4,
    "figure.facecolor": "white",
    "savefig.dpi": 160,
}


@contextmanager
def picture(path: Path, width: float = 7.0, height: float = 4.6) -> Iterator[Figure]:
    """Give an empty figure of `width` × `height` inches; on leaving it is written to `path` as a PNG, whole or not.

    A figure that nothing was drawn into is not written. The same figure gives the same bytes, whatever the day.

    Raises:
        FileError: the file cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: Any = dict(matplotlib.rcParamsDefault) | _SETTINGS
    settings.pop("backend", None)
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        if figure.axes or figure.texts:
            write_whole(path, lambda file: figure.savefig(file, format="png", metadata={"Software": None}))


def headline(figure: Figure, title: str, subtitle: str = "") -> None:
    """Put a title over the figure, left-aligned, with a quieter line under it, and keep the axes below both."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    height = figure.get_size_inches()[1]
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, 0.0, 1.0, 1.0 - 0.55 / height))
    place: dict[str, Any] = {"x": 0.012, "va": "top", "in_layout": False}
    short = shorten(title, int(11 * figure.get_size_inches()[0]), placeholder=" …")
    figure.text(y=1.0 - 0.09 / height, s=literal(short), fontsize=12.0, fontweight="bold", **place)
    figure.text(y=1.0 - 0.34 / height, s=literal(subtitle), fontsize=9.0, color=GREY, **place)


def literal(text: str) -> str:
    """Keep Matplotlib from reading words between dollar signs as a formula."""
    return text.replace("$", r"\$")


def rate_axis(axes: Axes) -> None:
    """Make x a logarithmic background rate in kHz with plain numbers on it (0.1, 1, 10, 1 000)."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_xlabel("background rate [kHz]")
    axes.xaxis.set_major_locator(LogLocator(base=10.0, numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}".replace(",", "\u2009")))
    axes.xaxis.set_minor_formatter(NullFormatter())
