"""A file to import, opened: unpacked (from gzip, or a zip file of one) as it is read, and never more than is allowed.

A gzip bomb, a JSON document of a thousand levels, a line without an end: each ends in Unreadable.
"""

import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import msgspec

from model.arriving.plan import Unreadable

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
HEAD = 16 * 1024  # bytes by which a reader recognises its own
LONGEST_LINE = 16 * 1024 * 1024  # bytes of one entry
MOST_WHOLE = 256 * 1024 * 1024  # bytes that are held in memory at once
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
MOST_FILES = 1_000_000  # in an archive or a folder
PEEKED, MOST_PEEKED = 8, 1024 * 1024  # files of many whose beginnings are looked at, and bytes of one
NO_FILES = ("__MACOSX/", ".")  # how what is no file of the archive's maker begins


class Opened:
    """A file of comments, or a folder or zip of many. `name` is without folders, and without `.gz`.

    `most` is how many bytes may be read of it, unpacked.
    """

    def __init__(self, path: Path, most: int, name: str | None = None) -> None:
        self.path, self.most = path, most
        self.name = (name or path.name).removesuffix(".gz")
        self._inside: str | None = None  # the one file in a zip file
        self.read = 0  # bytes of the file as it is, of `size`: for progress
        self.many = path.is_dir()
        self.size = 0 if self.many else path.stat().st_size
        self.head = self._head()

    def _head(self) -> bytes:
        if not self.many and self._begins_with(ZIP):
            with self._archive() as archive:
                names = [
                    name for name in archive.namelist() if not name.endswith("/") and not name.startswith(NO_FILES)
                ]
            self.many = len(names) != 1
            if not self.many:
                self._inside, self.name = names[0], PurePosixPath(names[0]).name
        if self.many:
            files = islice(self._of_folder() if self.path.is_dir() else self._of_zip(), PEEKED)
            return b"\n".join(read()[: HEAD // PEEKED] for _, size, read in files if size <= MOST_PEEKED)
        with self.stream() as stream:
            return stream.read(HEAD)

    def _begins_with(self, mark: bytes) -> bool:
        with self.path.open("rb") as raw:
            return raw.read(len(mark)) == mark

    @contextmanager
    def _archive(self) -> Iterator[zipfile.ZipFile]:
        try:
            archive = zipfile.ZipFile(self.path)
        except BROKEN_ZIP as error:
            raise Unreadable(f"The zip file is damaged, or is of a kind that is not known here: {error}.") from error
        with archive:
            yield archive

    @contextmanager
    def stream(self) -> Iterator[IO[bytes]]:
        """The bytes, unpacked, from the beginning; Unreadable for what is damaged or too large."""
        with ExitStack() as opened:
            if self._inside is not None:
                archive = opened.enter_context(self._archive())
                unpacked = opened.enter_context(_opened_in(archive, self._inside))
            else:
                raw = opened.enter_context(self.path.open("rb"))
                # `read` counts also what the library reads ahead: progress need not be exact.
                counted = _Counted(raw, lambda: setattr(self, "read", raw.tell()))
                unpacked = cast(IO[bytes], gzip.GzipFile(fileobj=counted) if self._begins_with(GZIP) else counted)
            yield opened.enter_context(io.BufferedReader(_Bounded(unpacked, self.most), 256 * 1024))

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each line that is not empty, with its number, which begins with 1."""
        with self.stream() as stream:
            number = 0
            while line := stream.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise Unreadable(f"Line {number} is longer than {LONGEST_LINE // 1024 // 1024} MB.")
                if stripped := line.strip():
                    yield number, stripped

    def json(self, as_: Any = Any) -> Any:
        """The whole of it as JSON. Raises Unreadable, which says where it is wrong."""
        with self.stream() as stream:
            return decoded(_whole(stream), as_)

    @contextmanager
    def database(self) -> Iterator[Path]:
        """A path at which SQLite can open it: unpacked beside it, where it is packed."""
        if self._inside is None and not self._begins_with(GZIP):
            yield self.path.resolve()
            return
        with tempfile.TemporaryDirectory() as folder, self.stream() as stream:
            unpacked = Path(folder) / "unpacked.db"
            with unpacked.open("wb") as out:
                shutil.copyfileobj(stream, out)
            yield unpacked

    def files(self) -> Iterator[tuple[str, bytes]]:
        """The files of a folder or a zip, with their paths in it, in their order; or the one file that it is."""
        if not self.many:
            with self.stream() as stream:
                yield self.name, _whole(stream)
        elif self.path.is_dir():
            yield from self._bounded(self._of_folder())
        else:
            yield from self._bounded(self._of_zip())

    def _of_folder(self) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
        found = (path for path in self.path.rglob("*") if path.is_file() and not path.is_symlink())
        for number, path in enumerate(sorted(found)):
            _refuse_more_than(MOST_FILES, number)
            yield path.relative_to(self.path).as_posix(), path.stat().st_size, path.read_bytes

    def _of_zip(self) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
        with self._archive() as archive:
            inside = sorted(archive.infolist(), key=lambda info: info.filename)
            _refuse_more_than(MOST_FILES, len(inside))
            for info in inside:
                if not info.is_dir() and not info.filename.startswith(NO_FILES):
                    # What the archive says of a size may be a lie: never more is unpacked.
                    yield info.filename, info.file_size, partial(_unzipped, archive, info)

    def _bounded(self, files: Iterator[tuple[str, int, Callable[[], bytes]]]) -> Iterator[tuple[str, bytes]]:
        left = self.most
        for name, size, read in files:
            left -= size
            if left < 0 or size > MOST_WHOLE:
                raise _too_large(min(self.most, MOST_WHOLE))
            yield name, read()


class _Counted(io.RawIOBase):
    def __init__(self, raw: IO[bytes], after: Callable[[], None]) -> None:
        self._raw, self._after = raw, after

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._after()
        return len(data)


class _Bounded(io.RawIOBase):
    """A stream that ends with Unreadable once it has given too much."""

    def __init__(self, raw: Any, most: int) -> None:
        self._raw, self._most, self._left = raw, most, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._raw.read(len(buffer)) or b""
        except EOFError as error:
            raise Unreadable("The file ends in the middle: it was not copied or downloaded whole.") from error
        except (OSError, zlib.error, zipfile.BadZipFile) as error:
            raise Unreadable(f"The file is damaged: {error}.") from error
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._most)
        buffer[: len(data)] = data
        return len(data)


def decoded(data: bytes, as_: Any = Any, where: str = "The file") -> Any:
    """Bytes as JSON. Raises Unreadable, in which `where` is what they are."""
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=as_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = "it has too many levels" if isinstance(error, RecursionError) else str(error)
        raise Unreadable(f"{where} is not JSON as it should be: {why}.") from error


def _whole(stream: IO[bytes]) -> bytes:
    data = stream.read(MOST_WHOLE + 1)
    if len(data) > MOST_WHOLE:
        raise _too_large(MOST_WHOLE)
    return data


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with _opened_in(archive, info) as inside:
        try:
            return inside.read(info.file_size)
        except BROKEN_ZIP as error:
            raise Unreadable(f"{info.filename} in the zip file is damaged: {error}.") from error


def _opened_in(archive: zipfile.ZipFile, member: str | zipfile.ZipInfo) -> IO[bytes]:
    try:
        return archive.open(member)
    except BROKEN_ZIP as error:
        raise Unreadable(
            f"{getattr(member, 'filename', member)} in the zip file cannot be unpacked: {error}."
        ) from error


def _refuse_more_than(most: int, number: int) -> None:
    if number > most:
        raise Unreadable(f"There are more than {most} files in it.")


def _too_large(most: int) -> Unreadable:
    return Unreadable(f"Unpacked, the file is larger than {most // 1024 // 1024} MB, which is what may be imported.")
