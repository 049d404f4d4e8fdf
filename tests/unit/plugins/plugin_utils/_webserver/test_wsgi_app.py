# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import wsgi_app

APP = "from flask import Flask\n\napp = Flask(__name__)\n"
FACTORY = "def create_app(config=None):\n    return Flask(__name__)\n"


@pytest.fixture
def shop(tmp_path):
    """Writes files, and returns the folder with the paths in it."""

    def write(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return str(tmp_path), application.paths(str(tmp_path))

    return write


@pytest.mark.parametrize(
    ("files", "app"),
    [
        ({"app.py": APP}, "app:app"),
        ({"shop.py": "import flask\nserver: flask.Flask = flask.Flask(__name__)\n"}, "shop:server"),
        ({"shop.py": "application = make()\napp = application\n"}, "shop:app"),
        ({"shop.py": APP + FACTORY}, "shop:app"),
        ({"flaskr/__init__.py": FACTORY, "tests/__init__.py": "", "tests/conftest.py": APP}, "flaskr:create_app()"),
        ({"src/shop/__init__.py": FACTORY}, "shop:create_app()"),
        (
            {"app/__init__.py": FACTORY, "microblog.py": "from app import create_app\napp = create_app()\n"},
            "app:create_app()",
        ),
        ({"wsgi.py": "from shop import make\n\napp = make()\n", "app.py": APP, "shop.py": APP}, "wsgi:app"),
        ({"app.py": APP, "admin.py": APP, "shop/__init__.py": FACTORY}, "app:app"),
        ({"shop.py": APP, "setup.py": APP, "test_shop.py": APP, "conftest.py": APP}, "shop:app"),
        ({"shop.py": APP, "broken.py": "def (:", "names.py": "App = 1\nx.app = 2\n"}, "shop:app"),
    ],
)
def test_an_obvious_application_is_found(shop, files, app):
    assert wsgi_app.found("webserver:app", *shop(files)) == app


@pytest.mark.parametrize(
    ("files", "candidates"),
    [
        ({}, []),
        ({"shop.py": APP, "blog.py": APP}, ["blog:app", "shop:app"]),
        ({"deep/er/app.py": APP}, []),
        ({"shop.py": "def create_app(config): ...\n"}, []),
        ({"shop.py": "def main():\n    app = Flask(__name__)\n"}, []),
    ],
)
def test_what_is_not_obvious_is_left_to_the_user(shop, files, candidates):
    given = shop(files)
    assert wsgi_app.found("webserver:app", *given) == "webserver:app"
    assert wsgi_app.candidates(*given) == candidates


def test_a_value_that_is_set_and_a_module_of_the_default_s_name_count(shop):
    given = shop({"app.py": APP})
    assert wsgi_app.found("shop:app", *given) == "shop:app"
    assert wsgi_app.found("webserver:app", *shop({"webserver.py": APP})) == "webserver:app"
