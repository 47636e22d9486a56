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
LAID_OVER = "examples/start/"
# What a project without discussions has of this checkout; the rest of it is in examples/start.
KEPT = (
    *("pottle", "static/pottle", "static/docs.js", "static/forms.js", "static/texts.js"),
    *("static/logo.svg", "templates/docs.html"),
    *("scripts/check", "scripts/run", "scripts/setup", "scripts/test"),
    *("tests/compiled.py", "tests/databases.py", "tests/server.py", "tests/warm.py"),
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
    """What git knows of this checkout; or of it what there is in KEPT, with examples/start laid over it."""
    for path in tracked():
        target = path.removeprefix(LAID_OVER) if small else path
        if small and target == path and not any(path == kept or path.startswith(f"{kept}/") for kept in KEPT):
            continue
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / target, follow_symlinks=False)


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        sys.exit("scripts/new needs git, and a checkout made by it: git says which files are the project's.")
    found = [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]
    return sorted(found, key=lambda path: path.startswith(LAID_OVER))  # after what it is laid over


def call_it(folder: Path, name: str, small: bool) -> None:
    """Puts the name where people read it: pages, the image, and what README and main.py call themselves."""
    for file in (file for pattern in BRANDED for file in folder.glob(pattern)):
        text, called = file.read_text(), html.escape(name) if file.suffix in (".html", ".svg") else name
        if small:
            text = text.replace("PROJECT", called)
        elif file.name == "README.md":
            text = text.replace("# Pottle\n", f"# {name}\n", 1)
        if file.name not in ("README.md", "main.py"):  # where the engine is meant
            text = text.replace("Pottle", called)
        file.write_text(text)


def remember(folder: Path, name: str) -> None:
    """The first commit, by whoever git thinks you are; by nobody in particular where it does not know."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=folder, check=True)
    if (folder / "docs" / "files.py").exists():  # the list of files, of which the README has another heading now
        subprocess.run([sys.executable, "docs/files.py"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    known = subprocess.run(["git", "config", "user.email"], cwd=folder, capture_output=True).returncode == 0
    who = [] if known else ["-c", f"user.name={name}", "-c", "user.email=nobody@localhost"]
    made = ["commit", "--quiet", "-m", f"{name}, from Pottle {VERSION}"]
    subprocess.run(["git", *who, *made], cwd=folder, check=True)


if __name__ == "__main__":
    main()
