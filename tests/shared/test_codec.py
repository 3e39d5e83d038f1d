import json
from zlib import crc32

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_shared import events as ev
from stoker_shared.apply import apply
from stoker_shared.codec import (
    SEAL_BYTES,
    Damaged,
    decode_item,
    decode_record,
    encode_items,
    encode_record,
    seal,
    seal_lines,
    unseal,
)
from stoker_shared.model import NodeState
from stoker_shared.state import Counters, Item, State, Workspace
from tests.strategies import (
    EVENT_TYPES,
    SEPARATORS,
    T0,
    Story,
    created,
    node,
    records,
    sealed,
    starting,
    values_of,
)

groups = st.integers(1, 2**63 - 1)


def record(event: ev.EventType | ev.Unknown, seq: int = 1) -> ev.Record:
    return ev.Record(seq, T0, "alice", event)


def line_of(event: ev.EventType, seq: int = 1, group: int = 1) -> bytes:
    return encode_record(record(event, seq), group).removesuffix(b"\n")


def line(**fields: object) -> bytes:
    """A sealed line of any fields, as another version might have written it."""
    return seal(json.dumps(fields, separators=(",", ":")).encode()).removesuffix(b"\n")


class TestARecord:
    @pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__struct_config__.tag)
    def test_of_every_type_comes_back_as_it_was_written(self, kind: type[ev.Event]):
        @given(values_of(kind), groups)
        def comes_back(event: ev.EventType, group: int) -> None:
            assert decode_record(line_of(event, group=group)) == (record(event), group)

        comes_back()

    @given(records, groups)
    def test_is_one_line_whatever_its_texts_contain(self, written: ev.Record, group: int):
        encoded = encode_record(written, group)

        assert encoded.endswith(b"\n")
        assert encoded.count(b"\n") == 1
        assert decode_record(encoded[:-1]) == (written, group)

    @pytest.mark.parametrize("separator", SEPARATORS, ids=lambda text: f"U+{ord(text):04X}")
    def test_keeps_what_cuts_lines_elsewhere(self, separator: str):
        event = ev.NodeFinished(1, f"a{separator}b", NodeState.FAILED, detail=separator)
        written = ev.Record(1, T0, f"al{separator}ice", event)

        assert decode_record(encode_record(written, 1)[:-1])[0] == written

    @given(records, groups)
    def test_reads_as_json_in_the_order_seq_group_at_by_type_and_at_last_crc(
        self, written: ev.Record, group: int
    ):
        fields = json.loads(encode_record(written, group))

        assert list(fields)[:5] == ["seq", "group", "at", "by", "type"]
        assert list(fields)[-1] == "crc"
        assert (fields["seq"], fields["group"], fields["by"]) == (written.seq, group, written.by)

    @given(records)
    def test_ends_with_the_crc_of_all_that_stands_before_it(self, written: ev.Record):
        body, _, tail = encode_record(written, 1).rpartition(b',"crc":"')

        assert tail == b'%08x"}\n' % crc32(body)

    def test_is_written_as_the_documentation_shows_it(self):
        event = ev.AttemptStarted(run=1234, node="ingest", attempt=1, pid=4711, start_time=99)

        written = encode_record(ev.Record(1042, T0, "alice", event), 1040).decode()

        assert written.startswith(
            '{"seq":1042,"group":1040,"at":"2026-11-22T01:00:00Z","by":"alice","type":"attempt.started",'
            '"run":1234,"node":"ingest","attempt":1,"pid":4711,"start_time":99,"crc":"'
        )


class TestDamage:
    @given(records, st.data())
    def test_of_any_single_byte_is_noticed(self, written: ev.Record, data: st.DataObject):
        whole = encode_record(written, 1)[:-1]
        position = data.draw(st.integers(0, len(whole) - 1))
        other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[position]))

        with pytest.raises(Damaged):
            decode_record(whole[:position] + bytes([other]) + whole[position + 1 :])

    def test_of_each_single_byte_is_noticed(self):
        whole = line_of(starting("ingest"))

        for position, byte in enumerate(whole):
            for other in {0, byte ^ 1, byte ^ 0x20, byte ^ 0xFF, 0x0A}:
                with pytest.raises(Damaged):
                    decode_record(whole[:position] + bytes([other]) + whole[position + 1 :])

    def test_by_cutting_is_noticed_wherever_the_cut_is(self):
        whole = line_of(starting("ingest"))

        for end in range(len(whole)):
            with pytest.raises(Damaged):
                decode_record(whole[:end])

    @given(st.binary(max_size=60))
    @example(b"")
    @example(b',"crc":"00000000"}')
    def test_is_what_any_other_bytes_are_called(self, noise: bytes):
        with pytest.raises(Damaged):
            decode_record(noise)

    @pytest.mark.parametrize(
        "fields",
        [
            {"seq": 1, "group": 1, "at": "2026-11-22T01:00:00Z", "by": "alice"},
            {"seq": "1", "group": 1, "at": "2026-11-22T01:00:00Z", "by": "alice", "type": "new"},
            {"seq": 1, "group": 1, "at": "yesterday", "by": "alice", "type": "new"},
            {"seq": 1, "group": 1, "at": "2026-11-22T01:00:00Z", "by": "alice", "type": "run.started"},
        ],
        ids=["no type", "a text for a number", "no time", "an event without its fields"],
    )
    def test_is_also_a_line_that_is_sealed_and_no_record(self, fields: dict[str, object]):
        with pytest.raises(Damaged, match="not a record"):
            decode_record(line(**fields))


class TestWhatANewerVersionWrote:
    UNKNOWN = line(seq=1, group=1, at="2026-11-22T01:00:00Z", by="eve", type="lunch.eaten", run=1, soup="y")

    def test_is_kept_where_its_type_is_unknown(self):
        written, group = decode_record(self.UNKNOWN)

        assert written == ev.Record(1, T0, "eve", ev.Unknown("lunch.eaten"))
        assert group == 1

    def test_has_no_effect_but_its_place_in_the_log(self):
        story = Story(created([node("a")]))
        before = msgspec.json.encode(list(story.state.items()))

        story.tell(ev.Unknown("lunch.eaten"))

        assert story.state.seq == 2
        assert msgspec.json.encode(list(story.state.items())) == before

    def test_is_read_without_the_fields_that_are_unknown(self):
        newer = line(
            seq=3, group=2, at="2026-11-22T01:00:00Z", by="eve", type="run.started", run=7, mood="fine"
        )

        assert decode_record(newer) == (ev.Record(3, T0, "eve", ev.RunStarted(7)), 2)


class TestASnapshotsItem:
    def test_comes_back_as_the_part_of_the_state_that_it_was(self):
        story = Story(
            ev.JobPublished("default", "etl/a.py", 1, "d" * 64, 12),
            ev.WorkflowSaved("default", 1, "daily", 1, "e" * 64),
            created([node("a"), node("b", "a", retries=2)]),
            ev.RunStarted(1),
            starting("a"),
        )
        restored = State(seq=story.state.seq)

        for item in story.state.items():
            restored.restore(decode_item(sealed(item)[:-1], Item))

        assert restored == story.state

    def test_goes_on_from_there_as_the_state_itself_would(self):
        story = Story(created([node("a"), node("b", "a")]))
        restored = State(seq=story.state.seq)
        for item in story.state.items():
            restored.restore(decode_item(sealed(item)[:-1], Item))

        for told in story.tell(ev.RunStarted(1), starting("a"), ev.AttemptFinished(1, "a", 1, 0)):
            apply(restored, told)

        assert restored == story.state

    def test_may_be_encoded_at_one_moment_and_sealed_later(self):
        items = [Counters(1, 2), Workspace("a\nb\u2028"), Counters(3, 4)]
        lines = encode_items(items)

        assert len(seal_lines(lines)) == len(lines) + 3 * SEAL_BYTES
        assert [decode_item(line, Item) for line in seal_lines(lines).split(b"\n")[:-1]] == items

    def test_that_was_changed_is_damaged(self):
        line = sealed(Counters(1, 2))[:-1]

        with pytest.raises(Damaged):
            decode_item(line.replace(b'"run":2', b'"run":3'), Item)

    def test_of_another_kind_is_damaged(self):
        with pytest.raises(Damaged, match="not what a segment opens with"):
            decode_item(seal(b'{"type":"surprise"}')[:-1], Item)

    @given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), min_size=1))
    def test_is_sealed_so_that_the_object_comes_back_byte_by_byte(self, fields: dict[str, str]):
        body = msgspec.json.encode(fields)

        assert unseal(seal(body)[:-1]) == body
