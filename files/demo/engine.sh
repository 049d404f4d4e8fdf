#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes sure that a docker engine answers: takes the running one, else installs and starts one.
#
#   engine.sh [STATE]         STATE is the folder for the log and the process id (default: .demo)
#   engine.sh stop [STATE]    stops the engine if this script started it and no container runs in it
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

say() { echo "engine: $*"; }

die() {
  echo "engine: $*" >&2
  exit 1
}

# podman behind the name docker has no server to tell the version of, and does not count.
answers() { [[ -n $(timeout 10 docker version --format '{{.Server.Version}}' 2> /dev/null) ]]; }

is_dockerd() { [[ $(cat "/proc/${1:-none}/comm" 2> /dev/null) == dockerd ]]; }

# shellcheck disable=SC1091 # each machine has its own
families() { (. /etc/os-release 2> /dev/null && echo " $ID ${ID_LIKE:-} ") || true; }

# What keeps us from starting an engine, in words that say what to do.
refuse_without_root() {
  command -v docker > /dev/null ||
    die "docker is not installed: install it, or run this once as root"
  local said
  said=$(docker version 2>&1 || true)
  [[ ${said,,} != *'permission denied'* ]] ||
    die "docker is running, but $(id -un) may not use it: run 'sudo usermod -aG docker $(id -un)' and log in again"
  die "docker is installed but not running: run 'sudo systemctl start docker', or run this once as root"
}

install_on_debian() {
  export DEBIAN_FRONTEND=noninteractive
  local packages=(docker.io iptables)
  apt-get update -qq > /dev/null
  # From Debian 13 on, the client is a package of its own.
  [[ -z $(apt-cache madison docker-cli) ]] || packages+=(docker-cli)
  say "installing ${packages[*]} with apt-get"
  apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
}

install_on_rpm() {
  local yum package
  yum=$(command -v dnf || command -v yum) || die "neither dnf nor yum is here: install docker by hand"
  # 'list' knows packages by their own names only: podman-docker, which also provides 'docker', is not taken.
  for package in docker-ce moby-engine docker; do
    "$yum" -q list "$package" > /dev/null 2>&1 || continue
    say "installing $package with ${yum##*/}"
    "$yum" install -y -q "$package" > /dev/null
    return
  done
  die "no repository of this machine has docker: add Docker's own (docs.docker.com/engine/install), then run this again"
}

install_docker() {
  case $(families) in
    *' debian '*) install_on_debian ;;
    *' fedora '* | *' rhel '* | *' amzn '* | *' centos '*) install_on_rpm ;;
    *) die "docker is not installed, and this is no Debian or RPM family system: install docker by hand" ;;
  esac
}

# Containers must not send larger packets than the machine's way out takes.
mtu_option() {
  local device
  device=$(awk '$2 == "00000000" { print $1; exit }' /proc/net/route)
  [[ -z $device ]] || echo "--mtu=$(cat "/sys/class/net/$device/mtu")"
}

start_dockerd() {
  local state=$1 stale=/var/run/docker.pid
  # dockerd refuses to start while any process has the id that a crashed one left behind.
  [[ ! -e $stale ]] || is_dockerd "$(cat "$stale")" || rm -f "$stale"
  mkdir -p "$state"
  say "starting dockerd (log: $state/dockerd.log)"
  # shellcheck disable=SC2046 # no option, no argument
  setsid dockerd $(mtu_option) > "$state/dockerd.log" 2>&1 < /dev/null &
  echo $! > "$state/dockerd.pid"
}

start_docker() {
  local state=$1
  if [[ -d /run/systemd/system ]]; then
    say "starting docker with systemctl"
    systemctl start docker || die "docker does not start: see 'journalctl -u docker'"
  else
    start_dockerd "$state"
  fi
}

wait_for_answer() {
  local state=$1 deadline=$((SECONDS + 30))
  until answers; do
    if [[ -f $state/dockerd.pid ]] && ! kill -0 "$(cat "$state/dockerd.pid")" 2> /dev/null; then
      rm -f "$state/dockerd.pid"
      tail -n 5 "$state/dockerd.log" >&2
      die "dockerd ended as soon as it was started"
    fi
    ((SECONDS < deadline)) || die "the docker engine does not answer after 30 seconds"
    sleep 0.2
  done
}

ensure() {
  ! answers || return 0
  [[ -z ${DOCKER_HOST:-} ]] || die "no docker engine answers at DOCKER_HOST=$DOCKER_HOST: start it, or unset DOCKER_HOST"
  [[ $EUID -eq 0 ]] || refuse_without_root
  if ! command -v docker > /dev/null || ! command -v dockerd > /dev/null; then
    install_docker
  fi
  # On some systems installing it has started it.
  answers || start_docker "$1"
  wait_for_answer "$1"
}

stop() {
  local file=$1/dockerd.pid pid
  [[ -f $file ]] || return 0
  pid=$(cat "$file")
  if is_dockerd "$pid" && [[ -n $(docker ps --quiet 2> /dev/null) ]]; then
    say "the dockerd that was started here (process $pid) keeps running, because it runs containers of other checkouts"
  elif is_dockerd "$pid"; then
    say "stopping the dockerd that was started here"
    kill "$pid"
    for _ in {1..150}; do
      is_dockerd "$pid" || break
      sleep 0.2
    done
    ! is_dockerd "$pid" || die "dockerd (process $pid) has not stopped after 30 seconds"
  fi
  rm -f "$file"
}

if [[ ${1:-} == stop ]]; then
  stop "${2:-.demo}"
else
  ensure "${1:-.demo}"
fi
