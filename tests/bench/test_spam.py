"""The spam run of bench/spam.py: what the usual rules let through, and what they hold back of a class."""

import pytest

from bench import spam


@pytest.mark.slow
async def test_most_spam_waits_and_nearly_nothing_of_a_class() -> None:
    campaign, school = await spam.main()
    assert campaign.posts > 950
    assert campaign.through < campaign.posts / 10
    assert school.posts == 300
    assert school.posts - school.through <= 3
