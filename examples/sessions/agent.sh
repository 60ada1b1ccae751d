#!/usr/bin/env bash
# An agent in bash that holds a session of Flotsam while it runs a command: agent.sh DIRECTORY COMMAND…
#
# A shell cannot listen on a socket, so that hold.py does it beside it. hold.py ends with its standard input. That is a pipe
# from this shell, which the kernel closes when the shell ends, however it ends. The command does not inherit it.
set -euo pipefail

directory=$1
shift
coproc lease { exec python3 "$(dirname "${BASH_SOURCE[0]}")/hold.py" "$directory"; }
read -r session <&"${lease[0]}"

# The value of the owner's label: docker run --label "com.example.agent=$FLOTSAM_SESSION" …
export FLOTSAM_SESSION=$session
echo "$session"
"$@"
