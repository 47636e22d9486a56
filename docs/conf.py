"""How Sphinx makes a site of the README, SECURITY.md and docs/. Run by scripts/docs.

The pages stay plain Markdown that GitHub shows as well; the order of the site's menu is here.
"""

from pathlib import Path

MENU = {
    "Start": ["your-own-resource", "development", "languages", "files", "anatomy", "from-flask"],
    "Use": [
        *(
            "classroom",
            "writing",
            "lesson",
            "search",
            "notices",
            "embedding",
            "importing",
            "guides",
            "sign-in",
            "passkeys",
            "mail",
            "single-sign-on",
            "push",
            "webhooks",
            "client",
            "api",
            "live",
        ),
        *("/clients/*/README", "flask-front-ends"),
    ],
    "Run": ["deploy", "settings", "administration", "moderation", "operating", "performance", "scaling"],
    "Trust": ["/SECURITY", "privacy", "register", "reliability", "/conformance/README", "asvs", "comparison"],
    "More": ["/CONTRIBUTING", "first-hour", "/CHANGELOG", "/model/accounts/common_passwords/README", "decisions/*"],
}

ROOT = Path(__file__).parents[1]
project = "Pottle"
html_title = "Pottle"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/decisions/*.md", "**/README.md"]
exclude_patterns = [".*", "instance", "**/node_modules", "examples/start"]
html_theme = "furo"
html_favicon = "../static/logo.svg"
html_show_copyright = html_show_sphinx = False
html_copy_source = False
html_extra_path = ["index.html"]  # leads to README.html
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]  # Pygments knows no elements with a hyphen in JSX
myst_heading_anchors = 4
myst_links_external_new_tab = False
nitpicky = True


def add_menu(app, name, source):
    """The README leads to all pages; a glob takes the rest of a folder."""
    if name != root_doc:
        return
    for caption, pages in MENU.items():
        names = "\n".join(page if page.startswith("/") else f"docs/{page}" for page in pages)
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{names}\n```\n"


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", add_menu)
    return {"parallel_read_safe": True}
