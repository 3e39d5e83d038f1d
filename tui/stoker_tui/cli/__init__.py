"""The command `stoker`: a script's tool over the daemon's HTTP interface."""

from __future__ import annotations

import click

from stoker_shared import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="stoker")
def main() -> None:
    """Run and watch workflows of Spark jobs, through the daemon `stokerd`.

    \b
    See it work:   stoker demo
    Define:        stoker job publish etl/ingest.py
                   stoker apply --publish flights.yaml
    Run:           stoker run daily_flights --cycle 2013-01-15 --follow
    Look:          stoker runs · stoker show 12 · stoker logs 12 ingest -f

    \b
    Exit status: 0 done; 1 the run waited for did not succeed; 2 usage; 3 no daemon; 4 refused.
    """


# Each module adds its commands to the group above.
from stoker_tui.cli import definitions, demo, runs, status  # noqa: E402, F401
