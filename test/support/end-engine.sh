#!/bin/sh
# Ends everything that belongs to the private engine in DIR and removes DIR. Safe to run twice.
#
#   end-engine.sh DIR                  now
#   end-engine.sh --when-orphaned DIR  when standard input ends, which it also does when the tests are killed with SIGKILL
#
# A process belongs to the engine when DIR/ is in its command line, when it is in a cgroup of the engine, or when it descends
# from one of which that is true. What is being done stands on standard error, so that a stuck caller can report for what.

if [ "$1" = --when-orphaned ]; then
  shift
  # nor by the end of the reader of its output
  trap '' HUP INT TERM PIPE
  cat >/dev/null
fi

dir=$1
case $dir in
  /*/flotsam-private-*/*) echo "end-engine: no nested path: $dir" >&2; exit 2 ;;
  /*/flotsam-private-*) ;;
  *) echo "end-engine: not the directory of a private engine: $dir" >&2; exit 2 ;;
esac

# [/] so that this very search, which has the pattern in its own command line, is not found
seeds() {
  grep -la -e "$dir[/]" /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3
}

# By cat, since awk ends at the first file that is gone by the time that it comes to it.
with_descendants() {
  cat /proc/[0-9]*/status 2>/dev/null | awk -v seeds="$*" '
    /^Pid:/ { pid = $2 }
    /^PPid:/ { parent[pid] = $2 }
    END {
      n = split(seeds, seed, " ")
      for (i = 1; i <= n; i++) ours[seed[i]] = 1
      do {
        grown = 0
        for (p in parent) if (!(p in ours) && (parent[p] in ours)) { ours[p] = 1; grown = 1 }
      } while (grown)
      for (p in ours) print p
    }'
}

groups() {
  find /sys/fs/cgroup -maxdepth 2 -type d -name "$(basename "$dir")" 2>/dev/null
}

# Those of a container whose shim was killed first no longer descend from a process of ours.
members() {
  for group in $(groups); do
    find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null
  done | sort -u
}

# The kernel needs its time to bury what was killed, and on a busy machine much of it.
ends_at=$(($(date +%s) + 150))
is_late() {
  [ "$(date +%s)" -gt "$ends_at" ]
}

# What is paused dies of SIGKILL only once it is thawed.
thaw() {
  for group in $(groups); do
    find "$group" -name freezer.state -exec sh -c 'echo THAWED >"$1"' thaw {} \; 2>/dev/null
    find "$group" -name cgroup.freeze -exec sh -c 'echo 0 >"$1"' thaw {} \; 2>/dev/null
  done
}

# What is stopped first cannot start anything more between being counted and being killed.
echo 'end-engine: ending its processes' >&2
thaw
while found=$(seeds; members) && [ -n "$found" ]; do
  kill -STOP $found 2>/dev/null
  kill -KILL $(with_descendants $found) $found 2>/dev/null
  thaw
  if is_late; then
    echo "end-engine: processes that will not end:" $found >&2
    exit 1
  fi
  sleep 0.05
done

# containerd keeps the sockets of its shims outside of every directory that it was given
tasks=$dir/exec/containerd/daemon/io.containerd.runtime.v2.task/moby
for address in "$tasks"/*/address; do
  [ -f "$address" ] || continue
  socket=$(cat "$address")
  rm -f "${socket#unix://}"
done
# containerd 2 writes the same into JSON
for bootstrap in "$tasks"/*/bootstrap.json; do
  [ -f "$bootstrap" ] || continue
  socket=$(sed -n 's/.*"address":"unix:\/\/\([^"]*\)".*/\1/p' "$bootstrap")
  [ -z "$socket" ] || rm -f "$socket"
done

mounts() {
  awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r
}
echo 'end-engine: unmounting' >&2
for mount in $(mounts); do
  umount "$mount" 2>/dev/null || umount -l "$mount"
done
left=$(mounts)
if [ -n "$left" ]; then
  echo "end-engine: still mounted:" $left >&2
  exit 1
fi

# A cgroup is busy until the kernel has buried its last process.
echo 'end-engine: removing its cgroups' >&2
while left=$(groups) && [ -n "$left" ]; do
  thaw
  find $left -depth -type d -exec rmdir {} + 2>/dev/null
  if is_late; then
    echo "end-engine: cgroups still in use:" $left >&2
    exit 1
  fi
  sleep 0.05
done

echo 'end-engine: removing its files' >&2
rm -rf --one-file-system "$dir"
