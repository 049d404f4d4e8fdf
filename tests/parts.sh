#!/usr/bin/env bash
# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes targets two at a time, and prints at the end how long each took. First come the parts before the --. If one of
# them fails, the others are not started. Then come the others, the longest first, even if some fail. The output of a
# part is printed when it has ended. A part may be several targets, one after the other. A part that takes longer than
# 75 minutes is stopped. The last lines repeat what failed, because only the end of a long output is often kept.
#
#   parts.sh 'TARGET…'… -- 'TARGET…'…
set -euo pipefail

results=$(mktemp -d)
export results

finish() {
  local outcome=$?
  echo
  local part
  while IFS= read -r part; do
    printf '\nmake %s:\n' "$part"
    failures "$(log_of "$part")"
  done < <(sed -n 's/ \{1,\}[0-9]* min .*  \(FAILED\|NOT ENDED\)$//p' "$results/took")
  echo
  cat "$results/took"
  printf '%-28s %2d min %2d s\n' 'in all' $((SECONDS / 60)) $((SECONDS % 60))
  rm -rf "$results"
  exit $outcome
}
trap finish EXIT

log_of() { echo "$results/${1//\//_}.log"; }

# Prints the failures in a part's log: the lines of pytest and ansible about them, or the last lines.
failures() {
  local said
  said=$(grep -aE '^(FAILED|ERROR|E  ) |^fatal: ' "$1" | cut -c 1-200 | tail -n 15) || said=$(tail -n 15 "$1" | cut -c 1-200)
  echo "$said"
}

# A subshell, which has its own SECONDS.
part() (
  SECONDS=0
  outcome=0
  # In this process group, so that Ctrl-C ends it too. make ends its own children.
  # shellcheck disable=SC2086 # the targets of a part are words
  timeout --foreground --kill-after=30 4500 make --no-print-directory $1 2>&1 || outcome=$?
  case $outcome in
    0) said= ;;
    124) said='  NOT ENDED' ;;
    *) said='  FAILED' ;;
  esac
  printf '%-28s %2d min %2d s%s\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)) "$said" >> "$results/took"
  exit "$outcome"
)

beside_another() {
  local outcome=0 log
  log=$(log_of "$1")
  echo "make $1 > its own log"
  part "$1" > "$log" || outcome=$?
  # One log at a time, so that no log is in the middle of another.
  flock "$results" cat <(printf '\n%s\n' "make $1") "$log"
  return $outcome
}
export -f log_of part beside_another

lanes() { printf '%s\0' "$@" | xargs -0 -P 2 -I{} bash -c 'beside_another "{}"'; }

first=()
while [[ $1 != -- ]]; do
  first+=("$1")
  shift
done
shift
lanes "${first[@]}"
lanes "$@"
