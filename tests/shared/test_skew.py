from __future__ import annotations

import pytest

from stoker_shared.skew import what_to_do


@pytest.mark.parametrize(
    ("daemon", "client", "told"),
    [
        ("2", "1", "the client is the older one: install the release that the daemon is of"),
        ("9", "10", "the daemon is the older one: update and restart it"),
        ("1", "one", "bring both to the same release"),
        ("1", "²", "bring both to the same release"),
    ],
)
def test_of_two_versions_the_older_is_to_be_brought_up_to_date(daemon: str, client: str, told: str):
    assert what_to_do(daemon, client).startswith(told)
