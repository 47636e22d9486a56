"""The log: every line, ours and the servers' and the libraries', goes to stderr in one format.

JSON, one object a line, for programs that collect logs; text for people. A line written while a request or websocket is
served carries its `request_id`, also in the writer's thread. Code logs as with any `logging`, with `extra={…}` for
fields. Of each kind of line only MOST are written in a minute by each process, and then how many were left out.

No line has anybody's password, code, token or cookie: exceptions are written without the values of variables, paths
without their query, and SQLAlchemy's errors without parameters (pottle/store/engines.py).
"""

import logging
import re
import sys
from collections import Counter
from threading import Timer
from time import monotonic
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


Kind = tuple[str, int, str, str]  # lines that say the same: their logger, level, text without numbers, and place


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
            kind = ("pottle", logging.WARNING, "Lines of many kinds", "")
        if self._wanted[kind] == MOST:
            timer = Timer(self._until - now, self.tell)  # a thread, for there is not always an event loop
            timer.daemon = True
            timer.start()
        self._wanted[kind] += 1
        return self._wanted[kind] <= MOST

    def tell(self) -> None:
        """Says what was left out since the last time."""
        wanted, self._wanted = self._wanted, Counter()
        for (name, level, text, _), count in wanted.items():
            if count > MOST:
                logger, left_out = logging.getLogger(name), count - MOST
                logger.log(max(level, logging.WARNING), "%s: %d more lines were left out", text, left_out)


bounded = Bounded()


def _kind(record: logging.LogRecord) -> Kind:
    place = ""
    if record.exc_info and (trace := record.exc_info[2]):
        while trace.tb_next:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return record.name, record.levelno, VARYING.sub("#", str(record.msg)[:200]), place


def write_as(form: str) -> None:
    """Has everything logged to stderr as `form`: json, text, or auto, which is text on a terminal."""
    root = logging.getLogger()
    for before in [handler for handler in root.handlers if isinstance(handler, Handler)]:
        root.removeHandler(before)
    root.addHandler(adopt(Handler(sys.stderr), form))
    for name in ("pottle", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)
    adopt_servers(form)


def adopt_servers(form: str) -> None:
    """Has uvicorn's and hypercorn's own handlers write like ours. Some are made late, so it is called twice."""
    for name in SERVERS:
        for handler in logging.getLogger(name).handlers:
            adopt(handler, form)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    access = logging.getLogger("uvicorn.access")  # has query strings; pottle/http/watching.py writes better lines
    access.handlers, access.propagate = [], False


def adopt(handler: logging.Handler, form: str) -> logging.Handler:
    """Has a handler write as `form`, and not too much of one kind."""
    handler.setFormatter(formatter(form, getattr(handler, "stream", sys.stderr)))
    handler.addFilter(bounded)
    return handler


def formatter(form: str, stream: Any) -> logging.Formatter:
    """Makes lines of records, with colours if `stream` is a terminal."""
    terminal = hasattr(stream, "isatty") and stream.isatty()
    if form == "text" or (form != "json" and terminal):
        processors: list[Processor] = [
            TimeStamper("%Y-%m-%d %H:%M:%S", utc=False),
            ProcessorFormatter.remove_processors_meta,
            _written_out,
            # Not its default, which shows the values of variables.
            ConsoleRenderer(colors=terminal, exception_formatter=plain_traceback, sort_keys=False, pad_event_to=0),
        ]
    else:
        processors = [
            TimeStamper("iso"),
            add_logger_name,
            CallsiteParameterAdder([CallsiteParameter.PROCESS]),
            ProcessorFormatter.remove_processors_meta,
            StackInfoRenderer(),
            format_exc_info,
            JSONRenderer(),
        ]
    before: list[Processor] = [merge_contextvars, add_log_level, ExtraAdder(), _counted]
    return ProcessorFormatter(foreign_pre_chain=before, processors=processors)


def _written_out(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What a terminal would obey, or take for another line, is written out; JSON does so by itself."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _counted(_logger: Any, _method: str, event: EventDict) -> EventDict:
    written[event["level"]] += 1
    return {name: value for name, value in event.items() if name not in NOT_FIELDS}


def _is_news(record: logging.LogRecord) -> bool:
    """Not what uvicorn says of each websocket: three lines with its query, and a traceback for text that is not UTF-8,
    which is a client's mistake and closes it with 1007."""
    return not str(record.msg).startswith(
        ('%s - "WebSocket', "connection open", "connection closed", "Invalid UTF-8 sequence received from client")
    )
