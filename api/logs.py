"""The log: every line, ours and the servers' and the libraries', goes to stderr in one format.

JSON, one object a line, for programs that collect logs; text for people. A line written while a request or websocket is
served carries its `request_id`, also in the writer's thread. structlog does the work, and code logs as with any
standard `logging`, with `extra={…}` for fields.

No line has anybody's password, code, token or cookie: exceptions are written without the values of variables, paths
without their query, and SQLAlchemy's errors without parameters (model/store/engines.py).
"""

import logging
import sys
from collections import Counter
from typing import Any, TextIO

from structlog.contextvars import merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import (
    CallsiteParameter,
    CallsiteParameterAdder,
    JSONRenderer,
    StackInfoRenderer,
    TimeStamper,
    format_exc_info,
)
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor

from model.text import printable

SERVERS = ("uvicorn", "uvicorn.error", "hypercorn.error")  # gunicorn's own: api/arbiter.py
written: Counter[str] = Counter()  # lines of this process, by level
NOT_FIELDS = ("color_message", "message", "asctime")  # uvicorn's text once more, and what other formatters leave


class Handler(logging.StreamHandler[TextIO]):
    """Where all lines go but those of loggers with a handler of their own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Not what was written already."""
        return not logging.getLogger(record.name).handlers and bool(super().filter(record))


def write_as(form: str) -> None:
    """Has everything logged to stderr as `form`: json, text, or auto, which is text on a terminal."""
    root = logging.getLogger()
    for before in [handler for handler in root.handlers if isinstance(handler, Handler)]:
        root.removeHandler(before)
    handler = Handler(sys.stderr)
    handler.setFormatter(formatter(form, sys.stderr))
    root.addHandler(handler)
    for name in ("pottle", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)
    adopt_servers(form)


def adopt_servers(form: str) -> None:
    """Has uvicorn's and hypercorn's own handlers write like ours. Some are made late, so it is called twice."""
    for name in SERVERS:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(formatter(form, getattr(handler, "stream", sys.stderr)))
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    access = logging.getLogger("uvicorn.access")  # it has query strings in it; api/http/watching.py writes better ones
    access.handlers, access.propagate = [], False


def formatter(form: str, stream: Any) -> logging.Formatter:
    """Makes lines of records, with colours if `stream` is a terminal."""
    terminal = hasattr(stream, "isatty") and stream.isatty()
    text = form == "text" or (form != "json" and terminal)
    return ProcessorFormatter(
        foreign_pre_chain=[merge_contextvars, add_log_level, _count, ExtraAdder(), _fields_only],
        processors=_text(terminal) if text else _json(),
    )


def _text(terminal: bool) -> list[Processor]:
    return [
        TimeStamper("%Y-%m-%d %H:%M:%S", utc=False),
        ProcessorFormatter.remove_processors_meta,
        _written_out,
        # Not its default, which shows the values of variables.
        ConsoleRenderer(colors=terminal, exception_formatter=plain_traceback, sort_keys=False, pad_event_to=0),
    ]


def _json() -> list[Processor]:
    return [
        TimeStamper("iso"),
        add_logger_name,
        CallsiteParameterAdder([CallsiteParameter.PROCESS]),
        ProcessorFormatter.remove_processors_meta,
        StackInfoRenderer(),
        format_exc_info,
        JSONRenderer(),
    ]


def _count(_logger: Any, _method: str, event: EventDict) -> EventDict:
    written[event["level"]] += 1
    return event


def _written_out(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What a terminal would obey, or take for another line, is written out; JSON does so by itself."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _fields_only(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for name in NOT_FIELDS:
        event.pop(name, None)
    return event


def _is_news(record: logging.LogRecord) -> bool:
    """Not uvicorn's three lines for each websocket, which have its query in them."""
    text = str(record.msg)
    return record.levelno > logging.INFO or not (
        text.startswith('%s - "WebSocket') or text in ("connection open", "connection closed")
    )
