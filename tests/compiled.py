"""What each application would compile again is compiled once for all of a process: addresses and templates.

With a folder, templates are compiled once for all processes that know it.
"""

import marshal
import os
from collections.abc import Callable
from copy import copy
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import Any

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from pottle import translation
from pottle.http.application import Application

_NOTED, _BUILDERS = ("_parts", "_trace", "_converters", "arguments"), ("_build", "_build_unknown")


def once(folder: Path | None = None) -> None:
    """From here on."""
    Rule.compile = _kept(Rule.compile)  # type: ignore[method-assign]
    Application.jinja_options = {**Application.jinja_options, "bytecode_cache": Templates(folder)}


def _kept(compile_: Callable[[Rule], None]) -> Callable[[Rule], None]:
    """For each application werkzeug would take the same rules apart, and compile two functions for each."""
    compiled: dict[object, dict[str, Any]] = {}

    def compile_once(rule: Rule) -> None:
        known = frozenset(rule.map.converters.items())
        key = (rule.rule, rule.subdomain, rule.host, repr(rule.defaults), rule.merge_slashes, rule.map.host_matching)
        if (key, known) not in compiled:
            compile_(rule)
            builders = {name: getattr(rule, name).__func__ for name in _BUILDERS}
            compiled[key, known] = builders | {name: getattr(rule, name) for name in _NOTED}
        for name in _NOTED:
            setattr(rule, name, copy(compiled[key, known][name]))
        for name in _BUILDERS:
            setattr(rule, name, compiled[key, known][name].__get__(rule))

    return compile_once


class Templates(BytecodeCache):
    """By their source, and the language that they are compiled for, with its catalogue (pottle/http/languages.py)."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._codes: dict[str, CodeType] = {}

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        """What is known of a template."""
        language = getattr(environment.code_generator_class, "args", ())
        catalogues = [(str(file), file.stat().st_mtime_ns) for file in translation.files()]
        what = (name, filename, source, language, environment.is_async, catalogues)
        bucket = Bucket(environment, sha256(repr(what).encode()).hexdigest(), "")
        if bucket.key not in self._codes and self._folder and (file := self._folder / bucket.key).exists():
            self._codes[bucket.key] = marshal.loads(file.read_bytes())  # noqa: S302  # our own
        bucket.code = self._codes.get(bucket.key)
        return bucket

    def set_bucket(self, bucket: Bucket) -> None:
        """Remembers a template."""
        assert bucket.code
        self._codes[bucket.key] = bucket.code
        if self._folder:
            made = self._folder / f"{bucket.key}-{os.getpid()}"
            made.write_bytes(marshal.dumps(bucket.code))
            made.replace(self._folder / bucket.key)
