"""The pictures of a run and of several: each writes one PNG, and knows nothing of records."""

from narrowgate.notebook.plots._comparison import Group, Panel, plot_comparison
from narrowgate.notebook.plots._draw import PICTURES, Picture, draw
from narrowgate.notebook.plots._rates import plot_efficiency, plot_roc
from narrowgate.notebook.plots._scores import plot_scores
from narrowgate.notebook.plots._training import plot_training

__all__ = [
    "PICTURES",
    "Group",
    "Panel",
    "Picture",
    "draw",
    "plot_comparison",
    "plot_efficiency",
    "plot_roc",
    "plot_scores",
    "plot_training",
]
