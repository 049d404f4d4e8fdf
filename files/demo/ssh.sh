#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Lets ssh into local machines: with a key of this checkout's own, which they are given, and a configuration that uses it.
# Their sshd is talked to through docker, so that no port of theirs need be published.
#
#   ssh.sh STATE CONTAINER...                   STATE is the folder for key and configuration; says who got the key now
#   ssh -F .demo/ssh_config flasklaunch-demo    then logs in, as on EC2
set -euo pipefail
umask 077

state=$(realpath -m "$1")
shift
command -v ssh-keygen > /dev/null || {
  echo "ssh: ssh-keygen is missing: install OpenSSH's client (openssh-client, openssh-clients)" >&2
  exit 1
}
mkdir -p "$state"
# Scenarios are run at once.
exec {lock}> "$state/ssh.lock"
flock "$lock"
[[ -e $state/key ]] || ssh-keygen -q -t ed25519 -N '' -C flasklaunch-demo -f "$state/key"

# A machine's host keys are made with it, and are new each time. Ansible asks for many sessions at once.
cat > "$state/ssh_config.new" << EOF
Host flasklaunch-*
  User ec2-user
  IdentityFile "$state/key"
  IdentitiesOnly yes
  ProxyCommand docker exec --interactive %h /usr/sbin/sshd -i -o MaxSessions=100
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
EOF
mv "$state/ssh_config.new" "$state/ssh_config"

# The keys of other checkouts stay.
# shellcheck disable=SC2016 # for the machine's shell
let_in='read -r key && cd /home/*/.ssh && { grep -sqxF "$key" authorized_keys || { echo "$key" >> authorized_keys && hostname; }; }'
for container; do
  docker exec --interactive "$container" sh -c "$let_in" < "$state/key.pub"
done
