"""Makes a project of your own from this checkout, in a folder of its own, with git.

scripts/new ../chess-club                          all that is here, under another name
scripts/new ../chess-club --without-discussions    accounts, one example resource and one page, on the same engine
scripts/new ../chess-club --name "Chess at noon"   what pages and README call it
"""

import argparse
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

from pottle import VERSION

ROOT = Path(__file__).parents[1]
START = ROOT / "examples" / "start"
# What a project without discussions has of this checkout; the rest of it is in examples/start.
KEPT = (
    *("pottle", "static/pottle", "static/docs.js", "static/forms.js", "static/logo.svg", "templates/docs.html"),
    *("scripts/check", "scripts/run", "scripts/setup", "scripts/test", "tests/server.py"),
    *("gunicorn.conf.py", "Dockerfile", ".dockerignore", ".editorconfig"),
    *("requirements.in", "requirements.txt", "requirements-dev.in", "requirements-dev.txt"),
    *(".gitignore", "instance/.gitignore", ".vscode", "LICENSE"),
)
BRANDED = ("templates/**/*.html", "main.py", "README.md", "static/logo.svg", "Dockerfile")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/new", description="Makes a project of your own.")
    parser.add_argument("folder", type=Path, help="where; it must not be there yet, or be empty")
    parser.add_argument("--name", help="what pages call it (default: from the folder's name)")
    parser.add_argument("--without-discussions", action="store_true", help="only accounts, a resource and a page")
    asked = parser.parse_args()
    folder, name = asked.folder.resolve(), asked.name or named_after(asked.folder.resolve())
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        parser.error(f"{folder} is there already, and not empty.")
    if folder.is_relative_to(ROOT):
        parser.error(f"{folder} is inside this checkout; choose a place beside it.")
    if not re.fullmatch(r"[^\W_][\w .,'’&+-]{0,59}", name):
        parser.error(f"{name!r} does not do as a name: letters and digits first, 60 characters at most.")
    copy(folder, small=asked.without_discussions)
    call_it(folder, name, small=asked.without_discussions)
    remember(folder, name)
    print(f"{name} is in {folder}. Go on there: scripts/run, then scripts/test; README.md says the rest.")


def named_after(folder: Path) -> str:
    """`chess-club` is "Chess club"."""
    words = re.sub(r"[-_. ]+", " ", folder.name).strip()
    return words[:1].upper() + words[1:]


def copy(folder: Path, small: bool) -> None:
    """What git knows of this checkout, or what there is in KEPT, with examples/start laid over it."""
    for path in tracked():
        target, wanted = folder / path, not small
        if small:
            wanted = any(path == kept or path.startswith(f"{kept}/") for kept in KEPT)
        if path.startswith("examples/start/") and small:
            target, wanted = folder / path.removeprefix("examples/start/"), True
        if wanted:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, target, follow_symlinks=False)


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        sys.exit("scripts/new needs git, and a checkout made by it: git says which files are the project's.")
    found = [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]
    return sorted(found, key=lambda path: path.startswith("examples/start/"))  # these are laid over the others


def call_it(folder: Path, name: str, small: bool) -> None:
    """Puts the name where people read it."""
    for pattern in BRANDED:
        for file in folder.glob(pattern):
            text, called = file.read_text(), html.escape(name) if file.suffix in (".html", ".svg") else name
            if file.name == "README.md" and not small:
                text = text.replace("# Pottle\n", f"# {name}\n", 1)
            elif small:
                text = text.replace("PROJECT", called)
                text = text if file.name in ("README.md", "main.py") else text.replace("Pottle", called)
            elif file.name != "main.py":
                text = text.replace("Pottle", called)
            file.write_text(text)


def remember(folder: Path, name: str) -> None:
    """The first commit, by whoever git thinks you are; by nobody in particular where it does not know."""
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    if (folder / "docs" / "files.py").exists():  # the list of files, of which the README has another heading now
        subprocess.run([sys.executable, "docs/files.py"], cwd=folder, check=True)
        subprocess.run([*git, "add", "--all"], check=True)
    known = subprocess.run([*git, "config", "user.email"], capture_output=True).returncode == 0
    who = [] if known else ["-c", f"user.name={name}", "-c", "user.email=nobody@localhost"]
    subprocess.run([*git[:1], *who, *git[1:], "commit", "--quiet", "-m", f"{name}, from Pottle {VERSION}"], check=True)


if __name__ == "__main__":
    main()
