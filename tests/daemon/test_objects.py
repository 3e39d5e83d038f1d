from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stoker_daemon import objects as objects_module
from stoker_daemon.objects import Objects, WrongDigest
from stoker_daemon.problems import Refused
from stoker_shared.api import Digest


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


async def sent(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


def files(objects: Objects) -> set[str]:
    return {path.name for path in objects.path("x").parent.iterdir()}


class TestPut:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary(max_size=200))
    def test_content_comes_back_by_its_sha_256(self, objects: Objects, content: bytes):
        digest = objects.put(content)

        assert digest == digest_of(content)
        assert digest in objects
        assert objects.read(digest) == objects.path(digest).read_bytes() == content
        assert objects.size(digest) == len(content)

    def test_content_that_is_there_is_not_written_again(self, objects: Objects):
        digest = objects.put(b"select 1")
        before = objects.path(digest).stat()

        assert objects.put(b"select 1") == digest
        assert objects.path(digest).stat() == before

    def test_objects_are_for_nobody_to_change_and_nobody_else_to_read(self, objects: Objects):
        path = objects.path(objects.put(b"select 1"))

        assert path.stat().st_mode & 0o777 == 0o400
        assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_content_is_synced_before_it_has_its_name(
        self, objects: Objects, monkeypatch: pytest.MonkeyPatch
    ):
        digest = digest_of(b"select 1")
        there: list[bool] = []
        monkeypatch.setattr(os, "fsync", lambda _: there.append(digest in objects))

        objects.put(b"select 1")

        assert there == [False, True]

    def test_content_that_cannot_be_synced_is_not_there(
        self, objects: Objects, monkeypatch: pytest.MonkeyPatch
    ):
        def fail(_: int) -> None:
            raise OSError("Input/output error")

        monkeypatch.setattr(os, "fsync", fail)

        with pytest.raises(OSError, match="Input/output error"):
            objects.put(b"select 1")
        assert files(objects) == set()


class TestReceive:
    async def test_content_comes_in_pieces(self, objects: Objects):
        chunks = [b"select ", b"", b"1" * 100_000]
        digest = digest_of(b"".join(chunks))

        assert await objects.receive(digest, sent(chunks)) == 100_007
        assert objects.read(digest) == b"".join(chunks)
        assert files(objects) == {digest}

    async def test_no_content_is_content(self, objects: Objects):
        assert await objects.receive(digest_of(b""), sent([])) == 0
        assert objects.read(digest_of(b"")) == b""

    async def test_content_under_a_wrong_digest_is_not_stored(self, objects: Objects):
        with pytest.raises(WrongDigest, match=digest_of(b"select 2")):
            await objects.receive(digest_of(b"select 1"), sent([b"select 2"]))

        assert files(objects) == set()

    async def test_content_that_breaks_off_is_not_stored(self, objects: Objects):
        async def breaking() -> AsyncIterator[bytes]:
            yield b"select"
            raise ConnectionError("the client has gone")

        with pytest.raises(ConnectionError):
            await objects.receive(digest_of(b"select 1"), breaking())

        assert files(objects) == set()

    async def test_content_that_is_there_may_be_sent_again(self, objects: Objects):
        digest = objects.put(b"select 1")

        assert await objects.receive(digest, sent([b"select ", b"1"])) == 8
        assert objects.read(digest) == b"select 1"
        assert files(objects) == {digest}

    async def test_the_same_content_may_come_from_two_sides_at_once(self, objects: Objects):
        digest = digest_of(b"select 1")

        await asyncio.gather(*[objects.receive(digest, sent([b"select ", b"1"])) for _ in range(5)])

        assert files(objects) == {digest}


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


class TestAFullDisk:
    @pytest.fixture
    def full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "fsync", no_room)
        monkeypatch.setattr(objects_module, "free_bytes", lambda _: 7)

    @pytest.mark.usefixtures("full")
    async def test_takes_no_content_says_so_and_nothing_is_left_behind(self, objects: Objects):
        with pytest.raises(Refused, match=r"no room left in .*objects") as refused:
            objects.put(b"select 1")
        assert (refused.value.problem.status, refused.value.problem.type) == (507, "no-space")
        with pytest.raises(Refused, match="no room left"):
            await objects.receive(digest_of(b"select 1"), sent([b"select 1"]))
        assert files(objects) == set()

    @pytest.mark.usefixtures("full")
    async def test_refuses_content_that_is_too_large_before_it_is_sent(self, objects: Objects):
        async def never() -> AsyncIterator[bytes]:
            raise AssertionError
            yield b""

        with pytest.raises(Refused, match="no room left"):
            await objects.receive(digest_of(b"select 1"), never(), announced=8)
        assert files(objects) == set()

    async def test_has_room_for_content_that_is_there(
        self, objects: Objects, monkeypatch: pytest.MonkeyPatch
    ):
        digest = objects.put(b"select 1")
        monkeypatch.setattr(objects_module, "free_bytes", lambda _: 0)
        monkeypatch.setattr(os, "fsync", no_room)

        assert objects.put(b"select 1") == digest
        assert await objects.receive(digest, sent([b"select 1"]), announced=8) == 8
        with pytest.raises(WrongDigest):
            await objects.receive(digest, sent([b"select 2"]), announced=8)


class TestTheStore:
    def test_is_cleaned_of_what_a_killed_daemon_left(self, objects: Objects):
        digest = objects.put(b"select 1")
        objects.path(".new-abc").write_bytes(b"sel")

        objects.clean()

        assert files(objects) == {digest}

    def test_has_what_was_put_in_before(self, tmp_path: Path):
        digest = Objects(tmp_path).put(b"select 1")

        assert Objects(tmp_path).read(digest) == b"select 1"

    def test_does_not_have_anything_else(self, objects: Objects):
        assert digest_of(b"select 1") not in objects
        with pytest.raises(FileNotFoundError):
            objects.read(digest_of(b"select 1"))

    def test_gives_what_came_after_it_was_missed(self, objects: Objects):
        with pytest.raises(FileNotFoundError):
            objects.read(digest_of(b"select 1"))

        assert objects.read(objects.put(b"select 1")) == b"select 1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (digest_of(b""), True),
        ("0" * 64, True),
        ("0" * 63, False),
        ("0" * 65, False),
        ("A" * 64, False),
        ("0" * 64 + "\n", False),
        ("../" + "0" * 61, False),
        ("", False),
    ],
)
def test_a_digest_is_64_small_hexadecimal_digits(text: str, *, expected: bool):
    accepted = True
    try:
        msgspec.convert(text, Digest)
    except msgspec.ValidationError:
        accepted = False
    assert accepted is expected
