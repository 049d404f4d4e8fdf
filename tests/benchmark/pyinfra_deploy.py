# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of site.yml on the machine, written for pyinfra. site.py compares the two."""

from io import StringIO

from pyinfra.operations import dnf, files, pip, server, systemd

PAGE = """from flask import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return "Hello World\\n"


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
"""
UNIT = """[Unit]
Description=Flask web server
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
RuntimeDirectory=webserver
Environment=XDG_RUNTIME_DIR=/run/webserver
ExecStart=/opt/flask/bin/gunicorn --preload --bind 0.0.0.0:5000 --workers 2 --threads 8 --keep-alive 75 \\
  --chdir /opt/webserver webserver:app
Restart=on-failure
User=webserver

[Install]
WantedBy=multi-user.target
"""
PROOF = "import urllib.request as r; assert r.urlopen('http://127.0.0.1:5000/').read() == b'Hello World\\n'"

dnf.packages(packages=["python3", "python3-pip"], _sudo=True)
pip.venv(path="/opt/flask", python="python3", _sudo=True)
pip.packages(packages=["flask==3.1.3", "gunicorn==27.0.1"], virtualenv="/opt/flask", _sudo=True)
server.user(user="webserver", shell="/sbin/nologin", system=True, home="/", _sudo=True)
files.directory(path="/opt/webserver", user="root", group="root", mode="755", _sudo=True)
page = files.put(
    src=StringIO(PAGE), dest="/opt/webserver/webserver.py", user="root", group="root", mode="644", _sudo=True
)
unit = files.put(
    src=StringIO(UNIT),
    dest="/etc/systemd/system/webserver.service",
    user="root",
    group="root",
    mode="644",
    _sudo=True,
)
systemd.service(
    service="webserver.service",
    running=True,
    enabled=True,
    daemon_reload=unit.changed,
    restarted=page.changed or unit.changed,
    _sudo=True,
)
server.shell(commands=["ss -ltnp4 'sport = 5000' | grep -q gunicorn", f'python3 -c "{PROOF}"'], _sudo=True)
