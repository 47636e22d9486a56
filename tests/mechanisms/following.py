"""What keeps the change log a log: L2, L3, L4."""

from tests.mechanisms.mechanism import IN_VAIN, Mechanism, Off

FOLLOWING = (
    Mechanism(
        "L2",
        "the turn, which one process has at a time",
        (
            Off(
                "pottle/store/locks.py",
                "            flock(self._file, LOCK_EX)\n        except",
                "            pass\n        except",
            ),
        ),
        ("tests/store/test_turn.py::test_two_processes_take_turns",),
    ),
    Mechanism(
        "L2",
        "drawing a seq in the turn that commits it",
        (
            Off(
                "pottle/store/unit.py",
                "        self._log.add(self.head + 1,",
                "        if not (reserved := vars(changes).setdefault('reserved', [])):  # ten at once\n"
                "            self.raw.execute(\"INSERT INTO sqlite_sequence SELECT 'changes', 0 WHERE NOT EXISTS \"\n"
                "                \"(SELECT 1 FROM sqlite_sequence WHERE name = 'changes')\")\n"
                '            (last,) = self.raw.execute("UPDATE sqlite_sequence SET seq = seq + 10 "\n'
                "                \"WHERE name = 'changes' RETURNING seq\").fetchone()\n"
                "            reserved += range(last, last - 10, -1)\n"
                "        self.head = reserved.pop() - 1\n"
                "        self._log.add(self.head + 1,",
            ),
        ),
        ("tests/live/test_order.py::test_twelve_subscribers_on_three_workers_get_the_same_posts[100]",),
        words="ConnectionClosed|" + IN_VAIN,
    ),
    Mechanism(
        "L2",
        "following the log in the order of its seqs",
        (
            Off(
                "pottle/store/changes.py",
                "SINCE = select(*COLUMNS).where(AFTER).order_by(LoggedChange.seq)",
                "SINCE = select(*COLUMNS).where(AFTER).order_by(LoggedChange.created, LoggedChange.seq)",
            ),
        ),
        ("tests/faults/test_bus.py::test_pokes_that_are_all_lost_cost_nothing_but_time_whatever_the_clock_says",),
        seconds=10,
    ),
    Mechanism(
        "L2",
        "telling each change once",
        (Off("pottle/store/follower.py", "changes.since(read, self.head)\n", "changes.since(read, self.head - 1)\n"),),
        (
            "tests/store/test_follower.py::test_it_works",
            "tests/faults/test_bus.py::test_pokes_that_are_late_doubled_garbled_and_forged_cost_nothing_but_time",
            "tests/faults/test_killed.py::test_what_was_acknowledged_outlives_every_process",
        ),
    ),
    Mechanism(
        "L2",
        "poking the other workers",
        (Off("pottle/store/sqlite.py", "        self._bus.poke()\n", ""),),
        ("tests/store/test_follower.py::test_a_poke_arrives_without_a_poll",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L2",
        "looking at the log where no poke comes",
        (Off("pottle/store/bus.py", "POLL_SECONDS = 0.1", "POLL_SECONDS = 3600"),),
        (
            "tests/store/test_follower.py::test_a_lost_poke_costs_only_a_little_time",
            "tests/faults/test_bus.py::test_each_post_arrives_everywhere_though_nobody_asks",
        ),
        words=IN_VAIN,
    ),
    Mechanism(
        "L2",
        "reading a bounded number of pokes at once",
        (Off("pottle/store/bus.py", "            for _ in range(MOST_AT_ONCE):", "            while True:"),),
        ("tests/faults/test_bus.py::test_whoever_sends_as_fast_as_we_read_does_not_stop_the_event_loop",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L2",
        "chaining a stream's changes by `prev`",
        (
            Off(
                "pottle/store/changes.py",
                "NEWEST.scalar_subquery()",
                "select(func.max(LoggedChange.seq)).scalar_subquery()",
            ),
        ),
        (
            "tests/store/test_changes.py::test_it_works",
            "tests/live/test_any_history.py::test_whatever_happens_a_reader_gets_what_it_missed_or_is_told_that_it_does_not",
        ),
    ),
    Mechanism(
        "L3",
        "asking what was pruned from the log",
        (Off("pottle/store/changes.py", "return first is not None and first.prev <= after", "return True"),),
        (
            "tests/live/test_resume.py::test_after_the_log_was_pruned_only_what_is_whole_is_recovered",
            "tests/live/test_any_history.py::test_whatever_happens_a_reader_gets_what_it_missed_or_is_told_that_it_does_not",
            "tests/faults/test_resume.py::test_on_a_quiet_channel_and_on_busy_ones_a_pruned_log_is_never_a_silent_hole",
        ),
        words="ConnectionClosed|" + IN_VAIN,
        seconds=10,
    ),
    Mechanism(
        "L3",
        "comparing epochs when somebody resumes",
        (Off("pottle/live/connection.py", "same = after is None or asked.epoch == db.instance.epoch", "same = True"),),
        (
            "tests/live/test_resume.py::test_a_position_that_never_was_is_not_recovered",
            "tests/faults/test_resume.py::test_many_who_resume_while_everybody_writes_get_exactly_what_they_missed",
        ),
    ),
    Mechanism(
        "L3",
        "a new epoch where an older copy was put back",
        (
            Off(
                "pottle/store/instance.py",
                "if epoch is None or another or (noted_epoch == epoch and noted_seq > seq):",
                "if epoch is None:",
            ),
        ),
        (
            "tests/store/test_turn.py::test_a_database_that_is_not_the_one_last_written_is_a_new_epoch",
            "tests/live/test_restart.py::test_a_restored_older_copy_is_a_new_epoch",
            "tests/live/test_restart.py::test_a_database_that_came_alone_is_a_new_epoch",
            "tests/faults/test_resume.py::test_after_an_older_copy_was_put_back_no_position_is_recovered",
        ),
    ),
    Mechanism(
        "L3",
        "noting the newest position at each commit",
        (Off("pottle/store/sqlite.py", "        self._turn.note(self.instance.epoch, tx.head)\n", ""),),
        ("tests/store/test_turn.py::test_every_commit_is_noted",),
    ),
    Mechanism(
        "L3",
        "knowing what the ring has dropped",
        (Off("pottle/live/hub.py", "            feed.since = oldest.seq\n", ""),),
        (
            "tests/live/test_resume.py::test_what_the_ring_no_longer_holds_is_read_from_the_log",
            "tests/faults/test_resume.py::test_on_every_worker_what_the_ring_has_long_dropped_comes_from_the_log",
        ),
        words=IN_VAIN,
    ),
    Mechanism(
        "L3",
        "cutting who lags behind what is pruned",
        (Off("pottle/live/hub.py", "if not changes.whole(read, stream, cursor):", "if False:"),),
        (
            "tests/live/test_resume.py::test_what_is_pruned_while_a_reader_lags_cuts_it_off",
            "tests/live/test_any_history.py::test_whoever_lags_in_a_channel_whose_last_change_was_pruned_is_cut_off",
        ),
    ),
    Mechanism(
        "L3",
        "noticing that the log was pruned before a worker read it",
        (Off("pottle/store/follower.py", "if not changes.all_there(read, self.head, rows):", "if False:"),),
        (
            "tests/faults/test_clock_and_pause.py::test_what_is_pruned_before_a_stopped_worker_has_read_it_is_no_silent_hole",
        ),
    ),
    Mechanism(
        "L4",
        "a list and its seq from one snapshot",
        (
            Off(
                "model/talk/post.py",
                "    page = paged(read, LISTED, Post.id, cursor, view, weight, channel_id=channel_id)\n"
                "    return PostsPage(page, channels.position(read, channel.id), channel)",
                "    page = paged(read, LISTED, Post.id, cursor, view, weight, channel_id=channel_id)\n"
                "    from contextlib import closing\n"
                "    from pottle.store import db\n    from pottle.store.engines import open_reader\n"
                '    with closing(open_reader(db.settings.instance / "app.db")) as later:\n'
                "        return PostsPage(page, channels.position(Snapshot(later), channel.id), channel)",
            ),
        ),
        ("tests/live/test_resume.py::test_a_list_and_its_seq_are_of_one_moment",),
    ),
    Mechanism(
        "L4",
        "going on just after the position that was asked for",
        (Off("pottle/live/connection.py", "newest if after is None or not recovered else after", "newest"),),
        (
            "tests/live/test_resume.py::test_it_gives_exactly_what_was_missed",
            "tests/live/test_any_history.py::test_whatever_happens_a_reader_gets_what_it_missed_or_is_told_that_it_does_not",
            "tests/faults/test_resume.py::test_many_who_resume_while_everybody_writes_get_exactly_what_they_missed",
        ),
        words=IN_VAIN,
    ),
)
