"""Run a world: ``python -m tests.world [--seed N] [--steps N]``. A seed that breaks does so every time."""

from __future__ import annotations

import argparse
import sys
import time

from tests.world.broken import Broken
from tests.world.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.world")
    parser.add_argument("--seed", type=int, default=None, help="unset: another each time")
    parser.add_argument("--steps", type=int, default=100_000)
    options = parser.parse_args()
    seed = time.time_ns() % 10**9 if options.seed is None else options.seed
    world, began = World(seed), time.process_time()
    try:
        world.run(options.steps)
    except Broken as broken:
        print(f"seed {seed}: broken after {world.steps:,} steps: {broken}", file=sys.stderr)
        raise
    took = time.process_time() - began
    print(
        f"seed {seed}: {world.steps:,} steps ({world.events:,} events, {world.faults:,} faults, "
        f"{world.crashes:,} crashes, {world.checks:,} comparisons) in {took:.1f} s: "
        f"{world.steps / took:,.0f} steps and {world.faults / took:,.0f} faults a second; "
        f"log {world.digest.hexdigest()[:16]}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
