"""The search that is not misled: spaces, budgets and rankings of configurations, and a journal that survives anything.

    outcome = search("examples/studies/notebook-search-2.toml", load_sample(), "studies")
    print(outcome.rows[0].efficiency)

`Study` is what is searched, `search` and `resume` do it, `show` reads what was found. Spaces, brackets, ranking and
rank fidelity are pure functions; `docs/study.md` tells how they work.
"""

from narrowgate.study._brackets import Bracket, Rung, hyperband, successive_halving, unpruned
from narrowgate.study._cost import Cost, bit_operations, bits_per_weight, weight_bits
from narrowgate.study._errors import StudyError
from narrowgate.study._fidelity import Fidelity, fidelity, kendall
from narrowgate.study._finals import Keep
from narrowgate.study._find import find, folder_of
from narrowgate.study._outcome import Efficiency, Outcome, Ranked, Row
from narrowgate.study._pareto import fronts, pareto_order
from narrowgate.study._pictures import draw
from narrowgate.study._progress import Progress, Report, live_view
from narrowgate.study._ranking import Decision, Standing, promote, rank
from narrowgate.study._search import best, resume, search, show
from narrowgate.study._space import Drawn, Space
from narrowgate.study._story import Place, Story, story
from narrowgate.study._study import Finalists, Ranking, Strategy, Study
from narrowgate.study._tables import as_csv, as_json, as_myst, render

__all__ = [
    "Bracket",
    "Cost",
    "Decision",
    "Drawn",
    "Efficiency",
    "Fidelity",
    "Finalists",
    "Keep",
    "Outcome",
    "Place",
    "Progress",
    "Ranked",
    "Ranking",
    "Report",
    "Row",
    "Rung",
    "Space",
    "Standing",
    "Story",
    "Strategy",
    "Study",
    "StudyError",
    "as_csv",
    "as_json",
    "as_myst",
    "best",
    "bit_operations",
    "bits_per_weight",
    "draw",
    "fidelity",
    "find",
    "folder_of",
    "fronts",
    "hyperband",
    "kendall",
    "live_view",
    "pareto_order",
    "promote",
    "rank",
    "render",
    "resume",
    "search",
    "show",
    "story",
    "successive_halving",
    "unpruned",
    "weight_bits",
]
