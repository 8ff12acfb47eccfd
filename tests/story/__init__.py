"""The product from end to end: in a real browser on the real server, and through the API alone."""

import pytest

pytest.register_assert_rewrite("tests.story.books", "tests.story.person", "tests.story.taps")
