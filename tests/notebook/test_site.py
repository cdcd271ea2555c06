"""The pages are read by Sphinx without a warning, whatever words were put into names and notes."""

import subprocess
import sys
from pathlib import Path

import pytest

from narrowgate.notebook import add_note, create, draw, write_pages
from narrowgate.trigger import ht

from .notebook_example import LABELS, LSB, curve, events, make_run

CONFIGURATION = """
extensions = ["myst_nb"]
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
"""
NASTY = """# not a heading
and _this_ *is* `not` <code> [a](b) {ref}`x` $5 | 6$ ```
---
- a list
- of two

:::{note}
(label)=
% comment
+++
> quoted
1. one
&amp; https://example.org x_y
"""


@pytest.mark.slow
def test_sphinx_reads_the_pages_without_a_warning(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    run = make_run(root, name="[a](b) {ref}`x` | $y$ # *z*")
    make_run(root)
    scores, images = events()
    draw(run.folder, curve=curve(), scores=scores, labels=LABELS, cuts={"HT": ht(images, LSB)}, title=run.id)
    add_note(root, run.id, NASTY)
    create(root, configuration={}, environment={}).fail(NASTY)
    write_pages(root)
    (root / "conf.py").write_text(CONFIGURATION)
    (root / "thesis.md").write_text(f"---\norphan: true\n---\n# Thesis\n\nSee {{ref}}`the run <run-{run.id}>`.\n")
    sphinx = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    built = subprocess.run([*sphinx, str(root), str(tmp_path / "site")], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "site" / run.id / "run.html").read_text()
    assert page.count("<img") >= 4
    assert "# not a heading" in page
    assert page.count("<h1>") == 1
    assert f'href="{run.id}/run.html#' in (tmp_path / "site" / "thesis.html").read_text()
