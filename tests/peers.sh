#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes sure of the programs that tests and benchmark compare with, netstat, ss and ip, of nft, whose rules the tests
# read, and of the browser in which they open the reports. Without them those tests skip.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

missing=()
command -v netstat > /dev/null || missing+=(net-tools)
command -v ss > /dev/null && command -v ip > /dev/null || missing+=(iproute2)
command -v nft > /dev/null || missing+=(nftables)
# Without a font a page has no width to measure.
command -v chromium > /dev/null || command -v google-chrome > /dev/null || missing+=(chromium fonts-dejavu-core)
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $EUID -eq 0 ]] && command -v apt-get > /dev/null; then
  echo "peers: installing ${missing[*]} with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq > /dev/null
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
else
  echo "peers: without ${missing[*]} the tests that need them are skipped: install them" >&2
fi
