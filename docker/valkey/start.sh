#!/bin/sh
# Starts the store with its password, which must not be on a command line, where everybody reads it.
# Usage: start.sh [OPTION…], options as valkey-server has them.
# From the environment, all optional: PASSWORD_FILE, CONFIG, RUN_DIR (a folder in memory), DATA_DIR,
# SERVER.
set -eu
umask 077
config=${CONFIG:-/etc/valkey/valkey.conf}
run=${RUN_DIR:-/run/valkey}
password=$(cat "${PASSWORD_FILE:-/run/secrets/store_password}")
[ -n "$password" ] || { echo "the store's password is empty" >&2; exit 1; }
{ cat "$config"; printf 'requirepass "%s"\n' "$password"; } >"$run/valkey.conf"
exec "${SERVER:-valkey-server}" "$run/valkey.conf" --dir "${DATA_DIR:-/data}" "$@"
