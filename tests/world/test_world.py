"""The daemon's first promise, in worlds in which everything goes wrong: nothing lost, nothing twice."""

from __future__ import annotations

import pytest

from tests.world.broken import Broken
from tests.world.world import World

pytestmark = pytest.mark.slow

STEPS = 25_000
"""In each of 40 worlds: a million."""


def lived(seed: int, steps: int) -> World:
    """A world of that seed, after that many steps; one that breaks says how to see it again."""
    world = World(seed)
    try:
        world.run(steps)
    except Broken as broken:
        again = f"python -m tests.world --seed {seed} --steps {steps}"
        pytest.fail(f"{broken} (after {world.steps:,} steps; again by: {again})")
    return world


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_and_nothing_done_twice_whatever_happens(seed: int):
    world = lived(seed, STEPS)

    assert world.steps >= STEPS
    assert world.crashes > STEPS / 1000


def test_a_seed_gives_the_same_world_to_the_byte():
    one, other, another = lived(100, 3000), lived(100, 3000), lived(101, 3000)

    assert one.digest.digest() == other.digest.digest()
    assert one.digest.digest() != another.digest.digest()


def test_a_world_that_breaks_breaks_at_the_same_step_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stoker_daemon.planning.line._fits", lambda *_: True)

    first, second = broken(), broken()

    assert first == second


def broken() -> tuple[str, int]:
    """What breaks a world whose queues have room for everything, and when."""
    world = World(1)
    with pytest.raises(Broken) as caught:
        world.run(STEPS)
    return str(caught.value), world.steps
