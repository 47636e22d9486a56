"""The page that tells what was measured: docs/performance.md, with its plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import plot, tables
from bench.contest import Measured, Options, Work

METHOD = """\
Written by `scripts/bench --write`; `scripts/bench --help` says how to measure a part of it, or more thoroughly.

All contestants run on the same machine as the load, hold the same data ({posts:,} posts in {channels:,} channels), and
are measured in turn ({rounds} rounds of {seconds:g} s each, A B C A B C …, each
once the one before is idle), so that a busy moment of the machine does
not count for one of them alone. Numbers are medians over the rounds, in brackets the smallest and the
largest. Ratios are taken within a round. The load is `wrk` with 64 connections, which sends the next request once it
has the answer: latencies are those of a server with all hands full. An answer that is not 2xx is an error. "CPU us" is
what the server's processes spent on an answer, user and system together; it depends less on what else the machine does.

- **Pottle**: as deployed, `gunicorn main:app` with three workers, every commit on disk before it is answered
  (`synchronous=FULL`). Only its rate limits are off.
- **empty ASGI app**: answers with Pottle's very bytes under the same gunicorn and uvicorn, on our transport.
- **Flask**, **FastAPI**, **plain Quart**: the same endpoints, JSON, Markdown and templates, on SQLAlchemy; one query a
  list, indexes, WAL, `synchronous=FULL`, three workers.
- **PocketBase**: as it comes (`synchronous=NORMAL`: a loss of power can take the last writes). Its creates need no
  account, its lists have no total and no join.
- **Isso**: under gunicorn with three workers, its limits off. It has no index on a page's comments.
"""


def page(
    about: dict[str, Any], options: Options, data: Any, works: Sequence[Work], results: dict[str, Measured]
) -> str:
    """The page, in Markdown."""
    method = METHOD.format(posts=data.total, channels=data.channels, rounds=options.rounds, seconds=options.seconds)
    parts = ["# Performance", method, "![Answers a second](performance.svg)", "## Targets"]
    parts += [tables.markdown(tables.targets(results)), "## Measured"]
    for work in works:
        if work.name in results:
            parts += [
                f"### {work.title[0].upper()}{work.title[1:]}",
                tables.markdown(tables.table(work, results[work.name])),
            ]
    return "\n\n".join([*parts, "## Measured on", _machine(about)]) + "\n"


def _machine(about: dict[str, Any]) -> str:
    facts = {
        "CPU": f"{about['cpus']} × {about['cpu']}",
        "Memory": about["memory"],
        "System": f"{about['system']}, {about['disk']}",
        "Python, SQLite, wrk": f"{about['python']}, {about['sqlite']}, {about['wrk']}",
        "Packages": ", ".join(f"{name} {found}" for name, found in about["versions"].items()),
        "Load before (1 min)": f"{about['load']:.2f}",
        "Commit": about["commit"],
    }
    return tables.markdown([["", ""], *([name, fact] for name, fact in facts.items())])


def write(folder: Path, text: str, works: Sequence[Work], results: dict[str, Measured]) -> None:
    """Puts the page and the plot into `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "performance.md").write_text(text)
    (folder / "performance.svg").write_text(plot.bars(works, results))
