"""Commands on notifications."""

from __future__ import annotations

import click

from stoker_shared.api.notifications import ChannelView, DeliveryView
from stoker_shared.text import clean_line
from stoker_tui.cli import main
from stoker_tui.cli.common import Context, command
from stoker_tui.cli.tables import Column, moment, print_json, print_table


@main.group()
def notify() -> None:
    """Notifications: what waits, what was given up, a test.

    A workflow's `notify` are told when a run of it fails, is late, or succeeds again; a node's `subscription`
    says who is told of its states; those of a backfill are told when it fails or pauses. The daemon's
    configuration names a mail server (smtp_host) and a webhook (webhook_url): `stokerd config`.

    \b
    Examples:
      stoker notify list
      stoker notify test oncall@example.com
      stoker notify test

    See also: stoker status, stokerd check.
    """


@command(notify, "list")
def list_notifications(context: Context) -> None:
    """List what people are still to be told, and what was given up in the last days.

    \b
    Examples:
      stoker notify list
      stoker notify list --json | jq -r 'select(.given_up_at).why'

    See also: stoker notify test.
    """
    view = context.client.notifications()
    if context.as_json:
        print_json([*view.pending, *view.given_up])
        return
    click.echo(f"mail     {_channel(view.mail)}")
    click.echo(f"webhook  {_channel(view.webhook)}")
    if view.unsent:
        click.echo(f"{view.unsent:,} were not sent, since no mail server is set (smtp_host)")
    if view.pending:
        click.echo(f"\n{view.waiting:,} to be sent:")
        columns = (Column("TO"), Column("SINCE"), Column("TRIES", right=True), Column("NEXT TRY"))
        rows = [[one.to, moment(one.at), str(one.tries), moment(one.next_try_at)] for one in view.pending]
        _print(columns, rows, view.pending)
    if view.given_up:
        click.echo(f"\n{len(view.given_up):,} given up:")
        rows = [[one.to, moment(one.given_up_at)] for one in view.given_up]
        _print((Column("TO"), Column("AT")), rows, view.given_up)


def _print(columns: tuple[Column, ...], rows: list[list[str]], shown: list[DeliveryView]) -> None:
    more = (Column("WHAT", text=True), Column("WHY", text=True, spare=1))
    print_table((*columns, *more), [[*row, one.text, one.why] for row, one in zip(rows, shown, strict=True)])


def _channel(view: ChannelView) -> str:
    if not view.place:
        return "none is set"
    if view.down:
        return clean_line(f"{view.down} (tried again at {moment(view.next_try_at)})")
    return clean_line(view.place)


@command(notify, "test")
@click.argument("address", default="")
def try_notifying(context: Context, address: str) -> None:
    """Send a test to ADDRESS now, or without one by the webhook, and say what the server answered.

    \b
    Examples:
      stoker notify test oncall@example.com
      stoker notify test

    See also: stoker notify list, stokerd check.
    """
    tried = context.client.try_notifying(address)
    context.tell(tried, f"sent; the server answered: {clean_line(tried.answer)}")
