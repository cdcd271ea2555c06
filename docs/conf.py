"""How Sphinx builds the documentation: offline, from Markdown, to pages that open from disk."""

from narrowgate import __version__

project = "narrowgate"
author = "the narrowgate authors"
copyright = "the narrowgate authors, Apache-2.0"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"

# docstrings write `code` between single backticks
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
maximum_signature_line_length = 88
add_module_names = False
python_use_unqualified_type_names = True

html_theme = "sphinx_book_theme"
html_title = "narrowgate"
html_theme_options = {"show_navbar_depth": 2, "home_page_in_toc": True, "use_download_button": False}
# formulas are drawn by a script that would come from the network; MathML needs none
html_math_renderer = "mathml"


def setup(app):
    """Draw formulas as MathML with docutils' own converter."""
    from docutils.utils.math.latex2mathml import tex2mathml
    from sphinx.util.math import get_node_equation_number

    def visit_inline(writer, node):
        writer.body.append(tex2mathml(node.astext()))

    def visit_block(writer, node):
        number = f'<span class="eqno">({get_node_equation_number(writer, node)})</span>' if node["number"] else ""
        writer.body.append(f'<div class="math">{number}{tex2mathml(node.astext(), as_block=True)}</div>')

    def depart(writer, node):
        pass

    app.add_html_math_renderer("mathml", (visit_inline, depart), (visit_block, depart))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
