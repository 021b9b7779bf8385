#!/usr/bin/env bash
# run.sh BUILD_FOLDER COMPILER: installs the built tree with DESTDIR and --prefix into a temporary
# folder and makes tests/install/consumer with it in every way: find_package, pkg-config,
# add_subdirectory; then the first two again with a shared library. Prints what it does; fails at
# the first thing that does.
set -euo pipefail

build_folder="$1"
compiler="$2"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source_folder="$(cd "$here/../.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

say() { echo "-- $*"; }

# What is built here is built for a short compilation, not for speed.
configure() {
  cmake -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS_DEBUG=-O0 "$@" >/dev/null
}

# stage BUILD_FOLDER NAME: installs into a stage, as a packager does. Sets `stage` and `prefix`.
stage() {
  stage="$work/$2"
  prefix="$stage/opt/herald"
  DESTDIR="$stage" cmake --install "$1" --prefix /opt/herald >/dev/null
  say "installed: $(cd "$prefix" && find . -type f -name '*herald*' | sort | tr '\n' ' ')"
}

# Nothing that is installed names a folder of this machine, or asks the user for moodycamel.
check_stage() {
  local outside named
  outside="$(find "$stage" -type f -not -path "$prefix/*")"
  [[ -z $outside ]] || { say "installed outside the prefix: $outside"; return 1; }
  if named="$(grep -rlIE "$source_folder|$build_folder|$work" "$prefix/include" "$libdir")"; then
    say "names a folder of this machine: $named"
    return 1
  fi
  if named="$(grep -rliE 'moodycamel|concurrentqueue' "$libdir/cmake" "$libdir/pkgconfig" \
    "$prefix/include")"; then
    say "asks for moodycamel: $named"
    return 1
  fi
}

with_find_package() {
  say "find_package"
  configure -S "$here/consumer" -B "$work/$1" -DCMAKE_PREFIX_PATH="$prefix"
  cmake --build "$work/$1" -- --quiet
  "$work/$1/consumer"
}

with_pkg_config() {
  say "pkg-config"
  local flags
  flags="$(PKG_CONFIG_PATH="$libdir/pkgconfig" pkg-config --cflags --libs herald)"
  # shellcheck disable=SC2086 # flags are words
  "$compiler" -std=c++20 "$here/consumer/main.cc" $flags -o "$work/$1"
  LD_LIBRARY_PATH="$libdir" "$work/$1"
}

with_add_subdirectory() {
  say "add_subdirectory"
  configure -S "$here/consumer" -B "$work/$1" -DHERALD_SOURCE="$source_folder"
  cmake --build "$work/$1" -- --quiet
  "$work/$1/consumer"
}

use_stage() {
  stage "$1" "$2"
  libdir="$(dirname "$(dirname "$(find "$prefix" -name herald.pc)")")"
  check_stage
  if [[ -x $prefix/bin/herald ]]; then
    "$prefix/bin/herald" --version
  fi
  with_find_package "$2-find-package"
  with_pkg_config "$2-pkg-config"
}

# Where a packager puts libraries and headers by absolute names, pkg-config gives those.
with_absolute_folders() {
  say "absolute folders"
  configure -S "$source_folder" -B "$work/absolute" -DHERALD_BUILD_TESTS=OFF \
    -DHERALD_BUILD_TOOLS=OFF -DCMAKE_INSTALL_PREFIX=/opt/herald \
    -DCMAKE_INSTALL_LIBDIR=/opt/lib -DCMAKE_INSTALL_INCLUDEDIR=/opt/include
  local kind
  for kind in lib include; do
    [[ $(pkg-config --variable="${kind}dir" "$work/absolute/herald.pc") == "/opt/$kind" ]]
  done
}

with_absolute_folders
say "static"
use_stage "$build_folder" static
with_add_subdirectory subdirectory

say "shared"
configure -S "$source_folder" -B "$work/shared-build" -DBUILD_SHARED_LIBS=ON \
  -DHERALD_BUILD_TESTS=OFF -DHERALD_BUILD_TOOLS=OFF
cmake --build "$work/shared-build" -- --quiet
use_stage "$work/shared-build" shared
ls "$libdir"/libherald.so.* >/dev/null
