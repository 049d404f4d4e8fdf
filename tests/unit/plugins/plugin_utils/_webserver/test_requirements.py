"""How the control node finds out what pip reads and installs for an application."""

from __future__ import annotations

import codecs
import os
import shutil

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import requirements as _requirements
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import toml_files


@pytest.fixture
def shop(tmp_path):
    """Makes an application from texts by path. By default, its requirements.txt is empty."""

    class Shop:
        folder = tmp_path / "shop"

        def write(self, files):
            for path, content in files.items():
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())
            return self

        def read(self, exclude=()):
            return _requirements.read(str(self.folder), application.paths(str(self.folder), exclude))

        def name(self, python="3.9", flask_version="", constraints="flask==3.1.3", exclude=()):
            return _requirements.environment_name(str(self.folder), exclude, python, flask_version, constraints)

        def errors(self, app="web:app", exclude=()):
            return _requirements.application_errors(str(self.folder), app, exclude, "../shop")

    return Shop().write({"web.py": "app = 1\n"})


def requirements(shop, text, **files):
    return shop.write(
        {"requirements.txt": text, **{name.replace("__", "/"): each for name, each in files.items()}}
    ).read()


def test_without_requirements_nothing_is_required(shop):
    assert shop.read() == ([], [], [], set(), False, [])
    shop.write({"requirements.txt": "-r nowhere.txt"})
    assert shop.read(exclude=["requirements.txt"]).errors == []


@pytest.mark.parametrize(
    "line",
    [
        "-r more/prod.txt",
        "-rmore/prod.txt",
        "--requirement more/prod.txt",
        "--requirement=more/prod.txt",
        "--req more/prod.txt",
        "-c more/prod.txt",
        "--constraint=more/prod.txt",
        '-r "more/prod.txt"',
        "  -r more/prod.txt # why",
        "-r \\\n more/prod.txt",
        "--pre -i https://index.example/ -r more/../more/prod.txt",
        "-r file:more/prod.txt",
    ],
)
def test_files_that_are_included_are_read_too(shop, line):
    shop.write({"more/prod.txt": "-r base.txt\n", "more/base.txt": "Flask_Login\n"})
    found = requirements(shop, f"flask>=3\n{line}\n")
    assert found.files == ["requirements.txt", "more/prod.txt", "more/base.txt"]
    assert found.names == {"flask", "flask-login"}
    assert found.errors == []


def test_a_file_that_two_others_include_is_read_once(shop):
    shop.write({"a.txt": "-c c.txt\n", "b.txt": "-c c.txt\n", "c.txt": "flask==3.1.3\n"})
    found = requirements(shop, "-r a.txt\n-r b.txt\n")
    assert (found.files, found.errors) == (["requirements.txt", "a.txt", "c.txt", "b.txt"], [])


@pytest.mark.parametrize(
    "text", ["#-r a.txt", "flask # -r a.txt", "flask \\\n# -r a.txt\n", "", "--require-hashes", "-r https://host/a.txt"]
)
def test_lines_that_include_no_file(shop, text):
    found = requirements(shop, text)
    assert (found.files, found.projects, found.errors) == (["requirements.txt"], [], [])


@pytest.mark.parametrize(
    ("line", "projects"),
    [
        (".", ["."]),
        ("./", ["."]),
        (".[postgres]", ["."]),
        ('. ; python_version > "3.8"', ["."]),
        ("-e .", ["."]),
        ("-e.[postgres,dev]", ["."]),
        ("--editable=.", ["."]),
        ("-e file:.", ["."]),
        ("-e lib", ["lib"]),
        ("./lib", ["lib"]),
        ("lib/", ["lib"]),
        ("shop @ file:lib", ["lib"]),
        ("file:lib#egg=shop", ["lib"]),
        ("wheels/x-1.0-py3-none-any.whl --hash=sha256:00", ["wheels/x-1.0-py3-none-any.whl"]),
        ("./wheels/x-1.0-py3-none-any.whl", ["wheels/x-1.0-py3-none-any.whl"]),
        ("x[a] @ https://host/lib", []),
        ("lib", []),
        ("git+https://host/lib@v1", []),
    ],
)
def test_local_paths_are_known(shop, line, projects):
    shop.write({"lib/setup.py": "", "wheels/x-1.0-py3-none-any.whl": b"x"})
    found = requirements(shop, line)
    assert (found.projects, found.errors) == (projects, [])
    assert found.has_urls == ("https:" in line)


def test_path_of_a_requirement_is_relative_to_the_application(shop):
    shop.write(
        {"more/prod.txt": "./lib\n-f wheels\n-f ../other\n", "lib/setup.py": "", "more/wheels/x": "", "other/x": ""}
    )
    found = requirements(shop, "-r more/prod.txt\n")
    assert (found.projects, found.links, found.errors) == (["lib"], ["more/wheels", "other"], [])


def test_package_folders_of_the_machine_are_left_to_pip(shop):
    assert requirements(shop, "-f /opt/wheels\n-f https://host/wheels\n--find-links=file:///opt/wheels\n").errors == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flask\n-r no.txt", "requirements.txt, line 2, names no.txt, but it is not in the application's folder."),
        ("-c out.in", "requirements.txt, line 1, names out.in, but webserver_app_exclude keeps it out of the release."),
        ("-r ../other.txt", "requirements.txt, line 1, names ../other.txt, which is outside the application's folder"),
        ("-r /etc/passwd", "requirements.txt, line 1, names /etc/passwd, which is outside"),
        ("-r file:///etc/passwd", "requirements.txt, line 1, names file:///etc/passwd, which is outside"),
        ("-e ..", "requirements.txt, line 1, names .., which is outside"),
        ("../lib", "requirements.txt, line 1, names ../lib, which is outside"),
        ("x @ file:///srv/x.whl", "requirements.txt, line 1, names /srv/x.whl, which is outside"),
        ("./lib", "requirements.txt, line 1, names ./lib, but it is not in the application's folder."),
        (
            "-r src",
            "requirements.txt, line 1, names src, but it is a folder, or webserver_app_exclude keeps its files out",
        ),
        ("-r link.txt", "requirements.txt, line 1, names link.txt, which is outside"),
        ("-r requirements.txt", "requirements.txt, line 1, includes requirements.txt, which includes it again."),
        ("\n-r a.txt", "b.txt, line 1, includes a.txt, which includes it again."),
        (
            b"flask\n# Gr\xfc\xdfe\n",
            "requirements.txt, line 2, is not utf-8 text. Save the file as UTF-8, or name its encoding",
        ),
        (b"# coding: klingon\n", "requirements.txt: unknown encoding: klingon. Save the file as UTF-8."),
    ],
)
def test_files_that_pip_could_not_read_are_refused_by_name(shop, tmp_path, text, said):
    (tmp_path / "other.txt").write_text("flask\n")
    (tmp_path / "lib").mkdir()
    shop.write({"requirements.txt": text, "a.txt": "-r b.txt\n", "b.txt": "-r a.txt\n", "out.in": "flask\n"})
    shop.write({"src/x.py": ""})
    (shop.folder / "link.txt").symlink_to(tmp_path / "other.txt")
    [error] = shop.read(exclude=["*.in"]).errors
    assert error.startswith(said)
    assert shop.errors(exclude=["*.in"]) == [f"webserver_app_src: {error}"]


def test_a_link_that_leads_out_is_not_read(shop, tmp_path):
    (tmp_path / "shadow").write_text("-r s3cr3t\n")
    (shop.folder / "requirements.txt").symlink_to(tmp_path / "shadow")
    found = shop.read()
    assert found.files == []
    assert found.errors == [
        "requirements.txt is a link to a file outside the application's folder, which is not copied to the machine."
        " Copy that file into the folder."
    ]


def test_a_link_within_the_application_is_followed(shop):
    shop.write({"more/prod.txt": "-r base.txt\n", "base.txt": "flask\n"})
    (shop.folder / "requirements.txt").symlink_to("more/prod.txt")
    found = shop.read()
    assert (found.files, found.errors) == (["more/prod.txt", "base.txt"], [])


@pytest.mark.parametrize(
    "content",
    [
        "# Grüße\nflask\n".encode(),
        codecs.BOM_UTF8 + "# Grüße\nflask\n".encode(),
        codecs.BOM_UTF16_LE + "# Grüße\nflask\n".encode("utf-16-le"),
        "# -*- coding: latin-1 -*-\n# Grüße\nflask\n".encode("latin-1"),
    ],
)
def test_encodings_that_pip_reads_are_read(shop, content):
    shop.write({"requirements.txt": content})
    assert (shop.read().names, shop.read().errors) == ({"flask"}, [])


@pytest.mark.parametrize(
    "change",
    [
        {"requirements.txt": "-r more/prod.txt\nmarkdown\n"},
        {"more/prod.txt": "flask==3.1.3\n-c c.txt\n"},
        {"more/c.txt": "werkzeug==3.1.2\n"},
        {"lib/shop.py": "x = 2\n"},
        {"lib/new.py": ""},
        {"wheels/x.whl": b"2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_environment_has_another_name_if_pip_s_input_has_changed(shop, change):
    text = "-r more/prod.txt\n./lib\n-f wheels\n"
    requirements(shop, text, more__prod_txt="")
    shop.write({"more/prod.txt": "flask==3.1.2\n-c c.txt\n", "more/c.txt": "werkzeug==3.1.3\n"})
    shop.write({"lib/shop.py": "x = 1\n", "wheels/x.whl": b"1"})
    before = shop.name()
    assert before.startswith("py3.9-")
    assert len(before) == 18
    shop.write({"web.py": "app = 2\n", "more/dev.txt": "pytest\n"})
    assert shop.name() == before, "pip does not read these"
    shutil.move(shop.folder, str(shop.folder) + "-elsewhere")
    shutil.copytree(str(shop.folder) + "-elsewhere", shop.folder)
    assert shop.name() == before, "wherever it lies"
    assert len({before, shop.write(change).name()}) == 2


@pytest.mark.parametrize("line", [".", "-e ."])
def test_environment_with_the_application_in_it_depends_on_its_files(shop, line):
    requirements(shop, line)
    before = shop.name(exclude=["*.log"])
    assert shop.write({"debug.log": "x"}).name(exclude=["*.log"]) == before
    assert shop.write({"web.py": "app = 2\n"}).name(exclude=["*.log"]) != before


def test_python_and_pinned_versions_are_in_the_name_of_the_environment():
    def name(**given):
        given = {"python": "3.9", "flask_version": "", "constraints": "flask==3.1.3", **given}
        return _requirements.environment_name("", [], **given)

    assert name() == name()
    assert name(python="3.12").startswith("py3.12-")
    assert len({name(), name(flask_version="3.1.2"), name(constraints="flask==3.1.2")}) == 3


def test_unreadable_files_are_left_to_the_release_module(shop):
    """The module release reports them. Nothing waits for a FIFO, and no filter fails with a traceback."""
    os.mkfifo(shop.folder / "requirements.txt")
    assert (shop.read().files, shop.errors()) == ([], [])
    os.unlink(shop.folder / "requirements.txt")
    shop.write({"requirements.txt": "."})
    os.mkfifo(shop.folder / "pipe")
    assert shop.name().startswith("py3.9-")
    shutil.rmtree(shop.folder)
    [error] = shop.errors()
    assert error.startswith("webserver_app_src: ../shop is not a folder on the control node.")


def test_whether_there_are_requirements(shop):
    assert _requirements.requirements_file("", []) == ""
    assert _requirements.requirements_file(str(shop.folder), []) == ""
    shop.write({"requirements.txt": "", "prod.txt": ""})
    assert _requirements.requirements_file(str(shop.folder), []) == "requirements.txt"
    assert _requirements.requirements_file(str(shop.folder), ["requirements.txt"]) == ""
    assert _requirements.requirements_file(str(shop.folder), [], "prod.txt") == "prod.txt"


def test_a_package_is_installed_with_all_of_its_files(shop):
    shop.write({"pyproject.toml": "[build-system]", "src/shop/__init__.py": "", "Web.txt": ""})
    assert shop.read().projects == ["."]
    assert shop.errors("shop:create_app()") == []
    before = shop.name()
    assert shop.write({"Web.txt": "changed"}).name() != before


def test_an_application_that_is_not_named_is_found_or_asked_for(shop):
    (shop.folder / "web.py").unlink()
    code = "app = Flask(__name__)\n"
    [error] = shop.errors("webserver:app")
    assert error.startswith("webserver_app: ../shop has no Flask application in a module at its top.")
    assert shop.write({"shop.py": code}).errors("webserver:app") == []
    assert _requirements.application_of("webserver:app", str(shop.folder), []) == "shop:app"
    assert _requirements.application_of("webserver:app", "", []) == "webserver:app"
    assert shop.write({"blog.py": code}).errors("webserver:app") == [
        "webserver_app: the application in ../shop could be blog:app, shop:app. Set webserver_app to one."
    ]


@pytest.mark.parametrize("app", ["web:app", "webserver:app"])
def test_code_is_not_shared_also_if_the_application_is_not_named(shop, app):
    given = {"webserver_app_src": str(shop.folder), "webserver_app": app, "webserver_app_exclude": []}
    assert _requirements.errors_of_folder({**given, "webserver_shared": "data"}) == []
    [error] = _requirements.errors_of_folder({**given, "webserver_shared": ["web.py"]})
    assert error.startswith("webserver_shared: web.py has the code of web:app,")


@pytest.mark.skipif(not toml_files.HAS_TOMLLIB, reason="this Python reads no TOML")
def test_a_lock_file_counts_with_the_projects_that_it_names(shop):
    """A change of the project makes a new environment, as its code is installed there."""
    shop.write({"pyproject.toml": '[project]\nname = "shop"\n[build-system]\n', "src/shop.py": "app = 1\n"})
    shop.write(
        {"pylock.toml": 'lock-version = "1.0"\npackages = [{name = "shop", directory = {path = "."}},'
         ' {name = "flask-sock", version = "1", archive = {url = "u", hashes = {sha256 = "ab"}}}]\n'}
    )  # fmt: skip
    assert shop.read() == (["pylock.toml"], ["."], [], set(), True, [])
    assert shop.errors("shop:app") == []
    former = shop.name()
    shop.write({"src/shop.py": "app = 2\n"})
    assert shop.name() != former
    text = _requirements.requirements_text(str(shop.folder), [])
    assert text == ".\nflask-sock @ u --hash=sha256:ab\n"


@pytest.mark.skipif(not toml_files.HAS_TOMLLIB, reason="this Python reads no TOML")
def test_only_the_dependencies_of_an_application_without_a_build_system_are_installed(shop):
    """setuptools would refuse the folder: it has two packages."""
    shop.write({"pyproject.toml": '[project]\nname = "shop"\ndependencies = ["flask"]\n', "config/__init__.py": ""})
    shop.write({"shop/__init__.py": "app = 1\n"})
    assert shop.read() == (["pyproject.toml"], [], [], {"flask"}, False, [])
    former = shop.name()
    shop.write({"shop/__init__.py": "app = 2\n"})
    assert shop.name() == former


def test_errors_about_the_project_are_reported(shop):
    shop.write({"uv.lock": ""})
    [error] = shop.errors()
    assert "uv export" in error
    shop.write({"prod.txt": "-r nowhere.txt"})
    assert _requirements.application_errors(str(shop.folder), "web:app", [], "../shop", "prod.txt") == [
        "webserver_app_src: prod.txt, line 1, names nowhere.txt, but it is not in the application's folder."
    ]


@pytest.mark.parametrize(
    ("app", "text", "is_refused"),
    [
        ("web:app", "", False),
        ("package.web:app", "", False),
        ("package:app", "", False),
        ("wbe:app", "", True),
        ("package.wbe:app", "flask\n", True),
        ("shop:create_app()", ".", False),
        ("shop:create_app()", "./wheels/shop-1.0-py3-none-any.whl", False),
        ("shop:create_app()", "git+https://host/shop@v1", False),
        ("my_shop.web:app", "My-Shop==1.0", False),
    ],
)
def test_module_is_in_the_application_or_pip_may_install_it(shop, app, text, is_refused):
    shop.write({"package/__init__.py": "", "package/web.py": "", "src/shop/__init__.py": "", "requirements.txt": text})
    shop.write({"wheels/shop-1.0-py3-none-any.whl": b""})
    assert [error.split(" needs the file ")[0] for error in shop.errors(app)] == [f"webserver_app: {app}"] * is_refused


@pytest.mark.parametrize(
    ("code", "is_refused"),
    [
        ("def make(): ...", True),
        ("def make(config=None, *, debug=False, **more): ...", True),
        ("def make(environ, start_response): ...", False),
        ("def make(environ, start_response, /): ...", False),
        ("def make(*, config): ...", False),
        ("@wrapped\ndef make(): ...", False),
        ("def other(): ...\nmake = other()", False),
        ("class make: ...", False),
        ("def make(: ...", False),  # the gate shows the error
        ("\0", False),
        (b"# coding: latin-1\nname = '\xe4'\ndef make(): ...", True),
    ],
)
@pytest.mark.parametrize("path", ["web.py", "web/__init__.py"])
def test_function_that_makes_the_application_must_be_called(shop, path, code, is_refused):
    (shop.folder / "web.py").unlink()
    said = ["webserver_app: web:make is a function that makes the application, not the application. Write web:make()."]
    assert shop.write({path: code}).errors("web:make") == said * is_refused
    assert shop.errors("web:make()") == []
