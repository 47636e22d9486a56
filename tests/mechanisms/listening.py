"""What keeps those who listen: L5, L8, L9."""

from tests.mechanisms.mechanism import IN_VAIN, Mechanism, Off

LISTENING = (
    Mechanism(
        "L5",
        "cutting a websocket that takes nothing for ten seconds",
        (
            Off(
                "pottle/live/sending.py",
                "            self._wait()\n        else:\n            self._connection.end(TOO_SLOW)",
                "            self._wait()",
            ),
        ),
        ("tests/live/test_slow_reader.py::test_whoever_never_reads_is_cut_and_the_others_go_on",),
        words="Failed|" + IN_VAIN,
    ),
    Mechanism(
        "L5",
        "letting a websocket's unsent bytes grow only so far",
        (Off("pottle/server/connection.py", "UNSENT_BYTES = 64 * 1024", "UNSENT_BYTES = 64 * 1024 * 1024"),),
        ("tests/live/test_slow_reader.py::test_whoever_never_reads_is_cut_and_the_others_go_on",),
    ),
    Mechanism(
        "L5",
        "cutting who reads no answers",
        (
            Off(
                "pottle/server/connection.py",
                "            self._watch(True)\n        else:\n            self.abort()",
                "            self._watch(True)",
            ),
        ),
        (
            "tests/faults/test_stuck_readers.py::test_whoever_is_stuck_is_cut_after_ten_seconds_and_costs_a_mebibyte_meanwhile",
        ),
    ),
    Mechanism(
        "L5",
        "handing on one request at a time",
        (
            Off(
                "pottle/server/connection.py",
                "            elif self._running or not self._begin():",
                "            elif not self._begin():",
            ),
        ),
        ("tests/faults/test_stuck_readers.py::test_many_requests_at_once_and_heads_without_end_cost_a_mebibyte_each",),
    ),
    Mechanism(
        "L5",
        "a bound on a request's head",
        (Off("pottle/server/connection.py", "HEAD_BYTES = 64 * 1024 ", "HEAD_BYTES = 1 << 30 "),),
        ("tests/faults/test_stuck_readers.py::test_many_requests_at_once_and_heads_without_end_cost_a_mebibyte_each",),
    ),
    Mechanism(
        "L8",
        "closing the connection whose right has ended",
        (Off("pottle/live/hub.py", "                connection.lose(streams)\n", "                pass\n"),),
        (
            "tests/live/test_revocation.py::test_signing_out",
            "tests/live/test_revocation.py::test_ending_a_membership",
            "tests/faults/test_revocations.py::test_nothing_that_begins_after_the_end_of_a_right_reaches_whoever_had_it",
        ),
        words=IN_VAIN,
    ),
    Mechanism(
        "L8",
        "revoking in the same step in which the log is followed",
        (
            Off(
                "pottle/live/hub.py",
                "                connection.lose(streams)\n",
                "                asyncio.get_running_loop().call_soon(connection.lose, streams)\n",
            ),
        ),
        ("tests/live/test_revocation.py::test_what_is_committed_with_a_revocation_does_not_reach_it",),
    ),
    Mechanism(
        "L8",
        "following the log before a page of it is sent",
        (Off("pottle/live/hub.py", "        await db.caught_up()  # a right", "        # a right"),),
        ("tests/live/test_revocation.py::test_what_is_committed_with_a_revocation_does_not_reach_it",),
    ),
    Mechanism(
        "L8",
        "following the log before somebody subscribes",
        (
            Off(
                "pottle/live/connection.py",
                "        await db.caught_up()\n        right, newest, whole",
                "        right, newest, whole",
            ),
        ),
        ("tests/live/test_revocation.py::test_a_session_that_ended_between_two_frames_cannot_subscribe",),
    ),
    Mechanism(
        "L8",
        "following the log before it is said who is asking",
        (
            Off(
                "model/accounts/session.py",
                "    await db.caught_up()\n    secret_hash = hashed(secret)",
                "    secret_hash = hashed(secret)",
            ),
        ),
        ("tests/faults/test_failing_listeners.py::test_a_look_that_fails_before_it_tells_anybody_serves_nothing",),
    ),
    Mechanism(
        "L8",
        "ending sessions when their time has come",
        (Off("pottle/live/hub.py", "        if when < self._soonest:\n", "        if False:\n"),),
        ("tests/live/test_expiry.py::test_it_is_closed_when_its_session_expires",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L8",
        "ending sessions before anything newer is handed out",
        (
            Off(
                "pottle/live/hub.py",
                "        self.end_expired()\n        for connection, streams",
                "        for connection, streams",
            ),
        ),
        ("tests/live/test_expiry.py::test_nothing_newer_comes_before_it_is_closed",),
    ),
    Mechanism(
        "L8",
        "asking anew what one may read who signs in as another",
        (
            Off(
                "pottle/live/connection.py",
                "        self.lose([stream for stream, right in rights.items() if right is None])\n",
                "",
            ),
        ),
        ("tests/live/test_revocation.py::test_to_sign_in_as_somebody_else_keeps_no_right_of_before",),
    ),
    Mechanism(
        "L8",
        "ending a watch of what one may not read any more",
        (
            Off(
                "pottle/live/watches.py",
                "                watcher.refuse(watched.get, made.status)\n",
                "                pass\n",
            ),
        ),
        ("tests/live/test_watches.py::test_who_may_not_read_it_any_more_is_told_so_and_nothing_more",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L9",
        "marking a watched GET whose tags have changed",
        (
            Off(
                "pottle/live/watches.py",
                "        self._mark({found for tag in tags & self._by_tag.keys() for found in self._by_tag[tag]})\n",
                "",
            ),
        ),
        (
            "tests/live/test_watches.py::test_it_works",
            "tests/faults/test_watches.py::test_it_works_on_every_worker",
            "tests/faults/test_watches.py::test_one_write_that_a_hundred_watches_of_many_connections_show",
        ),
        words=IN_VAIN,
    ),
    Mechanism(
        "L9",
        "noticing what changed while a GET was being made",
        (Off("pottle/live/watches.py", "                making.dropped |= tags\n", "                pass\n"),),
        ("tests/live/test_watch_races.py::test_what_changes_while_it_is_made_has_it_made_again",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L9",
        "marking all where nobody knows what has changed",
        (Off("pottle/live/watches.py", "        self._mark(self._watched.values())\n", ""),),
        ("tests/live/test_watch_races.py::test_where_the_log_is_lost_all_is_made_again",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L9",
        "comparing the answer that a client has",
        (Off("pottle/live/connection.py", "watch.told or version", "version"),),
        (
            "tests/live/test_watches.py::test_who_has_an_older_answer_is_told_at_once",
            "tests/faults/test_watches.py::test_between_a_get_and_its_watch_nothing_is_missed",
            "tests/faults/test_watches.py::test_while_workers_are_killed",
        ),
        words=IN_VAIN,
        seconds=10,
    ),
    Mechanism(
        "L9",
        "one queue for each party of those who watch",
        (
            Off(
                "pottle/live/watches.py",
                "for party in {watcher.party for watcher in watched.watchers}:",
                'for party in ("all",):',
            ),
        ),
        ("tests/live/test_watch_races.py::test_who_watches_much_holds_up_nobody_else",),
    ),
)
