"""What keeps answers true: L6, and who may share one."""

from tests.mechanisms.mechanism import IN_VAIN, Mechanism, Off

ANSWERING = (
    Mechanism(
        "L6",
        "following the log before a kept answer is served",
        (
            Off(
                "pottle/http/caching.py",
                "            if db.caught_up_at_once():\n",
                "            if True:\n",
            ),
            Off(
                "pottle/http/caching.py",
                "            if not db.caught_up_at_once() and (",
                "            if False and (",
            ),
        ),
        (
            "tests/live/test_never_stale.py::test_every_read_after_a_write_shows_it",
            "tests/faults/test_race.py::test_what_was_acknowledged_shows_at_once_on_every_worker[deaf]",
            "tests/faults/test_clock_and_pause.py::test_a_worker_that_was_stopped_has_no_hole_and_serves_nothing_stale",
        ),
    ),
    Mechanism(
        "L6",
        "keeping no answer that a write overtook",
        (Off("pottle/http/shelf.py", "            fill.dropped |= stale.tags\n", "            pass\n"),),
        ("tests/live/test_never_stale.py::test_an_answer_that_was_overtaken_by_a_write_is_not_kept",),
    ),
    Mechanism(
        "L6",
        "taking the version before the rows are read",
        (
            Off(
                "pottle/store/sqlite.py",
                "        self._version = version  #",
                '        self._version = self._watch.execute("PRAGMA data_version").fetchone()[0]  #',
            ),
        ),
        ("tests/store/test_follower.py::test_what_is_committed_while_it_looks_is_seen_by_the_next_look",),
    ),
    Mechanism(
        "L6",
        "naming what a change makes stale",
        (
            Off(
                "model/talk/posting.py",
                '    tags = ["posts", f"posts-of:{group_id}", f"post:{id_}"]\n',
                "    tags = []\n",
            ),
        ),
        ("tests/faults/test_forgotten_tags.py::test_what_is_kept_is_what_is_true_after_every_kind_of_write",),
    ),
    Mechanism(
        "L6",
        "telling which tables a unit wrote",
        (
            Off(
                "pottle/store/unit.py",
                "        new = self.wrote - self._told\n",
                "        new: set[str] = set()\n",
            ),
        ),
        (
            "tests/api/test_shared.py::test_it_works",
            "tests/store/test_tables.py::test_a_unit_without_a_change_leaves_the_tables_that_it_wrote",
            "tests/store/test_group_commit.py::test_what_was_acknowledged_is_there_and_nothing_else",
        ),
    ),
    Mechanism(
        "L6",
        "noting which tables an answer read",
        (Off("pottle/store/statements.py", "            seen |= ready.reads\n", "            pass\n"),),
        ("tests/store/test_tables.py::test_reads_are_collected_wherever_they_happen",),
        words=IN_VAIN,
    ),
    Mechanism(
        "L6, L8",
        "forgetting all where one listener fails",
        (
            Off(
                "pottle/store/follower.py",
                "not self._applied(news, news.prepared):\n            self.forget()",
                "not self._applied(news, news.prepared):\n            pass",
            ),
        ),
        (
            "tests/store/test_follower.py::test_where_one_listener_fails_all_forget",
            "tests/faults/test_failing_listeners.py::test_a_session_that_ended_elsewhere_is_over",
        ),
    ),
    Mechanism(
        "L6, L8",
        "serving nothing until all could forget",
        (Off("pottle/store/follower.py", "        self._unsure = True\n", ""),),
        ("tests/store/test_follower.py::test_where_one_cannot_even_forget_nothing_is_served_until_it_can",),
    ),
    Mechanism(
        "shared answers",
        "asking whether a handler asks who is asking",
        (Off("pottle/access.py", "            here.asks_anyway()\n", "            pass\n"),),
        (
            "tests/api/test_shared.py::test_who_is_asking_is_no_question_for_it",
            "tests/api/test_shared.py::test_in_production_it_is_answered_and_not_kept",
        ),
    ),
    Mechanism(
        "shared answers",
        "keeping nothing that sets a cookie",
        (
            Off(
                "pottle/http/caching.py",
                'if any(name == b"set-cookie" for name, _ in recorder.headers):\n        return False',
                "if False:\n        return False",
            ),
        ),
        ("tests/live/test_never_stale.py::test_what_is_for_one_reader_is_never_kept",),
    ),
    Mechanism(
        "shared answers",
        "keeping one for each language",
        (
            Off(
                "pottle/http/shelf.py",
                "if kept is not None and kept.language and (wanted := _language(headers)) != kept.language:",
                "if False and (wanted := _language(headers)):",
            ),
        ),
        ("tests/api/test_languages.py::test_cached_pages_differ_by_language",),
    ),
    Mechanism(
        "shared answers",
        "keeping nothing in a language that somebody chose",
        (Off("pottle/http/caching.py", "keep = keep and CHOSEN not in scope and", "keep = keep and"),),
        ("tests/api/test_languages.py::test_what_somebody_chose_is_for_them_alone",),
    ),
)
