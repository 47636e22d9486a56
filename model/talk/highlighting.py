"""Code in colours: keywords, comments, text, numbers and names, of the languages that classes write.

Written here, and simple: each character is looked at a bounded number of times, whatever somebody posts. (Pygments
takes three seconds for 10,000 line breaks that say they are Java.) Keywords are <b> and comments <i>, so that they
stand out also where a page of another site knows nothing of our classes.
"""

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import NamedTuple

CLASSES = {"text", "number", "name", "added", "gone"}  # of a span

_SLASHES = r"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)"
_HASH = r"#[^\n]*"
_DOUBLE, _SINGLE = r'"(?:[^"\\\n]|\\.)*"?', r"'(?:[^'\\\n]|\\.)*'?"
_BACKTICKS = r"`(?:[^`\\]|\\[\s\S])*`?"
_TRIPLE = r'"""[\s\S]*?(?:"""|\Z)|' + r"'''[\s\S]*?(?:'''|\Z)"
_QUOTED = f"{_DOUBLE}|{_SINGLE}"
_NUMBER = r"(?<![\w.])\d[\w.]*"
_WORD = r"[^\W\d][\w]*"
_DASHED = r"[@.#]?[^\W\d][\w-]*"


class Language(NamedTuple):
    """How one looks: what begins a comment and a text, its keywords, and what stands behind a name that counts."""

    words: str = ""
    comment: str = _SLASHES
    text: str = _QUOTED
    behind: str = "("
    word: str = _WORD
    number: str = _NUMBER
    any_case: bool = False


_C = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long return "
    "short signed sizeof static struct switch typedef union unsigned void volatile while bool true false NULL"
)
_JAVA = (
    "abstract boolean break byte case catch char class const continue default do double else enum extends final "
    "finally float for if implements import instanceof int interface long new null package private protected public "
    "record return short static super switch this throw throws true try var void while false"
)
_JAVASCRIPT = (
    "async await break case catch class const continue default delete do else export extends false finally for "
    "function if import in instanceof let new null of return static super switch this throw true try typeof undefined "
    "var void while yield"
)
_PYTHON = (
    "False None True and as assert async await break case class continue def del elif else except finally for from "
    "global if import in is lambda match nonlocal not or pass raise return self try while with yield"
)
_RUBY = (
    "alias and begin break case class def do else elsif end ensure false for if in module next nil not or raise redo "
    "require rescue retry return self super then true undef unless until when while yield puts"
)
_SQL = (
    "add all alter and as asc avg begin between by case check column commit constraint count create default delete "
    "desc distinct drop else end exists foreign from group having in index inner insert into is join key left like "
    "limit max min not null offset on or order outer primary references right rollback select set sum table then "
    "union unique update values view when where with"
)
_SHELL = (
    "case do done echo elif else esac exit export fi for function if in local read return set shift source then unset "
    "until while cd sudo"
)
_GO = (
    "break case chan const continue default defer else fallthrough for func go goto if import interface map nil "
    "package range return select struct switch type var true false string int bool error"
)
_RUST = (
    "as async await break const continue crate else enum extern false fn for if impl in let loop match mod move mut "
    "pub ref return self Self static struct super trait true type unsafe use where while"
)
_KOTLIN = (
    "as break by class companion continue data do else false for fun if import in interface internal is null object "
    "open override package private protected public return super suspend this throw true try typealias val var when "
    "while"
)
_SWIFT = (
    "as break case catch class continue default defer do else enum extension false for func guard if import in init "
    "inout is let nil private protocol public repeat return self static struct super switch throw throws true try var "
    "where while"
)
_PHP = (
    f"{_JAVASCRIPT} abstract and array as echo elseif endforeach endif foreach fn global implements include interface "
    "isset namespace or print private protected public readonly require trait use"
)
_CSHARP = (
    f"{_JAVA} as async await base bool checked decimal delegate event foreach get in internal is namespace object out "
    "override params readonly ref sealed set string struct using virtual where"
)
_CPP = (
    f"{_C} alignas catch class constexpr decltype delete explicit final friend mutable namespace new noexcept nullptr "
    "operator override private protected public template this throw try typename using virtual std"
)
_HASKELL = "case class data deriving do else if import in instance let module newtype of otherwise then type where"
_LUA = "and break do else elseif end false for function goto if in local nil not or repeat return then true until while"
_R = "break else FALSE for function if in library Inf NA NaN next NULL repeat return TRUE while"

LANGUAGES = {
    "bash": Language(_SHELL, comment=r"(?<![\w$])#[^\n]*"),
    "c": Language(_C),
    "cpp": Language(_CPP),
    "csharp": Language(_CSHARP),
    "css": Language("important", comment=r"/\*[\s\S]*?(?:\*/|\Z)", behind=":", word=_DASHED),
    "go": Language(_GO, text=f"{_QUOTED}|{_BACKTICKS}"),
    "haskell": Language(_HASKELL, comment=r"--[^\n]*|\{-[\s\S]*?(?:-\}|\Z)", text=_DOUBLE),
    "html": Language(comment=r"<!--[\s\S]*?(?:-->|\Z)", behind="=", word=r"</?[\w:-]+|[\w:-]+", number=r"&#?\w+;?"),
    "ini": Language("true false null yes no on off", comment=r"[#;][^\n]*", behind="=:", word=_DASHED),
    "java": Language(_JAVA, text=f"{_TRIPLE}|{_QUOTED}"),
    "javascript": Language(_JAVASCRIPT, text=f"{_QUOTED}|{_BACKTICKS}"),
    "json": Language("true false null", behind=":"),
    "kotlin": Language(_KOTLIN, text=f"{_TRIPLE}|{_QUOTED}"),
    "latex": Language("begin end", comment=r"%[^\n]*", text=r"\$[^$\n]*\$?", behind="{", word=r"\\?[^\W\d_]+"),
    "lua": Language(_LUA, comment=r"--[^\n]*"),
    "php": Language(_PHP, comment=f"{_SLASHES}|{_HASH}", word=r"<\?php|\?>|\$?[^\W\d]\w*"),
    "python": Language(_PYTHON, comment=_HASH, text=f"{_TRIPLE}|{_QUOTED}"),
    "r": Language(_R, comment=_HASH),
    "ruby": Language(_RUBY, comment=_HASH),
    "rust": Language(_RUST, text=_DOUBLE),
    "sql": Language(_SQL, comment=r"--[^\n]*|/\*[\s\S]*?(?:\*/|\Z)", any_case=True),
    "swift": Language(_SWIFT, text=f"{_TRIPLE}|{_DOUBLE}"),
    "typescript": Language(
        f"{_JAVASCRIPT} any boolean declare enum implements interface keyof never number private public readonly "
        "string type unknown",
        text=f"{_QUOTED}|{_BACKTICKS}",
    ),
}
ALSO = {
    "c++": "cpp",
    "c#": "csharp",
    "cs": "csharp",
    "golang": "go",
    "hs": "haskell",
    "htm": "html",
    "xml": "html",
    "svg": "html",
    "js": "javascript",
    "jsx": "javascript",
    "mjs": "javascript",
    "kt": "kotlin",
    "tex": "latex",
    "py": "python",
    "py3": "python",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "zsh": "bash",
    "console": "bash",
    "sqlite": "sql",
    "ts": "typescript",
    "tsx": "typescript",
    "toml": "ini",
    "yaml": "ini",
    "yml": "ini",
    "scss": "css",
    "h": "c",
    "hpp": "cpp",
}


@cache
def _compiled(name: str) -> tuple[Language, re.Pattern[str], frozenset[str]]:
    found = LANGUAGES[name]
    parts = {"comment": found.comment, "text": found.text, "number": found.number, "word": found.word}
    pattern = re.compile("|".join(f"(?P<{kind}>{part})" for kind, part in parts.items()))
    return found, pattern, frozenset(found.words.split())


def highlighted(code: str, called: str) -> str | None:
    """Code as HTML, in the language that it says it is; None for one that is not known."""
    name = called.lower()
    name = ALSO.get(name, name)
    if name == "diff":
        return "".join(map(_changed, code.splitlines(keepends=True)))
    return "".join(_pieces(code, name)) if name in LANGUAGES else None


def _changed(line: str) -> str:
    kind = {"+": "added", "-": "gone"}.get(line[0])
    return f'<span class="{kind}">{escape(line)}</span>' if kind else escape(line)


def _pieces(code: str, name: str) -> Iterator[str]:
    language, pattern, words = _compiled(name)
    done = 0
    for found in pattern.finditer(code):
        said, kind = found[0], found.lastgroup or ""
        before = code[done : found.start()]
        done = found.end()
        follows = code[done : done + 2].lstrip(" ")[:1]
        counts = bool(follows) and follows in language.behind
        if kind == "word":
            kind = _kind_of(said.lower() if language.any_case else said, words, counts)
        elif kind == "text" and language.behind == ":" and counts:
            kind = "name"  # a key of JSON
        yield escape(before, quote=False) + _as_html(kind, escape(said, quote=False))
    yield escape(code[done:], quote=False)


def _kind_of(word: str, words: frozenset[str], counts: bool) -> str:
    if word in words or word.startswith(("<", "\\", "?>")):
        return "keyword"
    return "name" if counts else ""


def _as_html(kind: str, said: str) -> str:
    if not kind:
        return said
    tag = {"keyword": "b", "comment": "i"}.get(kind)
    return f"<{tag}>{said}</{tag}>" if tag else f'<span class="{kind}">{said}</span>'
