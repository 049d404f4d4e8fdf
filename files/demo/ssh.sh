#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes how ssh gets into the local machines: a key of this checkout's own, and a configuration that uses it. Their sshd is
# talked to through docker, so that no port of theirs need be published.
#
#   ssh.sh [STATE]                              STATE is the folder for both (default: .demo)
#   ssh -F .demo/ssh_config flasklaunch-demo    log in to the demo machine, as on EC2
set -euo pipefail
umask 077

state=$(realpath -m "${1:-.demo}")
mkdir -p "$state"
command -v ssh-keygen > /dev/null || {
  echo "ssh: ssh-keygen is missing: install the OpenSSH client (openssh-client, openssh-clients)" >&2
  exit 1
}
[[ -e $state/key ]] || ssh-keygen -q -t ed25519 -N '' -C flasklaunch-demo -f "$state/key"

# A machine's host keys are made with it, and are new each time. Ansible asks for many sessions at once.
cat > "$state/ssh_config" << E
Host flasklaunch-*
  User ec2-user
  IdentityFile "$state/key"
  IdentitiesOnly yes
  ProxyCommand docker exec --interactive %h /usr/sbin/sshd -i -o MaxSessions=100
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
E
