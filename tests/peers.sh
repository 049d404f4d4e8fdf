#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes sure of the programs that tests and benchmarks compare with: netstat, ss and ip. Without them those tests skip.
#
#   peers.sh [PROGRAM]...    these too, each from the package of its name
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

missing=()
command -v netstat > /dev/null || missing+=(net-tools)
command -v ss > /dev/null && command -v ip > /dev/null || missing+=(iproute2)
for program in "$@"; do
  command -v "$program" > /dev/null || missing+=("$program")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $EUID -eq 0 ]] && command -v apt-get > /dev/null; then
  echo "peers: installing ${missing[*]} with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq > /dev/null
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
else
  echo "peers: without ${missing[*]} tests are skipped and benchmarks fail: install them" >&2
fi
