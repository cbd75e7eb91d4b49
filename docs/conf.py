"""How Sphinx builds the site. Its root is that of the repository, so that pages link as they do there."""

from importlib.metadata import version as version_of
from pathlib import Path

project = "labelwise"
author = "The labelwise authors"
copyright = "The labelwise authors. Licence: Apache-2.0"
version = release = version_of("labelwise")

root_doc = "docs/index"
# Tables of benchmarks are linked from pages, and in no menu; a test looks after pages.
suppress_warnings = ["toc.not_included"]
include_patterns = ["docs/**", "benchmarks/**.md", "*.md"]
exclude_patterns = ["docs/_templates"]
# Absolute: autosummary looks beside the pages, not beside this file.
templates_path = [str(Path(__file__).parent / "_templates")]
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4  # pages link to headings, as on GitHub
autosummary_generate = True
autodoc_typehints = "none"  # docstrings give types
numpydoc_show_class_members = False  # the members are shown in full

html_theme = "pydata_sphinx_theme"
html_title = "labelwise"
html_show_sourcelink = False
html_theme_options = {
    "secondary_sidebar_items": ["page-toc"],
    "navbar_align": "left",
    "footer_end": [],
}


def setup(app):
    """Leave out what estimators inherit from scikit-learn, whose pages refer to pages that are not here."""
    app.connect("autodoc-skip-member", skip_inherited)


def skip_inherited(app, what, name, member, skip, options):
    """Skip members of scikit-learn's classes; None leaves the decision to others."""
    return (getattr(member, "__module__", None) or "").startswith("sklearn") or None
