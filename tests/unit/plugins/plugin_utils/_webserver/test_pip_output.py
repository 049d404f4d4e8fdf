"""The messages for failures of pip. The captured outputs are from pip on Amazon Linux 2023 and newer versions."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.pip_output import LONGEST, why_pip_failed

CAPTURED = pathlib.Path(__file__).parents[3] / "captured" / "pip"
PIPS = ["21.3.1", "23.0.1", "26.3"]
BUILT = "pip builds a package only if there is no wheel of it for Python 3.11"


def captured(name):
    def read(path):
        return path.read_text(encoding="utf-8") if path.exists() else ""

    return {stream: read(CAPTURED / f"{name}.{stream}") for stream in ("stdout", "stderr")} | {"rc": 1}


def why(name):
    return why_pip_failed(captured(name), "3.11")


@pytest.mark.parametrize("pip", PIPS)
def test_a_failed_build_is_reported_with_its_package_and_its_cause(pip):
    said = why(f"no_pg_config-{pip}")
    package = "psycopg2" if pip == "26.3" else "psycopg2==2.9.9"
    assert said.startswith(f"pip reported: {package} could not be built: Error: pg_config executable not found. ")
    assert BUILT in said
    assert "psycopg2-binary" in said
    assert "flask_pip" not in said


@pytest.mark.parametrize("pip", PIPS)
def test_a_missing_compiler_is_reported(pip):
    said = why(f"no_compiler-{pip}")
    assert said.startswith("pip reported: netifaces could not be built: error: ")
    assert "'x86_64-linux-gnu-gcc'" in said
    assert said.endswith(
        "The machine has no compiler: 'sudo yum install gcc python3-devel' (on Debian and Ubuntu 'sudo apt-get install"
        " gcc python3-dev') installs one."
    )


@pytest.mark.parametrize("pip", PIPS)
def test_an_error_in_setup_py_is_reported(pip):
    assert " could not be built: RuntimeError: the moon is not full. " + BUILT in why(f"setup_py_raises-{pip}")
    assert "/broken" in why(f"setup_py_raises-{pip}")


def test_the_cause_is_found_in_a_long_build():
    said = why("old_numpy")
    assert said.startswith("pip reported: numpy could not be built: NameError: name 'CCompiler' is not defined.")


def test_a_compiler_s_first_error_is_the_cause():
    output = """  error: subprocess-exited-with-error

  × Building wheel for fast (pyproject.toml) did not run successfully.
  ╰─> [4 lines of output]
      gcc -c fast.c -o fast.o
      fast.c:1:10: fatal error: Python.h: No such file or directory
      compilation terminated.
      error: command '/usr/bin/gcc' failed with exit code 1
      [end of output]

  ERROR: Failed building wheel for fast
"""
    said = why_pip_failed({"stderr": output, "rc": 1}, "3.9")
    assert said.startswith(
        "pip reported: fast could not be built: fast.c:1:10: fatal error: Python.h: No such file or directory."
    )
    assert "python3-devel" in said


def test_a_certificate_error_names_the_one_variable_that_helps_once():
    said = why("certificate")
    assert said.startswith("pip reported: SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]")
    assert said.count("flask_pip_ca_bundle") == 1
    assert said.count("CERTIFICATE_VERIFY_FAILED") == 1
    assert "flask_pip_index_url" not in said
    assert "No matching" not in said


def test_an_unreachable_index_names_the_variables_for_other_ways():
    said = why("connection_refused")
    assert said.startswith(
        "pip reported: NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused')."
    )
    assert said.count("Connection refused") == 1
    assert [each in said for each in ("flask_pip_index_url", "flask_pip_proxy", "flask_pip_wheel_dir")] == [True] * 3
    assert "flask_pip_ca_bundle" not in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_version", "the requirement flask==3.0.999 (from versions: …, 3.1.1, 3.1.2, 3.1.3) No matching"),
        (
            "no_such_version",
            "flask_version and the application's requirements must exist for the machine's Python, 3.11.",
        ),
        ("wrong_hash", "THESE PACKAGES DO NOT MATCH THE HASHES"),
        ("wrong_hash", "The package is markupsafe==2.1.5."),
        ("conflict", "Cannot install flask==3.0.0 and werkzeug==1.0 because"),
        (
            "exception",
            "pip reported: UnicodeDecodeError: 'utf-8' codec can't decode byte 0xfc in position 4: invalid start byte.",
        ),
        ("no_requirement", "Invalid requirement: 'flask=>3'"),
    ],
)
def test_other_failures_are_reported_with_the_message_of_pip(name, words):
    assert words in why(name)


@pytest.mark.parametrize(
    "result",
    [
        {"rc": -9, "stderr": ""},
        {"rc": 137, "stderr": None, "msg": "MODULE FAILURE"},
        {"rc": 1, "stderr": "pip has failed, and the kernel has killed a process for lack of memory meanwhile.\n"},
        {"rc": 1, "stderr": "gcc: fatal error: Killed signal terminated program cc1\n"},
    ],
)
def test_a_lack_of_memory_is_reported(result):
    said = why_pip_failed(result, "3.9")
    assert "ran out of memory" in said
    assert "pip reported" not in said


def test_a_full_disk_is_reported():
    stderr = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
    said = why_pip_failed({"rc": 1, "stderr": stderr}, "3.9")
    assert "[Errno 28] No space left on device." in said
    assert "webserver_keep_releases" in said


def test_output_of_pip_is_shown_without_passwords_and_control_characters():
    stderr = "ERROR: Could not open https://me:s3cr3t@index.example/\x1b[2J\n"
    assert "https://index.example/[2J." in why_pip_failed({"rc": 1, "stderr": stderr}, "3.9")


def test_an_unknown_failure_is_quoted_up_to_a_maximal_length():
    assert "pip reported: nonsense." in why_pip_failed({"rc": 1, "stderr": "", "msg": "nonsense"}, "3.9")
    assert len(why_pip_failed({"rc": 1, "stderr": "x" * 10000}, "3.9")) < LONGEST + 200
