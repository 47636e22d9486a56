"""What a history says, put together once for all properties: writes with their fate, spans, reads."""

from dataclasses import dataclass, field

from conformance.history import (
    AnyEvent,
    Began,
    Delivered,
    Disconnected,
    History,
    ListRead,
    Quiet,
    Revoked,
    Subscribed,
    Watching,
    WriteAcknowledged,
    WriteFailed,
    WriteRefused,
    WriteStarted,
)

CREATED = "created"


@dataclass
class Write:
    """One write. `proof` is the first event that proves that it happened: its acknowledgement, or that anybody was
    told of it. (A write whose outcome was unknown has happened if anybody saw it: Elle infers the same.)"""

    started: WriteStarted
    outcome: WriteAcknowledged | WriteRefused | WriteFailed | None = None
    proof: WriteAcknowledged | Delivered | ListRead | None = None

    @property
    def marker(self) -> str:
        """Its unique text."""
        return self.started.marker

    @property
    def known(self) -> float:
        """When it had surely happened; infinite for one that perhaps never did."""
        return self.proof.time if self.proof else float("inf")

    @property
    def events(self) -> tuple[AnyEvent, ...]:
        """What is known of it."""
        found = [self.started, self.outcome, self.proof]
        return tuple(dict.fromkeys(event for event in found if event is not None))


@dataclass
class Span:
    """What one subscriber was promised without a break in one channel: from a fresh subscription, over every resumption
    that claims to have recovered everything, to the first loss of the connection that was not so resumed."""

    opened: Subscribed
    items: list[Subscribed | Delivered] = field(default_factory=list)  # after `opened`, in the order told
    connected: bool = True
    revoked: Revoked | None = None
    quiet: Quiet | None = None  # the last one that it was connected for, from beginning to end

    @property
    def deliveries(self) -> list[Delivered]:
        """The changes told, in order."""
        return [item for item in self.items if isinstance(item, Delivered)]

    @property
    def created(self) -> list[Delivered]:
        """The new posts told, in order."""
        return [item for item in self.deliveries if item.kind == CREATED]

    @property
    def resumptions(self) -> list[Subscribed]:
        """Where the connection was lost and everything since was claimed to be recovered."""
        return [item for item in self.items if isinstance(item, Subscribed)]

    @property
    def position(self) -> int | None:
        """The seq up to which it was told everything."""
        seqs = [item.seq for item in self.deliveries if item.seq is not None]
        return seqs[-1] if seqs else start_of(self.opened)


def start_of(subscribed: Subscribed) -> int | None:
    """The position after which the first change must come."""
    return subscribed.after if subscribed.after is not None and subscribed.recovered else subscribed.seq


@dataclass
class Facts:
    """A history, put together."""

    offers: frozenset[str] = frozenset()
    writes: dict[str, Write] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    reads: list[ListRead] = field(default_factory=list)
    revocations: list[Revoked] = field(default_factory=list)
    watching: dict[tuple[str, str], Watching] = field(default_factory=dict)  # by watcher and channel, while connected
    watched: list[tuple[Watching, Quiet]] = field(default_factory=list)  # who was connected while everything was quiet
    strays: list[Delivered] = field(default_factory=list)  # told to somebody who has no subscription there
    _open: dict[tuple[str, str], Span] = field(default_factory=dict)

    def written_to(self, channel: str) -> list[Write]:
        """The writes that surely happened there, by when they began."""
        happened = (
            write for write in self.writes.values() if write.proof and not isinstance(write.outcome, WriteRefused)
        )
        return [write for write in happened if write.started.channel == channel]

    def take(self, event: AnyEvent) -> None:
        """Adds the next event."""
        match event:
            case Began():
                self.offers = frozenset(event.offers)
            case WriteStarted():
                self.writes[event.marker] = Write(event)
            case WriteAcknowledged() | WriteRefused() | WriteFailed():
                self._settle(event)
            case Subscribed():
                self._subscribe(event)
            case Delivered():
                self._deliver(event)
            case ListRead():
                self._read(event)
            case Watching():
                self.watching[event.subscriber, event.channel] = event
            case Disconnected() | Revoked() | Quiet():
                self._end(event)

    def _settle(self, event: WriteAcknowledged | WriteRefused | WriteFailed) -> None:
        if write := self.writes.get(event.marker):
            write.outcome = event
            if isinstance(event, WriteAcknowledged):
                write.proof = write.proof or event

    def _see(self, marker: str, event: Delivered | ListRead) -> None:
        """What a refused write's appearance proves is said by another property."""
        write = self.writes.get(marker)
        if write and write.started.channel == event.channel and not isinstance(write.outcome, WriteRefused):
            write.proof = write.proof or event

    def _subscribe(self, event: Subscribed) -> None:
        key = (event.subscriber, event.channel)
        span = self._open.get(key)
        if span and _goes_on(span, event):
            span.items.append(event)
            span.connected = True
        else:
            self._open[key] = Span(event)
            self.spans.append(self._open[key])

    def _deliver(self, event: Delivered) -> None:
        span = self._open.get((event.subscriber, event.channel))
        if span and span.connected:
            span.items.append(event)
        else:
            self.strays.append(event)
        if event.kind == CREATED:
            self._see(event.marker, event)

    def _read(self, event: ListRead) -> None:
        self.reads.append(event)
        for _, marker in event.posts:
            self._see(marker, event)

    def _end(self, event: Disconnected | Revoked | Quiet) -> None:
        if isinstance(event, Revoked):
            self.revocations.append(event)
        if isinstance(event, Disconnected):
            self.watching = {key: one for key, one in self.watching.items() if key[0] != event.subscriber}
        if isinstance(event, Quiet):
            self.watched = [(one, event) for one in self.watching.values() if one.time <= event.since]
        for (subscriber, _), span in self._open.items():
            if isinstance(event, Quiet):
                if span.connected and not span.revoked and _joined(span) <= event.since:
                    span.quiet = event
            elif subscriber == event.subscriber and isinstance(event, Revoked):
                span.revoked = span.revoked or event
            elif subscriber == event.subscriber:
                span.connected = False


def _goes_on(span: Span, event: Subscribed) -> bool:
    """Whether it resumes the span, with nothing missing. Who asks for an earlier position wants to be told again; who
    asks for a later one, though not from a list, was told less than it should have been."""
    if not event.recovered or event.after is None or event.listed is not None or span.position is None:
        return False
    return event.after >= span.position


def _joined(span: Span) -> float:
    return (span.resumptions or [span.opened])[-1].time


def gathered(history: History) -> Facts:
    """The facts of a history, whose events are in the order in which they were recorded."""
    facts = Facts()
    for event in history:
        facts.take(event)
    return facts
