from __future__ import annotations

import errno
from pathlib import Path

import pytest

from stoker_daemon.volumes import NetworkFileSystem, check_local, free_bytes, is_no_room

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw,nosuid shared:9 master:3 - nfs4 filer:/home rw,vers=4.2
31 30 254:1 / /home/local rw - xfs /dev/vdb rw
32 22 0:41 / /mnt/with\040space\134 rw - fuse.sshfs me@there:/ rw
33 22 0:42 / /twice rw - ext4 /dev/vdc rw
34 22 0:43 / /twice rw - cifs //there/share rw
"""


@pytest.mark.parametrize(
    ("directory", "kind", "mount_point"),
    [
        ("/home/alice/data", "nfs4", "/home"),
        ("/home", "nfs4", "/home"),
        ("/mnt/with space\\/not/there/yet", "fuse.sshfs", r"/mnt/with space\\"),
        ("/twice/data", "cifs", "/twice"),
    ],
)
def test_a_network_file_system_is_refused_by_name_with_what_to_do(
    directory: str, kind: str, mount_point: str
):
    with pytest.raises(NetworkFileSystem, match=rf"\({kind}, mounted at {mount_point}\)") as refused:
        check_local(Path(directory), MOUNTS)
    assert "Set STOKER_DATA" in str(refused.value)


@pytest.mark.parametrize("directory", ["/var/data", "/home/local/data", "/homely", "/mnt"])
def test_a_disk_of_the_host_is_taken(directory: str):
    check_local(Path(directory), MOUNTS)


def test_a_link_is_followed_to_where_the_data_would_be(tmp_path: Path):
    (tmp_path / "link").symlink_to("/home/alice")
    with pytest.raises(NetworkFileSystem):
        check_local(tmp_path / "link" / "data", MOUNTS)


def test_the_mounts_of_this_host_are_looked_at_where_none_are_given(tmp_path: Path):
    check_local(tmp_path)


@pytest.mark.parametrize(
    "kind", ["nfs", "smb3", "9p", "afs", "ceph", "lustre", "glusterfs", "beegfs", "gpfs"]
)
def test_every_kind_is_known(kind: str):
    with pytest.raises(NetworkFileSystem, match=kind):
        check_local(Path("/data"), f"22 1 0:1 / / rw - {kind} somewhere rw")


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.fuse-overlayfs"])
def test_no_other_is_taken_for_one(kind: str):
    check_local(Path("/data"), f"22 1 0:1 / / rw - {kind} somewhere rw")


def test_no_room_is_a_full_disk_or_a_quota_that_is_used_up(tmp_path: Path):
    assert is_no_room(OSError(errno.ENOSPC, "")) and is_no_room(OSError(errno.EDQUOT, ""))
    assert not is_no_room(OSError(errno.EIO, "")) and not is_no_room(ValueError())
    assert free_bytes(tmp_path) > 0
