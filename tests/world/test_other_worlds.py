"""More worlds, in a file of their own so that two processes share them."""

from __future__ import annotations

import pytest

from tests.world.test_world import STEPS, lived

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(20, 40))
def test_nothing_is_lost_and_nothing_done_twice_in_other_worlds(seed: int):
    world = lived(seed, STEPS)

    assert world.steps >= STEPS
    assert world.crashes > STEPS / 1000
