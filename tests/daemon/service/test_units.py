"""The units' texts, as a person reads them and as systemd does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from stoker_daemon.service.units import Service, WrongValue

OWN = Service(
    command=("/opt/stoker/bin/stokerd",),
    socket=Path("/run/user/1000/stoker/stokerd.sock"),
    environment=Path("/home/alice/.config/stoker/environment"),
    version=252,
)
HOST = Service(
    command=("/opt/stoker/bin/stokerd", "--config=/etc/stoker/stokerd.toml"),
    socket=Path("/run/stoker/stokerd.sock"),
    environment=Path("/etc/stoker/environment"),
    version=252,
    user="stoker",
    state="stoker",
)


def lines(service: Service, name: str = "stokerd.service") -> list[str]:
    return service.units()[name].splitlines()


def test_jobs_outlive_the_daemon_and_it_is_started_again_when_it_fails_or_hangs():
    for service in (OWN, HOST):
        assert {
            "KillMode=process",
            "Restart=on-failure",
            "WatchdogSec=60",
            "Delegate=yes",
            "OOMPolicy=continue",
        } <= set(lines(service))


def test_the_socket_is_for_its_user_alone_or_for_a_group_too():
    assert {
        "ListenStream=/run/user/1000/stoker/stokerd.sock",
        "SocketMode=0600",
        "DirectoryMode=0700",
    } <= set(lines(OWN, "stokerd.socket"))
    team = replace(HOST, group="etl")
    assert {"SocketMode=0660", "SocketUser=stoker", "SocketGroup=etl"} <= set(lines(team, "stokerd.socket"))


def test_the_hosts_daemon_has_a_user_of_its_own_and_no_way_to_more():
    assert {
        "User=stoker",
        "StateDirectory=stoker",
        "NoNewPrivileges=yes",
        "WantedBy=multi-user.target",
    } <= set(lines(HOST))
    assert {"WantedBy=default.target"} <= set(lines(OWN))
    assert not [line for line in lines(OWN) if line.startswith(("User=", "StateDirectory=", "Protect"))]


def test_a_reload_is_waited_for_where_systemd_can():
    assert {"Type=notify", "ExecReload=kill -HUP $MAINPID"} <= set(lines(OWN))
    newer = replace(OWN, version=254)
    assert {"Type=notify-reload", "DelegateSubgroup=daemon"} <= set(lines(newer))
    assert not [line for line in lines(newer) if line.startswith("ExecReload")]


def test_nothing_in_a_path_means_something_to_systemd():
    odd = Service(("/opt/my $tools/100%/stokerd", '--data=/srv/"x"'), Path("/srv/100%/s"), Path("/e"), 252)

    assert r'ExecStart="/opt/my $$tools/100%%/stokerd" "--data=/srv/\"x\""' in lines(odd)
    assert "ListenStream=/srv/100%%/s" in lines(odd, "stokerd.socket")


def test_a_path_with_a_line_break_is_refused():
    with pytest.raises(WrongValue, match=r"'/srv/a\\nb' can't stand in a unit"):
        Service(("/bin/true",), Path("/srv/a\nb"), Path("/e"), 252).units()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
@pytest.mark.parametrize("service", [OWN, HOST], ids=["own", "host"])
def test_systemd_finds_no_fault_in_them(service: Service, tmp_path: Path):
    command = ("/bin/true", *service.command[1:])
    runnable = replace(service, command=command, user="root" if service.user else "")
    for name, text in runnable.units().items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
