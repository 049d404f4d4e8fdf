#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/parts.sh TARGET…: makes each target, up to the first that fails, and says at the end how long each took.
set -euo pipefail

took=()
tell() {
  echo
  printf '%s\n' "${took[@]}"
  printf '%-10s %2d min %2d s\n' 'in all' $((SECONDS / 60)) $((SECONDS % 60))
}
trap tell EXIT

for part in "$@"; do
  began=$SECONDS
  outcome=0
  make --no-print-directory "$part" || outcome=$?
  seconds=$((SECONDS - began))
  took+=("$(printf '%-10s %2d min %2d s' "$part" $((seconds / 60)) $((seconds % 60)))$([ $outcome = 0 ] || echo '  FAILED')")
  [ $outcome = 0 ] || exit $outcome
done
