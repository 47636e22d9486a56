"""For each property, a history that breaks it, and the nearest ones that do not."""

from tests.conformance.story import Story


def test_all_is_well() -> None:
    story = Story().subscribed("ann").writes("x").told("ann", "x").read("x").quiet()
    assert story.finds() == {}
    assert story.checks("lost") == story.checks("stale read") == story.checks("vanished") == 1


def test_nothing_can_be_said_of_an_empty_history() -> None:
    assert Story().finds() == {}


# lost


def test_an_acknowledged_write_that_never_arrived_is_lost() -> None:
    assert Story().subscribed("ann").writes("x").quiet().finds() == {"lost": 1}


def test_a_write_that_arrived_elsewhere_is_lost_though_nobody_acknowledged_it() -> None:
    story = Story().subscribed("ann").subscribed("bob").starts("x").failed("x").told("bob", "x")
    assert story.quiet().finds() == {"lost": 1}


def test_a_write_whose_outcome_is_unknown_need_not_arrive() -> None:
    assert Story().subscribed("ann").starts("x").failed("x").quiet().finds() == {}


def test_a_write_that_began_before_the_subscription_need_not_arrive() -> None:
    assert Story().starts("x").subscribed("ann").acknowledged("x").quiet().finds() == {}


def test_a_write_to_another_channel_need_not_arrive() -> None:
    assert Story().subscribed("ann", "a").writes("x", "b").quiet().finds() == {}


def test_a_write_shortly_before_the_connection_ended_need_not_arrive() -> None:
    assert Story().subscribed("ann").writes("x").disconnected("ann").quiet().finds() == {}


def test_a_write_is_lost_if_a_later_one_arrived() -> None:
    story = Story().subscribed("ann").writes("x").writes("y").told("ann", "y").disconnected("ann")
    assert story.finds() == {"lost": 1}


def test_who_subscribes_again_from_now_on_is_owed_nothing_of_the_time_between() -> None:
    story = Story().subscribed("ann").disconnected("ann").writes("x").subscribed("ann").quiet()
    assert story.finds() == {}


# doubled


def test_what_arrives_twice_is_doubled() -> None:
    story = Story().subscribed("ann").writes("x").told("ann", "x").told("ann", "x").quiet()
    assert story.finds() == {"doubled": 1}


def test_what_arrives_again_after_a_resumption_is_doubled() -> None:
    story = Story().subscribed("ann", seq=0).writes("x").told("ann", "x", seq=1, prev=0).disconnected("ann")
    story.subscribed("ann", seq=1, after=1, recovered=True).told("ann", "x", seq=1, prev=0)
    assert story.finds() == {"doubled": 1}


def test_what_a_retry_has_kept_twice_is_doubled() -> None:
    story = Story().starts("x").failed("x").read("x", "x").read("x", "x")
    assert story.finds() == {"doubled": 1}


def test_a_fresh_subscription_may_begin_with_what_was_told_before() -> None:
    story = Story().subscribed("ann").starts("x").told("ann", "x").disconnected("ann").subscribed("ann")
    assert story.told("ann", "x").acknowledged("x").quiet().finds() == {}


# reordered


def two_at_once() -> Story:
    story = Story().subscribed("ann").subscribed("bob").starts("x").starts("y")
    return story.acknowledged("x").acknowledged("y")


def test_two_who_are_told_in_opposite_orders() -> None:
    story = two_at_once().told("ann", "x").told("bob", "y").told("ann", "y").told("bob", "x")
    assert story.quiet().finds() == {"reordered": 1}


def test_concurrent_writes_may_come_in_either_order_that_is_the_same_for_all() -> None:
    story = two_at_once().told("ann", "y").told("bob", "y").told("ann", "x").told("bob", "x")
    assert story.quiet().finds() == {}


def test_three_who_agree_in_pairs_and_have_no_order_together() -> None:
    story = Story().starts("x").starts("y").starts("z")
    for who, first, second in (("ann", "x", "y"), ("bob", "y", "z"), ("cleo", "z", "x")):
        story.subscribed(who).told(who, first).told(who, second)
    assert story.finds() == {"reordered": 1}


def test_one_who_is_told_against_the_order_of_time() -> None:
    story = Story().subscribed("ann").writes("x").writes("y").told("ann", "y").told("ann", "x").quiet()
    assert story.finds() == {"reordered": 1}


def test_a_seq_that_falls() -> None:
    story = Story().subscribed("ann").starts("x").starts("y").told("ann", "x", seq=2).told("ann", "y", seq=1)
    assert story.finds() == {"reordered": 1}


def test_a_seq_that_means_two_posts() -> None:
    story = two_at_once().told("ann", "x", seq=1).told("bob", "y", seq=1)
    assert story.finds() == {"reordered": 1}


# silent gap


def test_a_link_that_is_missing() -> None:
    story = Story().subscribed("ann", seq=4).starts("x").told("ann", "x", seq=9, prev=7)
    assert story.finds() == {"silent gap": 1}


def test_links_that_follow_on() -> None:
    story = Story().subscribed("ann", seq=4).starts("x").starts("y")
    story.told("ann", "x", seq=7, prev=4).told("ann", "y", seq=9, prev=7)
    assert story.finds() == {}
    assert story.checks("silent gap") == 2


def missed(recovered: bool) -> Story:
    story = Story().subscribed("ann", seq=0).disconnected("ann").writes("x")
    return story.subscribed("ann", seq=1, after=0, recovered=recovered).quiet()


def test_a_resumption_that_claims_too_much() -> None:
    assert missed(recovered=True).finds() == {"silent gap": 1}


def test_a_resumption_that_says_what_it_cannot_do() -> None:
    assert missed(recovered=False).finds() == {}


def test_a_resumption_over_two_epochs() -> None:
    story = Story().subscribed("ann", seq=0, epoch="first").disconnected("ann")
    assert story.subscribed("ann", seq=0, after=0, epoch="second", recovered=True).finds() == {"silent gap": 1}


# list and live


def seam(in_list: bool, live: bool) -> Story:
    story = Story().starts("x").read(*["x"] * in_list, started=1.5, seq=int(in_list))
    story.subscribed("ann", seq=1, after=int(in_list), recovered=True, listed=1).acknowledged("x")
    if live:
        story.told("ann", "x", seq=1 + in_list, prev=int(in_list))
    return story.quiet()


def test_a_write_that_falls_between_list_and_subscription() -> None:
    assert seam(in_list=False, live=False).finds() == {"list and live": 1}


def test_a_write_that_is_in_the_list_and_comes_again() -> None:
    assert seam(in_list=True, live=True).finds() == {"list and live": 1}


def test_a_write_that_is_in_one_of_them() -> None:
    for story in (seam(in_list=True, live=False), seam(in_list=False, live=True)):
        assert story.finds() == {}
        assert story.checks("list and live") == 1


# stale read, vanished


def test_a_list_without_what_was_acknowledged_before() -> None:
    assert Story().writes("x").read().read("x").finds() == {"stale read": 1}


def test_a_list_without_what_somebody_was_told_of_before() -> None:
    story = Story().subscribed("ann").starts("x").told("ann", "x").read().read("x")
    assert story.finds() == {"stale read": 1}


def test_a_list_that_goes_back_behind_an_earlier_one() -> None:
    assert Story().starts("x").read("x").read().read("x").finds() == {"stale read": 1}


def test_a_list_asked_for_before_the_acknowledgement_may_be_without_it() -> None:
    story = Story().writes("x")
    assert story.read(started=1.5).read("x").finds() == {}


def test_a_list_may_be_cut_off() -> None:
    story = Story().writes("old").writes("x").writes("y")
    assert story.read("y", "x", truncated=True).finds() == {}
    assert story.checks("stale read") == 1  # y is newer than x, which is shown


def test_a_list_that_is_cut_off_has_to_show_what_is_newer_than_it_shows() -> None:
    story = Story().writes("x").writes("y").writes("z").read("z", "x", truncated=True).read("z", "y", "x")
    assert story.finds() == {"stale read": 1}


def test_an_acknowledged_write_that_is_gone_in_the_end() -> None:
    assert Story().writes("x").read("x").read().finds() == {"vanished": 1}


# after revocation


def test_what_began_after_a_revocation_and_is_delivered() -> None:
    story = Story().subscribed("ann").revoked("ann").writes("x").told("ann", "x")
    assert story.finds() == {"after revocation": 1}


def test_what_began_before_a_revocation_may_still_arrive() -> None:
    assert Story().subscribed("ann").starts("x").revoked("ann").told("ann", "x").finds() == {}


def test_what_comes_after_a_revocation_is_not_lost() -> None:
    assert Story().subscribed("ann").revoked("ann").writes("x").quiet().finds() == {}


def test_who_subscribes_anew_after_a_revocation_has_a_right_again() -> None:
    story = Story().subscribed("ann").revoked("ann").disconnected("ann").subscribed("ann").writes("x")
    assert story.told("ann", "x").quiet().finds() == {}


# phantom


def test_what_nobody_wrote() -> None:
    assert Story().subscribed("ann").told("ann", "x").read("x").finds() == {"phantom": 2}


def test_what_was_refused() -> None:
    assert Story().subscribed("ann").starts("x").refused("x").told("ann", "x").quiet().finds() == {"phantom": 1}


def test_what_is_shown_before_it_was_written() -> None:
    assert Story().subscribed("ann").told("ann", "x").writes("x").quiet().finds() == {"phantom": 1}


def test_what_is_shown_in_another_channel() -> None:
    story = Story().subscribed("ann", "a").writes("x", "b").told("ann", "x", "a").quiet()
    assert story.finds() == {"phantom": 1}


def test_what_is_told_to_somebody_without_a_subscription() -> None:
    assert Story().starts("x").told("ann", "x").finds() == {"phantom": 1}


def test_a_write_without_an_acknowledgement_may_be_kept() -> None:
    story = Story().subscribed("ann").starts("x").failed("x").told("ann", "x").read("x").quiet()
    assert story.finds() == {}


# untold


def test_a_watcher_who_was_never_told_of_a_write_has_an_older_list() -> None:
    story = Story().watching("ann").read(reader="ann").writes("x").quiet()
    assert story.finds() == {"untold": 1}


def test_a_watcher_who_was_told_and_read_it_is_up_to_date() -> None:
    story = Story().watching("ann").read(reader="ann").writes("x").read("x", reader="ann").quiet()
    assert story.finds() == {}
    assert story.checks("untold") == 1


def test_a_watcher_who_never_read_was_not_even_told_at_first() -> None:
    assert Story().writes("x").watching("ann").quiet().finds() == {"untold": 1}


def test_a_watcher_who_is_not_connected_need_not_be_told() -> None:
    story = Story().watching("ann").read(reader="ann").disconnected("ann").writes("x").quiet()
    assert story.finds() == {}


def test_a_watcher_of_another_channel_need_not_be_told() -> None:
    story = Story().watching("ann").read(reader="ann").writes("x", "b").quiet()
    assert story.finds() == {}


def test_what_was_cut_off_need_not_be_in_a_watchers_list() -> None:
    story = Story().writes("x").writes("y").watching("ann").read("y", reader="ann", truncated=True).quiet()
    assert story.finds() == {}
