#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes targets two at a time and says at the end how long each took: first those before the --, all of which must be made
# for the others to be begun; then the others, the longest first, all whatever fails. What one prints is shown when it has
# ended. A part may be several targets, one after the other. A part that takes longer than 45 minutes is stopped.
#
#   parts.sh 'TARGET…'… -- 'TARGET…'…
set -euo pipefail

results=$(mktemp -d)
export results

finish() {
  local outcome=$?
  echo
  cat "$results/took"
  printf '%-28s %2d min %2d s\n' 'in all' $((SECONDS / 60)) $((SECONDS % 60))
  rm -rf "$results"
  exit $outcome
}
trap finish EXIT

# A subshell, whose SECONDS are its own.
part() (
  SECONDS=0
  outcome=0
  # In this process group, so that Ctrl-C ends it too; make tells its own children when it is ended.
  # shellcheck disable=SC2086 # the targets of a part are words
  timeout --foreground --kill-after=30 2700 make --no-print-directory $1 2>&1 || outcome=$?
  case $outcome in
    0) said= ;;
    124) said='  NOT ENDED' ;;
    *) said='  FAILED' ;;
  esac
  printf '%-28s %2d min %2d s%s\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)) "$said" >> "$results/took"
  exit "$outcome"
)

beside_another() {
  local outcome=0 log=$results/${1//\//_}.log
  echo "make $1 > its own log"
  part "$1" > "$log" || outcome=$?
  # One at a time, so that no log is in the middle of another.
  flock "$results" cat <(printf '\n%s\n' "make $1") "$log"
  return $outcome
}
export -f part beside_another

lanes() { printf '%s\0' "$@" | xargs -0 -P 2 -I{} bash -c 'beside_another "{}"'; }

first=()
while [[ $1 != -- ]]; do
  first+=("$1")
  shift
done
shift
lanes "${first[@]}"
lanes "$@"
