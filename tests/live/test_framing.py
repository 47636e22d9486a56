"""Where a body in chunks ends, however it arrives."""

import pytest

from pottle.server.framing import Chunks, begins

BODY = b'8\r\n{"body":\r\n8;a=b\r\n"chunks"\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n'


def ends_after(pieces: list[bytes]) -> int:
    """How many bytes were the body's."""
    chunks, waiting, passed = Chunks(), b"", 0
    for piece in pieces:
        waiting += piece
        size, ended = chunks.passes(waiting)
        passed, waiting = passed + size, waiting[size:]
        assert not chunks.lost
        if ended:
            return passed
    raise AssertionError("it never ended")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_it_ends_at_its_end(size: int) -> None:
    sent = BODY + b"GET / HTTP/1.1"
    assert ends_after([sent[at : at + size] for at in range(0, len(sent), size)]) == len(BODY)


@pytest.mark.parametrize(
    "wrong",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x8\r\n",
        b" 8\r\n",
        b"8 \r\n",
        b"8\n12345678\r\n",
        b"1\r\nxx\r\n",
        b"0\r\nX: y\n\r\n",
        b"a" * 5_000,
    ],
)
def test_what_is_no_chunk_is_left_to_the_parser(wrong: bytes) -> None:
    chunks = Chunks()
    size, ended = chunks.passes(wrong)
    if not chunks.lost:  # it was a chunk, and what follows is none
        chunks.passes(wrong[size:])
    assert chunks.lost
    assert not ended


@pytest.mark.parametrize("beginning", [b"G", b"GET", b"GET ", b"GET /x HT", b"M-SEARCH ", b"GET / HTTP/1.1\r\nHo"])
def test_a_request_may_come_in_pieces(beginning: bytes) -> None:
    assert begins(beginning)


@pytest.mark.parametrize("noise", [b"\x16\x03\x01", b"\x00" * 50, b"HELO x\r\n", b"GET / HTTP/9.9\r\n", b"(GET"])
def test_noise_is_told_at_once(noise: bytes) -> None:
    assert not begins(noise)
