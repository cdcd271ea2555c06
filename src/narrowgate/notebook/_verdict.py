"""The verdict on a run: a sentence or two, as one would write it into the notebook."""

from narrowgate.notebook._spelling import fraction, significant, with_interval
from narrowgate.notebook.record._load import Run
from narrowgate.notebook.record._state import Status
from narrowgate.trigger import WorkingPoint, indistinguishable
from narrowgate.units import in_kilohertz


def verdict_sentence(run: Run) -> str:
    """What the run came to: how it ended, what it keeps at the lowest rate beside the cuts, and how its curve went."""
    if run.status is not Status.FINISHED:
        return f"The run is {run.status}{f': {run.reason}' if run.reason else ''}."
    sentences = []
    if run.measures.points:
        point = run.measures.points[0]
        kept = with_interval(point.efficiency, point.low, point.high)
        cuts = run.measures.cuts_at_rate(point.rate)
        if better := better_cuts(run):
            sentences.append(f"Worse than the {' and the '.join(better)} cut: the network is not worth its place.")
        against = [_against(point, cut, name) for name, cut in cuts.items()]
        beside = f", {' and '.join(against)}" if against else ""
        sentences.append(f"At {in_kilohertz(point.rate)} the network keeps {kept} of the signal{beside}.")
    if run.measures.verdict:
        volatility = f" (volatility {significant(run.measures.volatility, 2)})" if run.measures.volatility else ""
        sentences.append(f"The validation loss is {run.measures.verdict}{volatility}.")
    if run.measures.stopped:
        sentences.append(f"The training stopped early: {run.measures.stopped.rstrip('.')}.")
    return " ".join(sentences)


def verdict_words(run: Run) -> str:
    """The verdict in a table's cell: a cut that is better than the network first, then the word for its curve."""
    better = better_cuts(run)
    words = [f"worse than {' and '.join(better)}"] if better else []
    return "; ".join([*words, *([run.measures.verdict] if run.measures.verdict else [])]) or "–"


def better_cuts(run: Run) -> list[str]:
    """The cuts that keep more signal than the network at the lowest rate, beyond what the sample leaves open."""
    if not run.measures.points:
        return []
    point = run.measures.points[0]
    return [name for name, cut in run.measures.cuts_at_rate(point.rate).items() if _is_better(cut, point)]


def data_sentence(run: Run) -> str:
    """What data the run was trained and judged on: name, fingerprint, where they lay; empty where it does not tell."""
    if run.data is None:
        return ""
    mark = f" ({run.data.fingerprint[:8]})" if run.data.fingerprint else ""
    place = f", {run.data.path}" if run.data.path else ""
    return f"Data: {run.data.name or 'a data set without a name'}{mark}{place}."


def exactness_sentence(run: Run) -> str:
    """By what a run was judged, and how far the training graph is from it; empty for a float network."""
    found = run.measures.disagreement
    if found is None:
        return ""
    events = f"{found.events:,}".replace(",", "\u202f")
    judged = "Judged by exact integers, as hardware computes; the training graph (float32 sums)"
    if not found.differing:
        return f"{judged} gives the same score for all {events} events."
    differing = f"{found.differing:,}".replace(",", "\u202f")
    changed = ", ".join(
        f"{count} at {in_kilohertz(point.rate)}"
        for count, point in zip(found.changed, run.measures.points, strict=False)
    )
    return (
        f"{judged} gives another score for {differing} of {events} events, by {significant(found.largest, 2)} at "
        f"most; decisions that differ: {changed}."
    )


def _is_better(cut: WorkingPoint, point: WorkingPoint) -> bool:
    if cut.efficiency <= point.efficiency:
        return False
    return point.rate != cut.rate or point.confidence != cut.confidence or not indistinguishable(cut, point)


def _against(point: WorkingPoint, cut: WorkingPoint, name: str) -> str:
    """Compare a network with a cut at the same rate, in words."""
    if point.rate == cut.rate and point.confidence == cut.confidence and indistinguishable(point, cut):
        return f"not to be told from the {name} cut ({fraction(cut.efficiency)})"
    word = "more" if point.efficiency > cut.efficiency else "less"
    return f"{word} than the {name} cut ({fraction(cut.efficiency)})"
