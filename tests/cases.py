"""Many cases in one test: `@in_turn("body", BODIES)` says what `@pytest.mark.parametrize("body", BODIES)` says.

The fixtures of the test (an application on a database of its own: 40 ms) are made once and not for each case, so that
one case must not mind what those before it have left. Which case failed stands below the error.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Test = Callable[..., Any]


def in_turn(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """A test that goes through all cases, until one fails."""
    wanted = (names,) if isinstance(names, str) else names

    def of_cases(test: Test) -> Test:
        def each() -> Iterator[tuple[Any, dict[str, Any]]]:
            for case in cases:
                values = (case,) if isinstance(names, str) else case
                yield case, dict(zip(wanted, values, strict=True))

        async def goes_on(*of: Any, **fixtures: Any) -> None:
            for case, given in each():
                with _about(case):
                    await test(*of, **fixtures, **given)

        def goes(*of: Any, **fixtures: Any) -> None:
            for case, given in each():
                with _about(case):
                    test(*of, **fixtures, **given)

        all_cases: Any = functools.wraps(test)(goes_on if inspect.iscoroutinefunction(test) else goes)
        fixtures = inspect.signature(test)
        kept = [one for name, one in fixtures.parameters.items() if name not in wanted]
        all_cases.__signature__ = fixtures.replace(parameters=kept)
        return all_cases  # type: ignore[no-any-return]

    return of_cases


@contextmanager
def _about(case: Any) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"In the case {case!r:.300}")
        raise
