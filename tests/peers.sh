#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the programs with which tests and benchmarks compare: netstat, ss and ip. Without them, tests are skipped.
#
#   peers.sh [PROGRAM]...    these too: nft (tests read its rules), chromium (tests open pages in it), wrk, curl; and
#                            venv, to make virtual environments with the system's Python
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

# The packages of a program, if they have another name. Without a font, a page has no width to measure.
packages_of() {
  case $1 in
    nft) echo nftables ;;
    chromium) echo chromium fonts-dejavu-core ;;
    venv) echo python3-venv ;;
    *) echo "$1" ;;
  esac
}

there() {
  case $1 in
    venv) [[ ! -x /usr/bin/python3 ]] || /usr/bin/python3 -c 'import ensurepip, venv' 2> /dev/null ;;
    *) command -v "$1" > /dev/null ;;
  esac
}

missing=()
command -v netstat > /dev/null || missing+=(net-tools)
command -v ss > /dev/null && command -v ip > /dev/null || missing+=(iproute2)
for program in "$@"; do
  # shellcheck disable=SC2207 # split into words on purpose
  there "$program" || missing+=($(packages_of "$program"))
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $EUID -eq 0 ]] && command -v apt-get > /dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  echo "peers: installing ${missing[*]} with apt-get"
  apt-get update -qq > /dev/null
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
else
  echo "peers: without ${missing[*]} tests are skipped or slower, and benchmarks fail: install them" >&2
fi
