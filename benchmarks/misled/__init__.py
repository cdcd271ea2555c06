"""Was the search of July 2022 misled, and is ours not? `python -m benchmarks.misled`; the page is `docs/misled.md`."""
