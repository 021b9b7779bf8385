# Shared by tools/run and tools/test: what a fresh Debian 12 lacks, and how Herald is built on it.
# Sourced by bash with -euo pipefail, never run. Messages go to standard error, one line a step.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
apt_log="$root/build/apt.log"

# What tools/run needs. tools/test adds to it.
build_packages=(g++ cmake ninja-build
  libabsl-dev libconcurrentqueue-dev libcli11-dev nlohmann-json3-dev)

say() { echo "herald: $*" >&2; }

# Exit status 3: this machine lacks something that the script cannot give it.
refuse() {
  say "$*"
  exit 3
}

require_platform() {
  local system machine
  system="$(uname -s)"
  machine="$(uname -m)"
  [[ $system == Linux && $machine == x86_64 ]] ||
    refuse "Herald's scripts support Linux on x86-64 only; this is $system on $machine."
}

# Sets `missing` to those of the named Debian packages that are not installed.
find_missing() {
  local package
  missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
}

# require_packages NAME...: installs what is missing. Does nothing, and needs neither root nor a
# network, when nothing is.
require_packages() {
  local missing as_root=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    [[ -n ${HERALD_SKIP_SETUP:-} ]] && return
    refuse "this is not a Debian; install what it calls these Debian packages, then set" \
      "HERALD_SKIP_SETUP=1: $*"
  fi
  find_missing "$@"
  ((${#missing[@]} > 0)) || return 0
  if ((EUID != 0)); then
    as_root=(sudo)
    [[ -t 0 ]] || as_root+=(-n) # nobody is there to type a password
    if ! command -v sudo >/dev/null || { [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; }; then
      refuse "without root or sudo nothing can be installed; please install: ${missing[*]}"
    fi
  fi
  say "installing Debian packages: ${missing[*]}"
  mkdir -p "$root/build"
  : >"$apt_log"
  apt_get update || true # lists that cannot be renewed may still do
  apt_get install -y --no-install-recommends "${missing[@]}" || {
    tail -n 5 "$apt_log" >&2
    refuse "apt-get failed (log: $apt_log); please install: ${missing[*]}"
  }
}

# apt-get, quiet, without questions, waiting for another apt that is at work. Uses `as_root`.
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o DPkg::Lock::Timeout=300 "$@" >>"$apt_log" 2>&1 </dev/null
}

# build FOLDER CMAKE_ARGS...: configures and builds in build/FOLDER; all, or `targets`. Ninja's
# progress shows on a terminal; elsewhere only what goes wrong is printed.
targets=()
build() {
  local folder="$root/build/$1" log fresh=() quiet=(-- --quiet)
  shift
  log="$folder/configure.log"
  mkdir -p "$folder"
  if ! grep -qsx "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
    fresh=(--fresh) # new, or the project has been moved
  fi
  say "configuring ${folder#"$root/"}"
  cmake -S "$root" -B "$folder" -G Ninja "${fresh[@]}" "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    say "CMake failed (log: $log)"
    return 1
  }
  [[ -t 2 ]] && quiet=()
  say "building ${folder#"$root/"}"
  cmake --build "$folder" --parallel "$(nproc)" "${targets[@]}" "${quiet[@]}" >&2
}
