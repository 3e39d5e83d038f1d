"""The texts of the units (systemd.service(5), systemd.socket(5)). Pure."""

from __future__ import annotations

from pathlib import Path

import msgspec

SERVICE, SOCKET = "stokerd.service", "stokerd.socket"

NOTIFY_RELOAD = 253
"""The version of systemd from which a reload is waited for (Type=notify-reload)."""

SUBGROUP = 254
"""The version of systemd from which the daemon gets a control group of its own below the unit's."""

LEAF = "daemon"
"""That group's name."""

MARK = "# Written by `stokerd install`, removed by `stokerd uninstall`. Changes: `systemctl edit`."


class WrongValue(ValueError):
    """Something can't stand in a unit."""


class Service(msgspec.Struct, frozen=True):
    """What the units depend on. Without ``user`` they are the user's own, else the host's.

    ``environment`` is a file of variables for jobs, ``group`` who may connect besides the user, ``state`` the
    directory below /var/lib that systemd makes for the data, where they lie there.
    """

    command: tuple[str, ...]
    socket: Path
    environment: Path
    version: int
    user: str = ""
    group: str = ""
    state: str = ""

    def units(self) -> dict[str, str]:
        """Give the units' texts by name. Raises `WrongValue`."""
        return {SERVICE: _text(_service(self)), SOCKET: _text(_socket(self))}


def _socket(service: Service) -> dict[str, list[str]]:
    owner = [f"SocketUser={service.user}"] if service.user else []
    shared = [f"SocketGroup={service.group}"] if service.group else []
    return {
        "Unit": ["Description=Socket of Stoker"],
        "Socket": [
            f"ListenStream={_path(service.socket)}",
            f"SocketMode={'0660' if service.group else '0600'}",
            *owner,
            *shared,
            f"DirectoryMode={'0755' if service.user else '0700'}",
            "RemoveOnStop=yes",
        ],
        "Install": ["WantedBy=sockets.target"],
    }


def _service(service: Service) -> dict[str, list[str]]:
    system = bool(service.user)
    reload = (
        ["Type=notify-reload"]
        if service.version >= NOTIFY_RELOAD
        else ["Type=notify", "ExecReload=kill -HUP $MAINPID"]
    )
    return {
        "Unit": [
            "Description=Stoker, which runs workflows of Spark jobs",
            f"Requires={SOCKET}",
            f"After={SOCKET}" + (" network-online.target remote-fs.target" if system else ""),
            *(["Wants=network-online.target"] if system else []),
        ],
        "Service": [
            *reload,
            f"ExecStart={' '.join(map(_word, service.command))}",
            f"EnvironmentFile=-{_path(service.environment)}",
            *_identity(service),
            "",
            "# Jobs outlive the daemon; the next one finds them.",
            "KillMode=process",
            "# A job that takes too much memory does not take the daemon along.",
            "OOMPolicy=continue",
            "TasksMax=infinity",
            "",
            "# For ever, and not so fast that systemd gives up; but what is refused stays refused.",
            "Restart=on-failure",
            "RestartSec=2",
            "RestartPreventExitStatus=2 4",
            "# A history that is made anew from a long run log takes its time.",
            "TimeoutStartSec=infinity",
            "TimeoutStopSec=60",
            "WatchdogSec=60",
            "",
            "# Each attempt gets a control group of its own.",
            "Delegate=yes",
            *([f"DelegateSubgroup={LEAF}"] if service.version >= SUBGROUP else []),
            *(_HARDENING if system else []),
        ],
        "Install": [f"WantedBy={'multi-user' if system else 'default'}.target"],
    }


def _identity(service: Service) -> list[str]:
    if not service.user:
        return []
    state = [f"StateDirectory={_word(service.state)}", "StateDirectoryMode=0700"] if service.state else []
    return [f"User={service.user}", *state]


_HARDENING = [
    "",
    "# For the daemon and its jobs alike. Not here is what would keep jobs from their work: they need the",
    "# homes, /tmp (which outlives a restart), devices, shared directories and just-in-time compilers.",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "LockPersonality=yes",
    "ProtectSystem=full",
    "ProtectClock=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictRealtime=yes",
]


def _text(sections: dict[str, list[str]]) -> str:
    parts = ["\n".join([f"[{name}]", *lines]) for name, lines in sections.items()]
    return "\n\n".join([MARK, *parts]) + "\n"


def _word(text: str) -> str:
    """Give a word of a command line: in quotes where need be, and nothing in it replaced."""
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if not text or set(text) & set(" \t'\";\\") else escaped


def _path(path: Path) -> str:
    return _plain(str(path))


def _plain(text: str) -> str:
    if not text.isprintable():
        raise WrongValue(f"{text!r} can't stand in a unit of systemd: use a path without such characters")
    return text.replace("%", "%%")
