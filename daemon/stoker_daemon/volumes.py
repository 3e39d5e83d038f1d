"""File systems as the data directory meets them: without room, failing, or on the other side of a network."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors that pass when room is made: a full disk, a quota that is used up."""

BROKEN = frozenset({errno.EIO, errno.EROFS})
"""Errors of a disk that fails, and of a file system that the kernel made read-only for that."""

_NETWORK = re.compile(
    r"nfs4?|cifs|smb3|smbfs|ncpfs|9p|afs|coda|ceph|lustre|glusterfs|beegfs|gpfs|orangefs|pvfs2|davfs"
    r"|fuse\.(sshfs|glusterfs|ceph.*|s3fs|rclone|gcsfuse|juicefs|mfs|moosefs|lizardfs|davfs2?|curlftpfs|smb.*)"
)
"""Types of file systems that have their files on other hosts."""


class NetworkFileSystem(Exception):
    """The data directory is on a network file system; the message says which and what to do."""


class DiskFailed(OSError):
    """The disk did not do what was asked of it: what it holds of the last writes is unknown."""


def is_no_room(error: BaseException) -> bool:
    """Tell whether an error says that there is no room."""
    return isinstance(error, OSError) and error.errno in NO_ROOM


def free_bytes(directory: Path) -> int:
    """Give how many bytes this user may still write there."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def check_local(directory: Path, mountinfo: str | None = None) -> None:
    """Raise `NetworkFileSystem` where a directory, there or not yet, is on one.

    ``mountinfo`` is the text of /proc/self/mountinfo (proc(5)), which is read where it is not given.
    """
    text = mountinfo or os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
    mount_point, kind = _mount_of(directory.resolve(), text)
    if _NETWORK.fullmatch(kind):
        raise NetworkFileSystem(
            f"{directory} is on a network file system ({kind}, mounted at {mount_point}): neither its locks "
            "nor its syncs can be trusted, and Stoker promises to lose nothing. Set STOKER_DATA (or `data` "
            "in stokerd.toml) to a directory on a disk of this host."
        )


def _mount_of(path: Path, mountinfo: str) -> tuple[Path, str]:
    """Give mount point and type of a path's file system: the deepest mount, and the last of several there."""
    found = Path("/"), ""
    for line in mountinfo.strip("\n").split("\n"):
        mount, _, source = line.partition(" - ")
        mount_point = Path(_unescaped(mount.split(" ")[4]))
        if path.is_relative_to(mount_point) and len(mount_point.parts) >= len(found[0].parts):
            found = mount_point, source.split(" ")[0]
    return found


def _unescaped(text: str) -> str:
    """Undo the kernel's escapes: space, tab, newline and backslash as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
