"""What keeps a write whole (L1, L7), and what is looked at in its transaction: rights, retries, limits."""

from tests.mechanisms.mechanism import ASSERTION, IN_VAIN, Mechanism, Off

MOVED_UNDER_LOAD = ("tests/postgres/test_copying.py::test_it_is_moved_under_load",)

WRITING = (
    Mechanism(
        "L1",
        "one transaction for a write and its change",
        (
            Off(
                "pottle/store/unit.py",
                "        shown = [*tags] if stream",
                '        self.raw.execute("COMMIT")\n        self.raw.execute("BEGIN IMMEDIATE")\n'
                "        shown = [*tags] if stream",
            ),
        ),
        (
            "tests/store/test_changes.py::test_a_change_is_there_if_and_only_if_its_write_is",
            "tests/store/test_group_commit.py::test_what_was_acknowledged_is_there_and_nothing_else",
            "tests/faults/test_power_loss.py::test_what_was_told_before_the_power_was_lost_is_there",
        ),
        seconds=10,
    ),
    Mechanism(
        "L1",
        "rolling back where a unit failed after it wrote",
        (Off("pottle/store/unit.py", "            if tx.traces != before:\n", "            if False:\n"),),
        (
            "tests/store/test_writer.py::test_a_unit_that_fails_after_it_wrote_leaves_nothing",
            "tests/store/test_group_commit.py::test_what_was_acknowledged_is_there_and_nothing_else",
        ),
    ),
    Mechanism(
        "L1",
        "writing what was put off before a statement that touches it",
        (Off("pottle/store/unit.py", "if self._held and not self._held.isdisjoint(touched):", "if False:"),),
        (
            "tests/store/test_writer.py::test_what_is_written_later_is_there_for_whoever_looks",
            "tests/store/test_changes.py::test_changes_of_one_batch_follow_on_each_other",
        ),
    ),
    Mechanism(
        "L2",
        "chaining the changes of a stream that are written together",
        (Off("pottle/store/changes.py", '"before": self._newest.get(stream or "")', '"before": None'),),
        ("tests/store/test_changes.py::test_changes_of_one_batch_follow_on_each_other",),
    ),
    Mechanism(
        "L1",
        "noticing that a full disk ended the transaction",
        (
            Off(
                "pottle/store/unit.py",
                "return self.writings, self.raw.total_changes, self.raw.in_transaction",
                "return self.writings, self.raw.total_changes",
            ),
        ),
        ("tests/store/test_group_commit.py::test_what_was_acknowledged_is_there_and_nothing_else",),
    ),
    Mechanism(
        "L1",
        "running the other units of a spoiled batch again",
        (
            Off(
                "pottle/store/writer.py",
                "                for unit in batch:\n                    self._in_turn([unit], 0, again=False)",
                "                for unit in batch:\n                    unit.error = unit.error or explained",
            ),
        ),
        (
            "tests/store/test_writer.py::test_a_unit_that_fails_after_it_wrote_leaves_nothing",
            "tests/store/test_writer.py::test_a_full_disk_refuses_what_does_not_fit_and_nothing_else",
        ),
        words="StorageFull|RuntimeError|" + ASSERTION,
    ),
    Mechanism(
        "L1",
        "telling those who wait that nothing was committed",
        (
            Off(
                "pottle/store/writer.py",
                "                for unit in batch:\n                    unit.error = explained",
                "                pass",
            ),
        ),
        (
            "tests/store/test_writer.py::test_a_full_disk_refuses_what_does_not_fit_and_nothing_else",
            "tests/faults/test_full_disk.py::test_a_disk_that_is_full_refuses_writes_and_all_else_goes_on",
        ),
        words=IN_VAIN,
    ),
    Mechanism(
        "L7",
        "answering after the commit",
        (
            Off(
                "pottle/store/writer.py",
                "                    unit.run(tx)\n",
                "                    unit.run(tx)\n"
                '                if early := [one for one in batch if "posting" in one.function.__module__]:\n'
                "                    self._loop.call_soon_threadsafe(self._answer, early)\n"
                "                    time.sleep(0.4)\n",
            ),
        ),
        (
            "tests/live/test_restart.py::test_what_was_acknowledged_survives_the_death_of_everything",
            "tests/faults/test_killed.py::test_what_was_acknowledged_outlives_every_process",
        ),
        seconds=10,
    ),
    Mechanism(
        "L7",
        "an fsync at each commit",
        (Off("pottle/store/engines.py", "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"),),
        (
            "tests/store/test_writer.py::test_each_commit_is_on_disk_before_it_is_answered",
            "tests/faults/test_power_loss.py::test_what_was_told_before_the_power_was_lost_is_there",
        ),
        seconds=10,
    ),
    Mechanism(
        "L7",
        "pausing who writes to PostgreSQL while what was written last is moved",
        (Off("pottle/store/clusters.py", '            raw.execute(f"SELECT pg_advisory_lock({TURN})")\n', ""),),
        MOVED_UNDER_LOAD,
    ),
    Mechanism(
        "L7",
        "pausing who writes to SQLite while what was written last is moved",
        (
            Off(
                "pottle/store/copying.py",
                "            self._turn,\n            closing(open_w",
                "            closing(open_w",
            ),
            Off("pottle/store/copying.py", 'raw.execute("BEGIN IMMEDIATE")', 'raw.execute("BEGIN")'),
            Off(
                "pottle/store/copying.py",
                "        put(paused, MOVED, to)\n",
                '        paused.raw.execute("ROLLBACK")\n'
                "        self._turn.__enter__()\n"
                '        paused.raw.execute("BEGIN IMMEDIATE")\n'
                "        put(paused, MOVED, to)\n",
            ),
        ),
        MOVED_UNDER_LOAD,
    ),
    Mechanism(
        "L7",
        "refusing writes to a database that was moved",
        (Off("pottle/store/instance.py", "    if found.place:\n        raise Moved(found.place)\n", ""),),
        MOVED_UNDER_LOAD,
    ),
    Mechanism(
        "group commit",
        "committing all together that wait",
        (Off("pottle/store/writer.py", "MOST_IN_A_BATCH = 500", "MOST_IN_A_BATCH = 1"),),
        ("tests/store/test_writer.py::test_units_that_wait_share_one_transaction",),
    ),
    Mechanism(
        "group commit",
        "a bound on what waits",
        (Off("pottle/store/writer.py", "        if self.waiting >= self._most_waiting:\n", "        if False:\n"),),
        ("tests/store/test_writer.py::test_when_too_many_wait_one_more_is_refused_at_once",),
        words=IN_VAIN,
    ),
    Mechanism(
        "group commit",
        "giving up on a turn that does not come",
        (Off("pottle/store/writer.py", "lambda: work.give_up(Overloaded(why))", "lambda: None"),),
        ("tests/store/test_writer.py::test_a_turn_that_another_process_holds_for_too_long_is_overloaded",),
        words=IN_VAIN,
    ),
    Mechanism(
        "retries",
        "looking a key up in the transaction that uses it",
        (
            Off(
                "pottle/store/unit.py",
                "        if around.replay and (known := _answered(tx, around, self.function)) is not None:\n"
                "            return known\n",
                "",
            ),
        ),
        (
            "tests/api/test_retries.py::test_of_many_at_once_one_creates",
            "tests/faults/test_retries.py::test_copies_sent_to_three_workers_create_one_thing_and_are_answered_alike",
        ),
    ),
    Mechanism(
        "retries",
        "keeping the answer with its key",
        (Off("pottle/store/unit.py", "            replays.keep(tx, *around.replay, answer)\n", "            pass\n"),),
        (
            "tests/api/test_retries.py::test_it_works",
            "tests/faults/test_retries.py::test_a_worker_is_killed_while_it_answers_one_of_three_copies",
        ),
    ),
    Mechanism(
        "limits",
        "counting once for all workers",
        (
            Off(
                "pottle/store/limits.py",
                'return f"{rate.name} {party}"[:200]',
                "return f\"{__import__('os').getpid()} {rate.name} {party}\"[:200]",
            ),
        ),
        ("tests/live/test_limits.py::test_three_workers_count_as_one",),
    ),
    Mechanism(
        "limits",
        "looking at a limit again in the unit",
        (
            Off(
                "pottle/store/unit.py",
                "limits.check(tx, *around.limit) if around.limit else None",
                "None",
            ),
        ),
        ("tests/live/test_limits.py::test_three_workers_count_as_one",),
    ),
    Mechanism(
        "limits",
        "counting what was refused",
        (Off("pottle/http/limits.py", "if counted.allowance is None and _asked_for_it(error):", "if False:"),),
        ("tests/api/test_limits.py::test_a_refused_post_counts",),
    ),
    Mechanism(
        "rights",
        "confirming in the transaction that a session is still good",
        (Off("pottle/store/unit.py", "            around.confirm(tx)\n", "            pass\n"),),
        ("tests/api/test_lost_rights.py::test_signed_out",),
    ),
    Mechanism(
        "rights",
        "asking for rights again in the unit",
        (
            Off(
                "model/talk/posting.py",
                "    channel, here = _where_to_post(tx, identity, channel_id, new, origin)\n",
                "    channel, here = _where_to_post(tx, ROOT, channel_id, new, None)\n",
            ),
            Off("model/talk/posting.py", "QUICK = 1_000", 'ROOT = Identity(0, "", "", None, "admin")\nQUICK = 1_000'),
        ),
        ("tests/api/test_lost_rights.py::test_a_member_no_more",),
    ),
)
