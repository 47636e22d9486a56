"""The log: every line, ours and the servers' and the libraries', goes to stderr in one format.

JSON, one object a line, for programs that collect logs; text for people. A line written while a request or websocket is
served carries its `request_id`, also in the writer's thread. structlog does the work, and code logs as with any
standard `logging`, with `extra={…}` for fields.

Anybody may cause some of these lines, as often as they like: so of each kind only MOST are written in a minute by each
process, and then how many were left out.

No line has anybody's password, code, token or cookie: exceptions are written without the values of variables, paths
without their query, and SQLAlchemy's errors without parameters (pottle/store/engines.py).
"""

import logging
import re
import sys
from collections import Counter
from threading import Timer
from time import monotonic
from typing import Any, NamedTuple, TextIO

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

from pottle.text import printable

SERVERS = ("uvicorn", "uvicorn.error", "hypercorn.error")  # gunicorn's own: pottle/server/arbiter.py
written: Counter[str] = Counter()  # lines of this process, by level
MOST = 60  # lines of one kind in a minute
MOST_KINDS = 1_000  # beyond them all are one kind
MINUTE_SECONDS = 60.0
VARYING = re.compile(r"0x[0-9a-f]+|\d+")  # in the texts of those who make them with f-strings
NOT_FIELDS = ("color_message", "message", "asctime")  # uvicorn's text once more, and what other formatters leave


class Handler(logging.StreamHandler[TextIO]):
    """Where all lines go but those of loggers with a handler of their own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Not what was written already."""
        return not logging.getLogger(record.name).handlers and bool(super().filter(record))


class Kind(NamedTuple):
    """Lines that say the same: from one logger and place, with one text but for what is filled in."""

    logger: str
    level: int
    text: str
    place: str


class Bounded(logging.Filter):
    """Leaves out what is too much of one kind. Access lines, which somebody has asked for, are all written."""

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0
        self._wanted: Counter[Kind] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is to be written."""
        if record.name == "pottle.access":
            return True
        if (now := monotonic()) >= self._until:
            self._until = now + MINUTE_SECONDS
            self.tell()
        kind = _kind(record)
        if kind not in self._wanted and len(self._wanted) >= MOST_KINDS:
            kind = Kind("pottle", logging.WARNING, "Lines of many kinds", "")
        if self._wanted[kind] == MOST:
            self._tell_later(self._until - now)
        self._wanted[kind] += 1
        return self._wanted[kind] <= MOST

    def tell(self) -> None:
        """Says what was left out since the last time."""
        wanted, self._wanted = self._wanted, Counter()
        for kind, count in wanted.items():
            if count > MOST:
                log = logging.getLogger(kind.logger)
                log.log(max(kind.level, logging.WARNING), "%s: %d more lines were left out", kind.text, count - MOST)

    def _tell_later(self, seconds: float) -> None:
        """Also where nothing more is logged. A thread, for there is not always an event loop; it holds nobody up."""
        timer = Timer(seconds, self.tell)
        timer.daemon = True
        timer.start()


bounded = Bounded()


def _kind(record: logging.LogRecord) -> Kind:
    place = ""
    if record.exc_info and (trace := record.exc_info[2]):
        while trace.tb_next:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return Kind(record.name, record.levelno, VARYING.sub("#", str(record.msg)[:200]), place)


def write_as(form: str) -> None:
    """Has everything logged to stderr as `form`: json, text, or auto, which is text on a terminal."""
    root = logging.getLogger()
    for before in [handler for handler in root.handlers if isinstance(handler, Handler)]:
        root.removeHandler(before)
    handler = Handler(sys.stderr)
    handler.setFormatter(formatter(form, sys.stderr))
    handler.addFilter(bounded)
    root.addHandler(handler)
    for name in ("pottle", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)
    adopt_servers(form)


def adopt_servers(form: str) -> None:
    """Has uvicorn's and hypercorn's own handlers write like ours. Some are made late, so it is called twice."""
    for name in SERVERS:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(formatter(form, getattr(handler, "stream", sys.stderr)))
            handler.addFilter(bounded)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    access = logging.getLogger(
        "uvicorn.access"
    )  # it has query strings in it; pottle/http/watching.py writes better ones
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
    """Not what uvicorn says of each websocket: three lines with its query, and a traceback for text that is not UTF-8,
    which is a client's mistake and closes it with 1007."""
    return not str(record.msg).startswith(
        ('%s - "WebSocket', "connection open", "connection closed", "Invalid UTF-8 sequence received from client")
    )
