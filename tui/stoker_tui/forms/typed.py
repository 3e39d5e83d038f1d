"""What a person typed in a form, to be kept and typed again. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from stoker_shared.secrecy import secret_problem, tells_of_secret
from stoker_tui.forms.form import Form
from stoker_tui.forms.kinds import BadText, Pairs


class TypedText(msgspec.Struct, frozen=True):
    """What was typed in a field, and ``over`` what."""

    text: str
    over: str = ""


class Typed(msgspec.Struct, frozen=True):
    """What was typed in fields, by their places; of what is secret there are the labels: ``left_out``."""

    texts: dict[str, TypedText]
    left_out: tuple[str, ...] = ()


def typed_in(form: Form[Any]) -> Typed:
    """Give what was typed in a form since it began, or was given a definition."""
    secret = {place for place in form.typed if _is_secret(form, place)}
    texts = {
        place: TypedText(form.text(place), over) for place, over in form.typed.items() if place not in secret
    }
    return Typed(texts, tuple(form.field(place).label for place in form.typed if place in secret))


def type_again(form: Form[Any], typed: Typed) -> list[str]:
    """Type it again, and give the labels of fields that have become another thing meanwhile."""
    known = {field.place for field in form.fields}
    texts = {place: each for place, each in typed.texts.items() if place in known}
    others = [
        form.field(place).label
        for place, each in texts.items()
        if form.text(place) not in (each.over, each.text)
    ]
    for place, each in texts.items():
        form.type(place, each.text)
    return others


def _is_secret(form: Form[Any], place: str) -> bool:
    """Tell whether what is in a field is not for the disk: a secret's value, or what is named like one."""
    if form.is_hidden(place):
        return True
    kind, text = form.field(place).kind, form.text(place)
    if not isinstance(kind, Pairs):
        return False
    try:
        return any(secret_problem(name, value) for name, value in kind.read(text).items())
    except BadText:
        return tells_of_secret(text)
