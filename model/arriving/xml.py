"""Elements of an XML file one after the other, however large it is. Entities are refused: nobody's export has them."""

from collections.abc import Iterator
from xml.parsers import expat

from model.arriving.opened import Opened
from model.arriving.plan import Unreadable

PORTION = 64 * 1024  # bytes
DEEPEST = 100  # elements in each other
LARGEST = 256 * 1024 * 1024  # of one element with all that is in it: characters, and OF_EACH for each element
OF_EACH = 500
# XML allows no control characters, and yet exports have them.
CONTROL = bytes(set(range(32)) - {9, 10, 13})


class Element:
    """An element with its attributes and children; names are without their namespaces."""

    def __init__(self, name: str, line: int, attributes: dict[str, str]) -> None:
        self.name, self.line, self.attributes = name, line, attributes
        self.children: list[Element] = []
        self.parts: list[str] = []

    def find(self, name: str) -> "Element | None":
        """The first child of a name."""
        return next((child for child in self.children if child.name == name), None)

    def text(self, name: str) -> str:
        """The text of the first child of a name, without the space around it; "" where there is none."""
        found = self.find(name)
        return "".join(found.parts).strip() if found else ""

    def yes(self, name: str) -> bool:
        """Whether the child of a name says `true`."""
        return self.text(name).lower() in ("true", "1")


def elements(file: Opened, *names: str) -> Iterator[Element]:
    """Each element of these names, wherever it is, when it ends. Raises Unreadable, which names the line."""
    building = _Building(names)
    with file.stream() as stream:
        try:
            while data := stream.read(PORTION):
                building.parser.Parse(data.translate(None, CONTROL))
                yield from building.taken()
            building.parser.Parse(b"", True)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            ends = " (does the file end in the middle?)" if error.code in ENDS else ""
            raise Unreadable(f"The file is no well-formed XML: line {error.lineno}: {what}{ends}.") from error
        except (ValueError, LookupError) as error:  # an encoding that is not known
            raise Unreadable(f"The file is no XML that can be read: {error}.") from error
    yield from building.taken()


ENDS = [
    expat.errors.codes[error] for error in (expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN)
]


class _Building:
    def __init__(self, names: tuple[str, ...]) -> None:
        self._names, self._open, self._depth = names, list[Element](), 0
        self._held = 0
        self._done: list[Element] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.EntityDeclHandler = self._entity
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._said

    def taken(self) -> list[Element]:
        done, self._done = self._done, []
        return done

    def _entity(self, name: str, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise Unreadable(f"Line {line} declares an entity ({name!r:.40}), which no export does. It is not read.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unreadable(f"Line {self.parser.CurrentLineNumber} is {DEEPEST} elements deep, which no export is.")
        name = _local(name)
        if self._open or name in self._names:
            own = {_local(key): value for key, value in attributes.items()}
            made = Element(name, self.parser.CurrentLineNumber, own)
            if self._open:
                self._open[-1].children.append(made)
            self._open.append(made)
            self._hold(OF_EACH)

    def _end(self, _: str) -> None:
        self._depth -= 1
        if self._open:
            ended = self._open.pop()
            if not self._open:
                self._done.append(ended)
                self._held = 0

    def _said(self, data: str) -> None:
        if self._open:
            self._open[-1].parts.append(data)
            self._hold(len(data))

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > LARGEST:
            raise Unreadable(f"Line {self._open[0].line} begins more than {LARGEST // 1024 // 1024} MB in one element.")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
