"""Writes docs/files.md, the list of files, from what each says of itself in its first line.

python docs/files.py          writes it (scripts/docs does so too)
"""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "files.md"
INTRODUCTION = """# Files

Every file, with what it says of itself in its first line. `scripts/docs` makes this page.
"""
NO_PAGES = ("docs/files.md", "instance/README.md", "examples/start/README.md")  # not in the site
PROGRAMS = ("scripts", ".ci")
ORDER = ("", "api", "model", "pottle", "templates", "static", "scripts", "deploy", "examples", "clients", "conformance")
KINDS = (
    ".py",
    ".js",
    ".mjs",
    ".ts",
    ".css",
    ".html",
    ".xml",
    ".md",
    ".in",
    ".toml",
    ".yml",
    ".conf",
    ".service",
    ".timer",
)
COMMENT = re.compile(
    r"""\A(?:\#![^\n]*\n)?                    # which program runs it
        (?:/\*\*?(?P<c>.*?)\*/
        |\{\#-?\s*(?P<jinja>.*?)-?\#\}
        |<!--\s*(?P<html>.*?)-->
        |(?P<lines>(?:(?:\#|//)[^\n]*\n)+))""",
    re.VERBOSE | re.DOTALL,
)


def said(path: Path) -> str:
    """The first sentence of a file's docstring, heading or first comment; "" where there is none."""
    if path.suffix not in KINDS and path.parent.name not in PROGRAMS and path.name not in ("Dockerfile", "Caddyfile"):
        return ""
    text = path.read_text()
    if path.suffix == ".py":
        whole = ast.get_docstring(ast.parse(text)) or ""
    elif path.suffix == ".md":
        whole = "".join(re.findall(r"\A# (.+)", text))
    else:
        found = COMMENT.match(text) or re.search(r"^/\*\*(?P<c>.*?)\*/", text, re.MULTILINE | re.DOTALL)
        whole = next(filter(None, found.groups()), "") if found else ""
        whole = re.sub(r"^\s*(?:\#|//|\*)+ ?", "", whole, flags=re.MULTILINE)
    paragraph = " ".join(whole.strip().split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.:])\s+(?=[A-Z`])", paragraph)[0]
    return sentence.rstrip(".:").replace("|", "\\|")


def page() -> str:
    """The page, from the files that are in the repository or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout  # noqa: S603
    folders: dict[str, list[str]] = {}
    for name in sorted({*listed.split("\0")} - {"", *NO_PAGES}):
        if Path(name).match("examples/embed/*/*/*.md"):
            continue  # a page of another site
        if (ROOT / name).is_file() and (says := said(ROOT / name)):
            folder, _, base = name.rpartition("/")
            folders.setdefault(folder, []).append(f"| [`{base}`](../{name}) | {says} |")
    parts = [INTRODUCTION]
    for folder in sorted(folders, key=_place):
        parts += [f"\n## {f'`{folder}/`' if folder else 'The top'}\n", "| file | |", "|---|---|", *folders[folder]]
    return "\n".join(parts) + "\n"


def _place(folder: str) -> tuple[int, str]:
    top = folder.partition("/")[0]
    return (ORDER.index(top) if top in ORDER else len(ORDER), folder)


if __name__ == "__main__" and (made := page()) != PAGE.read_text():
    PAGE.write_text(made)
