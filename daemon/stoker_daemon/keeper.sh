# Keeps one attempt: claims it, runs its command, writes down how it ended. Outlives the daemon.
# usage: sh keeper.sh DIRECTORY COMMAND [ARGUMENT...], as leader of its own session.
#
# Only built-in commands until the job itself: a keeper costs one exec. Its file is there already and gets one
# short line at a time, so that a line is whole or not there yet; another file would cost as much as a sync.
# An empty line is in it, whose block has room for the others when the disk is full.
file=$1/keeper
work=$1/work
shift

# A trap with a command survives the group's TERM, and the job still gets the signal's default.
trap : TERM INT HUP

# Whose line is first has the attempt: a restarted daemon that finds no claim makes one, and this is too late.
echo "$$" >>"$file"
{ read -r first; [ -n "$first" ] || read -r first; } <"$file"
[ "$first" = "$$" ] || exit 0

cd "$work" || exit
"$@"
status=$?
echo "exit $status" >>"$file"
exit "$status"
