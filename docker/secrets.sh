#!/bin/sh
# Makes the secrets that compose.yaml names and that are not there yet, each in a file. The folder is
# for its owner only; the files are readable because the containers' users, who get them by
# themselves, are others than you.
# Usage: docker/secrets.sh [FOLDER]
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
umask 022
for name in jwt_secret store_password; do
  [ -s "$folder/$name" ] || openssl rand -hex 32 >"$folder/$name"
done
# compose.yaml wants it to be there; docs/production.md says how the token is made.
[ -e "$folder/metrics_token" ] || : >"$folder/metrics_token"
