"""What keeps each promise, how it is switched off, and which tests must fail then; `scripts/mechanisms` tries it."""

from tests.mechanisms.answering import ANSWERING
from tests.mechanisms.following import FOLLOWING
from tests.mechanisms.listening import LISTENING
from tests.mechanisms.sharing import SHARING
from tests.mechanisms.writing import WRITING

MECHANISMS = (*WRITING, *FOLLOWING, *LISTENING, *ANSWERING, *SHARING)
