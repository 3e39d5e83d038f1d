"""The lines of the run log: JSON, one record a line, closed by a CRC-32 of all that stands before it.

Lines are separated by the byte ``\\n`` alone; JSON leaves U+2028 and U+0085 raw, so that ``splitlines`` would
cut in the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from stoker_shared.events import EventType, KeyUse, Record, Unknown

MAX_LINE = 1024 * 1024
"""Bytes an event's line may have, its newline included."""

_CRC_LENGTH = len(',"crc":"00000000"}')
SEAL_BYTES = _CRC_LENGTH - len("}")
"""Bytes by which a line is longer when it is sealed."""

_encoder = msgspec.json.Encoder()
_T = TypeVar("_T")


class Damaged(ValueError):
    """A line is not what was written: torn, changed, or not of this log."""


class Unreadable(Damaged):
    """A line is whole as it was written, and this version can't make sense of it."""


class _Envelope(msgspec.Struct):
    seq: int
    group: int
    at: datetime
    by: str
    type: str
    key: KeyUse | None = None


_envelopes = msgspec.json.Decoder(_Envelope)
_events = msgspec.json.Decoder(EventType)
# Made once: to make one costs more than an item.
_decoder_of = lru_cache(msgspec.json.Decoder)
_KNOWN_TYPES = frozenset(member.__struct_config__.tag for member in EventType.__args__)


def seal(line: bytes) -> bytes:
    """Close a JSON object with the CRC of its bytes and a newline."""
    body = line[:-1]
    return b'%b,"crc":"%08x"}\n' % (body, crc32(body))


def unseal(line: bytes) -> bytes:
    """Give the JSON object of a sealed line (without its newline), or raise `Damaged`."""
    body, tail = line[:-_CRC_LENGTH], line[-_CRC_LENGTH:]
    if tail != b',"crc":"%08x"}' % crc32(body):
        raise Damaged("its checksum does not match its content")
    return body + b"}"


def encode_record(record: Record, group: int) -> bytes:
    """Give the line of a record; ``group`` is the first seq written under the same sync."""
    event = _encoder.encode(record.event)
    head = b'{"seq":%d,"group":%d,"at":%b,"by":%b,' % (
        record.seq,
        group,
        _encoder.encode(record.at),
        _encoder.encode(record.by),
    )
    if record.key is None:
        return seal(head + event[1:])
    return seal(b'%b%b,"key":%b}' % (head, event[1:-1], _encoder.encode(record.key)))


def decode_record(line: bytes) -> tuple[Record, int]:
    """Give the record and group of a line (without its newline).

    An event of an unknown type is kept as `Unknown`: within a format version types are only ever added.

    Raises:
        Damaged: the line is not a whole record; `Unreadable` where it is whole.
    """
    body = unseal(line)
    try:
        envelope = _envelopes.decode(body)
        event = _events.decode(body) if envelope.type in _KNOWN_TYPES else Unknown(envelope.type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(f"it is not a record: {error}") from error
    return Record(envelope.seq, envelope.at, envelope.by, event, envelope.key), envelope.group


def encode_items(items: Iterable[msgspec.Struct]) -> bytes:
    """Give the lines of a segment's header and of its snapshot's items, which are still to be sealed.

    Sealing takes ten times as long, and need not be done before the items change again.
    """
    return _encoder.encode_lines(list(items))


def seal_lines(lines: bytes) -> bytes:
    """Seal each of some lines."""
    return b"".join(map(seal, lines.split(b"\n")[:-1]))


def decode_item(line: bytes, item_type: type[_T] | Any) -> _T:
    """Give the item of a sealed line (without its newline), or raise `Damaged`."""
    body = unseal(line)
    try:
        return _decoder_of(item_type).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"it is not what a segment opens with: {error}") from error
