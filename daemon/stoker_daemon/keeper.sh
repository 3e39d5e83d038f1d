# Keeps one attempt: claims it, runs its command, writes down how it ended. Outlives the daemon.
# usage: sh keeper.sh DIRECTORY COMMAND [ARGUMENT...], as leader of its own session.
#
# Only built-in commands until the job itself: a keeper costs one exec. The exit file is one short write
# closed by a newline, so it is either whole or not there yet; a rename would cost another exec.
directory=$1
shift

# A trap with a command survives the group's TERM, and the job still gets the signal's default.
trap : TERM INT HUP

# Field 22 of stat is the start time; the fields after the last ")" begin at 3.
start_time() { started=${20}; }
read -r stat <"/proc/$$/stat"
start_time ${stat##*) }
read -r boot </proc/sys/kernel/random/boot_id

# noclobber makes the claim with O_EXCL. Where there is one already, the daemon has given this attempt up.
set -C
{ printf '%s %s %s\n' "$$" "$started" "$boot" >"$directory/claim"; } 2>/dev/null || exit 0
set +C

cd "$directory/work" || exit
"$@"
status=$?
printf '%s\n' "$status" >"$directory/exit"
exit "$status"
