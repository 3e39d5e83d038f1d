# Runs an init of its own, on this host's files, of which nothing is changed.
# usage: unshare --mount --propagation private sh boot.sh DIRECTORY GROUP "SHOWN..." INIT [ARGUMENT...]
#
# DIRECTORY is empty; GROUP names the control group; SHOWN are paths of the host that are seen, read-only, where
# else there are directories of the init's own: what empties /tmp at boot must never meet the host's.
set -eu
base=$1 group=$2
mount -t tmpfs tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root" "$base/groups"
mount -t cgroup2 cgroup2 "$base/groups"
own="$base/groups$(sed -n 's/^0:://p' /proc/self/cgroup)/$group"
mkdir "$own"
echo $$ >"$own/cgroup.procs"
exec unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup sh -eu -c '
    base=$1 shown=$3 root=$1/root
    shift 3
    mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$root"
    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    for own in tmp run var/tmp dev; do
        mount -t tmpfs -o mode=0755 tmpfs "$root/$own"
    done
    chmod 1777 "$root/tmp" "$root/var/tmp"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    for path in $shown; do
        mkdir -p "$root$path"
        mount --bind "$path" "$root$path"
        mount -o remount,bind,ro "$root$path"
    done
    cd "$root"
    for unit in modules-load sysctl timesyncd tmpfiles-setup tmpfiles-setup-dev udevd udev-trigger; do
        ln -sf /dev/null "etc/systemd/system/systemd-$unit.service"
    done
    ln -sf /dev/null etc/systemd/system/modprobe@.service
    printf "[Unit]\nRequires=basic.target\nAfter=basic.target\n" >etc/systemd/system/test.target
    mkdir host
    pivot_root . host
    cd /
    umount -l /host
    exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
' sh "$@"
