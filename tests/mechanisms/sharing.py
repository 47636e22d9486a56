"""What keeps the promises where several hosts share one PostgreSQL."""

from tests.mechanisms.mechanism import IN_VAIN, Mechanism, Off

POSTGRES = "pottle/store/postgres.py"

SHARING = (
    Mechanism(
        "L2",
        "one turn of all hosts",
        (
            Off(
                POSTGRES,
                "raw.execute(BEGIN)\n        cursor.nextset()",
                "raw.execute("
                'BEGIN.replace("xact_lock", "xact_lock_shared") if hasattr(self, "_line") else BEGIN)\n'
                "        cursor.nextset()",
            ),
            Off(  # and no two draw the same seq, or PostgreSQL would refuse the second
                "pottle/store/unit.py",
                "        self._log.add(self.head + 1,",
                "        drawn = \"SELECT nextval(pg_get_serial_sequence('changes', 'seq'))\"\n"
                "        self.head = self.raw.execute(drawn).fetchone()[0] - 1\n"
                "        self._log.add(self.head + 1,",
            ),
            Off(POSTGRES, "                    raw.execute(GO_ON, (tx.head,))\n", ""),
        ),
        ("tests/postgres/test_as_one.py::test_several_hosts_keep_the_promises_of_one",),
        seconds=20,
    ),
    Mechanism(
        "L2",
        "an end to the turn of a host that stands still",
        (Off(POSTGRES, "idle_in_transaction_session_timeout = '{HELD_SECONDS}s'", "jit = off"),),
        ("tests/postgres/test_frozen.py::test_a_worker_that_stands_still_with_the_turn",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L2",
        "asking for the head where PostgreSQL's word does not come",
        (Off(POSTGRES, "POLL_SECONDS = 0.5", "POLL_SECONDS = 500"),),
        ("tests/postgres/test_hosts.py::test_the_slow_poll_tells_where_no_notification_comes",),
    ),
    Mechanism(
        "L2",
        "having PostgreSQL notice a host that is gone without a word",
        (Off(POSTGRES, 'await raw.execute(f"{NOTICE_THE_END};{set_up}")', "await raw.execute(set_up)"),),
        ("tests/postgres/test_as_one.py::test_a_host_that_is_gone_without_a_word_loses_its_locks",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L3",
        "a new epoch in a new history of PostgreSQL's",
        (Off(POSTGRES, "        || ' ' || left(pg_walfile_name(pg_current_wal_lsn()), 8)\n", ""),),
        ("tests/postgres/test_epoch.py::test_a_standby_whose_promotion_nobody_saw",),
    ),
    Mechanism(
        "L6",
        "asking PostgreSQL for the head before a kept answer is served",
        (
            Off(
                POSTGRES,
                "        return self._look.next()\n",
                "        (nothing := self._loop.create_future()).set_result(None)\n        return nothing\n",
            ),
        ),
        ("tests/postgres/test_hosts.py::test_a_read_after_a_write_on_the_other_machine_shows_it",),
    ),
    Mechanism(
        "L7",
        "asking what became of a commit whose answer was lost",
        (Off(POSTGRES, "if not raw.closed or not self._was_committed(self._xid, tx.head, tx.now):", "if True:"),),
        ("tests/postgres/test_frozen.py::test_a_commit_whose_answer_is_lost",),
    ),
    Mechanism(
        "L7",
        "looking for its own change where PostgreSQL says that it was committed",
        (Off(POSTGRES, "and Snapshot(raw).one(changes.MADE, seq=head, created=now) is not None", ""),),
        ("tests/postgres/test_frozen.py::test_a_commit_that_a_crash_undid",),
    ),
)
