"""The checker against a system that keeps its word, and against the same system's histories with one lie in them."""

import random
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conformance.checker import anomalies
from conformance.history import Delivered, ListRead
from tests.conformance.model import Model
from tests.conformance.mutations import FOUND_AS, Lie, claim

seeds = st.integers(0, 2**32)


@given(seed=seeds, steps=st.integers(0, 400), numbered=st.booleans())
@settings(deadline=None, max_examples=200)
def test_a_system_that_keeps_its_word_has_no_anomaly(seed: int, steps: int, numbered: bool) -> None:
    assert anomalies(Model(random.Random(seed), numbered).run(steps)) == []


LIES = [
    pytest.param(lie, numbered, id=f"{lie.__name__} {'with' if numbered else 'without'} seqs")
    for lie in FOUND_AS
    for numbered in (True, False)
    if numbered or lie is not claim  # nobody resumes without seqs
]


@pytest.mark.parametrize(("lie", "numbered"), LIES)
def test_one_lie_is_always_found(lie: Lie, numbered: bool) -> None:
    @given(seed=seeds, steps=st.integers(150, 400))
    @settings(deadline=None, max_examples=100)
    def found(seed: int, steps: int) -> None:
        rng = random.Random(seed)
        changed = lie(Model(rng, numbered).run(steps), rng)
        assume(changed is not None)
        assert FOUND_AS[lie] & {anomaly.kind for anomaly in anomalies(changed)}

    found()


def test_the_model_does_enough_to_lie_about() -> None:
    kinds = Counter(type(event) for event in Model(random.Random(1)).run(300))
    assert kinds[Delivered] > 20
    assert kinds[ListRead] > 20
