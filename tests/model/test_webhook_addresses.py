"""Which addresses webhooks may go to: no form of an address leads into the server's own network."""

import pytest

from model.webhooks import addresses, sending
from model.webhooks.addresses import allowed

INSIDE = (
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "192.0.0.8"),
    *("198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
    *("::127.0.0.1", "2002:7f00:1::", "2001:0:7f00:1::", "100::1", "5f00::1"),
)
OUTSIDE = ("1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


def test_only_the_open_internet() -> None:
    for address in INSIDE:
        assert allowed([address], (), secure=True) == [], address
    assert allowed([*INSIDE, *OUTSIDE], (), secure=True) == [*OUTSIDE]
    assert allowed(OUTSIDE, (), secure=False) == []


def test_and_what_the_operator_allows() -> None:
    networks = ("10.0.0.0/8", "fd00::/8")
    found = allowed([*INSIDE, "fd00::1"], networks, secure=False)
    assert found == ["10.0.0.1", "fd00:ec2::254", "fd00::1"]
    assert allowed(["::ffff:10.0.0.1"], networks, secure=True) == ["::ffff:10.0.0.1"]


async def test_the_name_is_looked_up_at_each_attempt_and_once_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a name that was good leads inside the next time. Seen to fail where the name is connected to."""
    answers = [["203.0.114.1"], ["127.0.0.1"], ["::ffff:127.0.0.1", "10.0.0.1"]]
    connected: list[str] = []

    async def looked_up(_host: str, _port: int) -> list[str]:
        return answers.pop(0)

    async def open_connection(address: str, *_: object, **_more: object) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(addresses, "looked_up", looked_up)
    monkeypatch.setattr(sending.asyncio, "open_connection", open_connection)
    outcomes = [await sending.send("https://rebinds.example/", {}, b"{}", ()) for _ in range(3)]
    assert connected == ["203.0.114.1"]
    assert [("inside" in (outcome.trouble or "")) for outcome in outcomes] == [False, True, True]


@pytest.mark.parametrize("host", ["localhost", "0x7f.1", "2130706433", "127.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_however_it_is_written(host: str) -> None:
    outcome = await sending.send(f"https://{host}/", {}, b"{}", ())
    assert "inside the server's network" in (outcome.trouble or ""), outcome
