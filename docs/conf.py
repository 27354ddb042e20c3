"""The documentation site; `nox -s docs` builds it."""

import re
from importlib.metadata import version as installed
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.ext.autosummary import autosummary_table

HERE = Path(__file__).parent
ROOT = HERE.parent

project = "skbackprop"
author = "The skbackprop developers"
project_copyright = author
release = version = installed("skbackprop")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]

# A name between single backticks is a link where there is such a thing.
default_role = "autolink"
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# Notebooks are shown as they were committed, which is as executed; the tests execute them.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

nitpicky = True
# Fitted attributes, and a field of Activation: described with their class, no own entries.
nitpick_ignore_regex = [("py:obj", r"\w+_"), ("py:obj", "of")]

# A notebook's page that the reader serves himself.
linkcheck_ignore = [r"http://localhost"]

html_theme = "pydata_sphinx_theme"
html_title = "skbackprop"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "changelog", "mathematics")}
html_theme_options = {
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def _gather(app, config):
    """Bring in what lives elsewhere in the repository: Sphinx reads one folder."""
    pages = ("changelog", "contributing", "security")
    copies = {f"{page.upper()}.md": f"{page}.md" for page in pages}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        copies[f"notebooks/{path.name}"] = f"notebooks/{path.name}"
    (HERE / "notebooks").mkdir(exist_ok=True)
    for source, copy in copies.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        # Their links lead into the folder docs, which they now are in.
        text = re.sub(r"\]\((\.\./)?docs/", r"](\1", text)
        text = text.replace("](SECURITY.md)", "](security.md)")
        (HERE / copy).write_text(text, encoding="utf-8")


def _drop_citations(app, doctree):
    """Drop marks of literature from the reference's list, whose entries are first sentences."""
    for table in doctree.findall(autosummary_table):
        for mark in list(table.findall(addnodes.pending_xref)):
            if mark["refdomain"] == "citation":
                before = mark.parent[mark.parent.index(mark) - 1]
                before.parent.replace(before, nodes.Text(before.astext().rstrip()))
                mark.parent.remove(mark)


def _adapt(app, page, source):
    """Let pages that are also read and tested as files look as they should here."""
    # An empty line at the end of a doctest is for the test runner.
    text = source[0].replace("\n\n```\n", "\n```\n")
    # Notebooks are beside the folder docs, and their copies in it.
    source[0] = re.sub(r"\]\(\.\./((\.\./)?notebooks/)", r"](\1", text)


def _skip(app, what, name, obj, skip, options):
    """Leave out properties: the class's docstring lists all fitted attributes."""
    return True if isinstance(obj, property) else None


def setup(app):
    """Called by Sphinx."""
    app.connect("doctree-read", _drop_citations)
    app.connect("source-read", _adapt)
    app.connect("autodoc-skip-member", _skip)
    app.connect("config-inited", _gather)
