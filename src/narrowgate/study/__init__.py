"""The search that is not misled: spaces, budgets and rankings of configurations, and a journal that survives anything.

    outcome = search("examples/studies/notebook-search-2.toml", load_sample(), "studies")
    print(outcome.rows[0].efficiency)

`Study` is what is searched, `search` and `resume` do it, `Study.open(folder)` and `show` read what was found. Spaces,
brackets, ranking and rank fidelity are pure functions; `docs/study.md` tells how they work.
"""

from narrowgate.study._errors import StudyError
from narrowgate.study._study import Finalists, Ranking, Strategy, Study
from narrowgate.study.journal._find import find, folder_of
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.journal._members import Member, Unit
from narrowgate.study.ranking._brackets import Bracket, Rung, hyperband, successive_halving, unpruned
from narrowgate.study.ranking._cost import CostFunction, bit_operations, bits_per_weight, weight_bits
from narrowgate.study.ranking._fidelity import Fidelity, fidelity, kendall
from narrowgate.study.ranking._pareto import fronts, pareto_order
from narrowgate.study.ranking._ranking import Decision, Standing, promote, rank
from narrowgate.study.report._history import History, RungPlace, history
from narrowgate.study.report._outcome import BestRow, Efficiency, Outcome, Ranked
from narrowgate.study.report._pictures import draw
from narrowgate.study.report._read import best, show
from narrowgate.study.report._tables import as_csv, as_json, as_myst, render
from narrowgate.study.run._concurrency import Concurrency
from narrowgate.study.run._evaluation import Evaluation
from narrowgate.study.run._executor import Executor, Threads
from narrowgate.study.run._finalists import Keep
from narrowgate.study.run._handle import StudyFolder
from narrowgate.study.run._progress import Progress, Report, live_view
from narrowgate.study.run._search import resume, search
from narrowgate.study.run._states import StateFolder, StateStore
from narrowgate.study.run._work import StudyData, UnitResult, work
from narrowgate.study.space._space import DrawnPoint, Space

__all__ = [
    "BestRow",
    "Bracket",
    "Concurrency",
    "CostFunction",
    "Decision",
    "DrawnPoint",
    "Efficiency",
    "Evaluation",
    "Executor",
    "Fidelity",
    "Finalists",
    "History",
    "Keep",
    "Member",
    "MemberId",
    "Outcome",
    "Progress",
    "Ranked",
    "Ranking",
    "Report",
    "Rung",
    "RungPlace",
    "Space",
    "Standing",
    "StateFolder",
    "StateStore",
    "Strategy",
    "Study",
    "StudyData",
    "StudyError",
    "StudyFolder",
    "Threads",
    "Unit",
    "UnitResult",
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
    "history",
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
    "successive_halving",
    "unpruned",
    "weight_bits",
    "work",
]
