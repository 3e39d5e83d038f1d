# Keeps one attempt: claims it, runs its command, writes down how it ended. Outlives the daemon.
# usage: sh keeper.sh DIRECTORY FILES COMMAND [ARGUMENT...], as leader of its own session.
# FILES is how many the command may have open, as far as it does not ask for more itself.
#
# Only built-in commands until the job itself: a keeper costs one exec. Its file is there already and gets one
# short line at a time, so that a line is whole or not there yet; another file would cost as much as a sync.
# A variable that is in the environment already stays there with its new value, so the names here are long.
# An empty line is in the file, whose block has room for the others when the disk is full.
# In braces, so that the shell has read all of it before the job runs: an upgrade may write over this file.
{
    stoker_keeper_file=$1/keeper
    stoker_keeper_work=$1/work
    stoker_keeper_group=$STOKER_KEEPER_GROUP
    unset STOKER_KEEPER_GROUP
    ulimit -S -n "$2"
    shift 2

    # A trap with a command survives the group's TERM, and the job still gets the signal's default.
    trap : TERM INT HUP

    # Whose line is first has the attempt: a restarted daemon that finds no claim makes one, and this is too late.
    echo "$$" >>"$stoker_keeper_file"
    {
        read -r stoker_keeper_first
        [ -n "$stoker_keeper_first" ] || read -r stoker_keeper_first
    } <"$stoker_keeper_file"
    [ "$stoker_keeper_first" = "$$" ] || exit 0

    cd "$stoker_keeper_work" || exit
    if [ -n "$stoker_keeper_group" ]; then
        # The control group is for the job alone: who kills all that is in it spares the keeper.
        (
            { echo 0 >"$stoker_keeper_group/cgroup.procs"; } 2>/dev/null
            exec "$@"
        )
    else
        "$@"
    fi
    stoker_keeper_status=$?
    echo "exit $stoker_keeper_status" >>"$stoker_keeper_file"
    exit "$stoker_keeper_status"
}
