"""Many who follow: what they cost the work, and when they are told."""

from __future__ import annotations

import re
import selectors
import socket
import threading
import time
from pathlib import Path
from statistics import median
from typing import cast

from tests.bench import measure
from tests.bench.dags import wide
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon, wait_for

SLEEPER = "#!/bin/sh\nexec sleep 1000\n"
_EVENT = b'"crc":"'
"""What is once in every event."""

_WRITER = """#!/usr/bin/env python3
import sys, time
end = time.time() + float(sys.argv[1])
while True:
    print(f"{time.time():.6f}", flush=True)
    if time.time() >= end:
        break
    time.sleep(0.05)
"""
_TIME = re.compile(rb"(\d{10}\.\d{6})\n")


class Followers:
    """So many connections that follow one path, read in a thread while a ``with`` lasts."""

    def __init__(self, path: Path, count: int, asked: str) -> None:
        self.events = 0
        self.lags: list[float] = []
        self._open = True
        self._rests: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        for _ in range(count):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(path))
            connection.sendall(f"GET {asked} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            self._selector.register(connection, selectors.EVENT_READ)
            self._rests[connection] = b""
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Followers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        for connection in self._rests:
            connection.close()
        self._selector.close()

    def _follow(self) -> None:
        while self._open:
            for key, _ in self._selector.select(0.2):
                self._take(cast("socket.socket", key.fileobj))

    def _take(self, connection: socket.socket) -> None:
        received = connection.recv(1024 * 1024)
        if not received:
            self._selector.unregister(connection)
            return
        data, now = self._rests[connection] + received, time.time()
        self.events += data.count(_EVENT)
        self.lags += [now - float(written) for written in _TIME.findall(received)]
        self._rests[connection] = data[-len(_EVENT) + 1 :]


def rows(place: Path, size: Size) -> list[Row]:
    """Measure followers of events beside a run of many nodes, then of output beside a job that writes."""
    home = place / "followers"
    home.mkdir()
    with StokerDaemon(home) as daemon:
        return [*_of_events(daemon, size), *_of_output(daemon, size)]


def _of_events(daemon: StokerDaemon, size: Size) -> list[Row]:
    measure.define(daemon, "wide", wide(size.wide), 8)
    counts = (0, *size.followers)
    nodes: dict[int, list[float]] = {count: [] for count in counts}
    told: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(size.repeat):
        for count in counts:
            seconds, events = _followed_run(daemon, count)
            nodes[count].append(seconds / size.wide)
            told[count].append(events)
    return [
        {
            "followed": "events",
            "followers": count,
            "ms_a_node": measure.milliseconds(nodes[count]),
            "ratio": round(median(nodes[count]) / median(nodes[0]), 2),
            "told_a_second": round(median(told[count])),
        }
        for count in counts
    ]


def _followed_run(daemon: StokerDaemon, count: int) -> tuple[float, float]:
    """Give the seconds of a run, and how many events a second were delivered to all until all had them."""
    first = daemon.http.get("/v1/status").json()["seq"]
    with Followers(daemon.socket, count, f"/v1/events?after={first}") as followers:
        began = time.monotonic()
        seconds = measure.run(daemon, "wide")
        due = (daemon.http.get("/v1/status").json()["seq"] - first) * count
        wait_for(lambda: followers.events >= due, "all are told", 300)
        return seconds, followers.events / (time.monotonic() - began)


def _of_output(daemon: StokerDaemon, size: Size) -> list[Row]:
    daemon.publish_job("writer.sh", _WRITER)
    node = {"name": "only", "job": "writer.sh", "args": [str(min(size.seconds, 10))]}
    daemon.publish_workflow("writer", [node])
    return [_followed_output(daemon, count) for count in size.followers]


def _followed_output(daemon: StokerDaemon, count: int) -> Row:
    number = daemon.start_run("writer")
    output = f"/v1/runs/{number}/nodes/only/attempts/1/logs/stdout?follow=true"
    used, began = measure.cpu_seconds(daemon.pid), time.monotonic()
    with Followers(daemon.socket, count, output) as followers:
        daemon.finished(number)
        wait_for(lambda: len(followers.lags) >= count, "all are told")
    used, seconds = measure.cpu_seconds(daemon.pid) - used, time.monotonic() - began
    return {
        "followed": "output",
        "followers": count,
        "late_median_ms": measure.milliseconds(followers.lags, 0),
        "told_a_second": round(len(followers.lags) / seconds),
        "cpu_percent": round(used / seconds * 100, 1),
    }
