#!/usr/bin/env bash
# Unpacks the container engines of other Debian suites beside the installed ones, and installs nothing:
#
#   scripts/engines/unpack.sh [--refresh] [SUITE...]     trixie and sid, when none is named
#
# Each suite becomes a folder FOLDER/SUITE/bin with dockerd, containerd, runc, podman and what they start, each runnable
# on this machine. FOLDER is $FLOTSAM_ENGINES_DIR, or flotsam-engines in the temporary folder. A suite that is there
# already is left alone; --refresh takes it again, for suites that move. Not to be used while tests run on them.
#
# Needs root, patchelf, Debian's keys, and a mirror of Debian among apt's sources: no other host is asked. Podman
# reads the /etc/containers of the installed one.
set -Eeuo pipefail

fail() {
  printf 'engines: %s\n' "$1" >&2
  exit 1
}

programs=(dockerd docker-proxy containerd containerd-shim-runc-v2 runc podman conmon netavark catatonit)
packages=(docker.io containerd runc podman conmon netavark catatonit)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

refresh=''
suites=()
for word; do
  case $word in
    --refresh) refresh=yes ;;
    -* | */* | '') fail "not the name of a suite: '$word'" ;;
    *) suites+=("$word") ;;
  esac
done
[ ${#suites[@]} -gt 0 ] || suites=(trixie sid)

[ "$(id -u)" = 0 ] || fail 'needs root'
for tool in apt-get dpkg-deb flock patchelf; do
  command -v "$tool" >/dev/null || fail "needs $tool (apt-get install patchelf, on Debian or a relative of it)"
done
[ -r "$keyring" ] || fail "needs $keyring (apt-get install debian-archive-keyring)"

folder=${FLOTSAM_ENGINES_DIR:-${TMPDIR:-/tmp}/flotsam-engines}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd -P)
# root runs what lies here
[ "$(stat -c %u "$folder")" = 0 ] || fail "$folder belongs to another user"
chmod go-w "$folder"

# Two runs at once: the second one waits, and finds what the first has made. The engines must not inherit the lock.
exec 9>"$folder/.lock"
flock 9

mirror_of_debian() {
  apt-get "$@" indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}

# apt with lists, state and cache of its own: nothing that belongs to this machine changes
apt_for() {
  local private=$1
  shift
  apt-get -qq -o Dir::State="$private/state" -o Dir::State::status="$private/status" -o Dir::Cache="$private/cache" \
    -o Dir::Etc::sourcelist="$private/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o APT::Sandbox::User=root -o APT::Install-Recommends=false "$@"
}

# download SUITE PRIVATE: the engines with the libraries that podman and conmon need; the others need none of their own
download() {
  local suite=$1 private=$2 mirror libraries
  mkdir -p "$private"/{known/partial,state/lists/partial,cache/archives/partial,debs}
  mirror=$(mirror_of_debian)
  if [ -z "$mirror" ]; then
    # a fresh machine has no lists yet, from which apt knows whose mirror is which
    apt-get -qq -o Dir::State::lists="$private/known" -o APT::Sandbox::User=root update
    mirror=$(mirror_of_debian -o Dir::State::lists="$private/known")
  fi
  [ -n "$mirror" ] || fail 'no mirror of Debian among the sources of apt'
  : >"$private/status"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$private/sources.list"
  apt_for "$private" update || fail "the mirror has no lists of $suite"
  libraries=$(apt_for "$private" -s install podman conmon | sed -n 's/^Inst \(lib[^ ]*\) .*/\1/p')
  # shellcheck disable=SC2086
  (cd "$private/debs" && apt_for "$private" download "${packages[@]}" libc6 $libraries)
}

starts() {
  # the shim knows only -v
  "$1" --version >/dev/null 2>&1 || "$1" -v >/dev/null 2>&1
}

# make_runnable PROGRAM LIBRARIES: what does not start with the libraries of this machine is given those of its suite
make_runnable() {
  local program=$1 libraries=$2
  ! starts "$program" || return 0
  patchelf --force-rpath --set-interpreter "$libraries"/ld-linux-*.so.2 --set-rpath "$libraries" "$program"
  starts "$program" || fail "$program does not start here; newer releases of patchelf are known to harm podman"
}

# unpack SUITE FRESH: fills the folder FRESH, which must not be moved afterwards since programs name their libraries by it
unpack() {
  local suite=$1 fresh=$2 deb program found libraries
  download "$suite" "$fresh/apt"
  for deb in "$fresh"/apt/debs/*.deb; do dpkg-deb -x "$deb" "$fresh/root"; done
  libraries=$(dirname "$(find "$fresh/root" -name libc.so.6 | head -n 1)")
  mkdir "$fresh/bin"
  for program in "${programs[@]}"; do
    found=$(find "$fresh/root" -type f -name "$program" -perm -u+x | head -n 1)
    [ -n "$found" ] || continue
    mv "$found" "$fresh/bin/$program"
    make_runnable "$fresh/bin/$program" "$libraries"
  done
  for program in dockerd containerd runc podman conmon; do
    [ -x "$fresh/bin/$program" ] || fail "$suite has no $program"
  done
  rm -rf "$fresh/apt"
  find "$fresh/root" -mindepth 1 -maxdepth 1 ! -name usr ! -name 'lib*' -exec rm -rf {} +
}

say_versions() {
  printf '%s:\n' "$1"
  printf '  %s\n' "$("$2/dockerd" --version)" "$("$2/containerd" --version)" "$("$2/podman" --version)"
}

for suite in "${suites[@]}"; do
  if [ -n "$refresh" ] || [ ! -x "$folder/$suite/bin/podman" ]; then
    fresh=$(mktemp -d "$folder/$suite.XXXXXXXX")
    chmod 755 "$fresh"
    trap 'rm -rf "$fresh"' EXIT
    unpack "$suite" "$fresh" 9>&-
    # From here on it counts. What was begun and never finished, or is replaced, goes.
    ln -sfn "$(basename "$fresh")" "$fresh.link"
    mv -fT "$fresh.link" "$folder/$suite"
    trap - EXIT
    find "$folder" -mindepth 1 -maxdepth 1 -name "$suite.*" ! -path "$fresh" -exec rm -rf {} +
  fi
  say_versions "$suite" "$folder/$suite/bin"
done
