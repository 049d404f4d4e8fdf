# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of gunicorn that webserver_gunicorn_options may have.

Source: gunicorn/config.py of the versions 20.1 to 27. A unit test compares these names with the installed gunicorn.
"""

from __future__ import annotations

import difflib

ALLOWED = frozenset(
    [
        "access_log_format",
        "asgi_disconnect_grace_period",
        "asgi_lifespan",
        "asgi_loop",
        "capture_output",
        "casefold_http_method",
        "default_proc_name",
        "dirty_apps",
        "dirty_graceful_timeout",
        "dirty_threads",
        "dirty_timeout",
        "dirty_workers",
        "disable_redirect_access_to_syslog",
        "dogstatsd_tags",
        "enable_backlog_metric",
        "enable_stdio_inheritance",
        "forwarder_headers",
        "header_map",
        "http2_cleartext",
        "http2_initial_window_size",
        "http2_max_concurrent_streams",
        "http2_max_frame_size",
        "http2_max_header_list_size",
        "http_parser",
        "http_protocols",
        "limit_request_field_size",
        "limit_request_fields",
        "limit_request_line",
        "logconfig",
        "logconfig_dict",
        "logconfig_json",
        "logger_class",
        "loglevel",
        "max_requests",
        "max_requests_jitter",
        "permit_obsolete_folding",
        "permit_unconventional_http_method",
        "permit_unconventional_http_version",
        "proc_name",
        "pythonpath",
        "root_path",
        "secure_scheme_headers",
        "sendfile",
        "statsd_host",
        "statsd_prefix",
        "strip_header_spaces",
        "syslog",
        "syslog_addr",
        "syslog_facility",
        "syslog_prefix",
        "timeout",
        "tmp_upload_dir",
        "umask",
        "websocket_max_message_size",
        "worker_connections",
    ]
)
_SOCKET = "is set by systemd: use webserver_host and webserver_port"
_APPLICATION = "is set by the role: use webserver_app"
_DEBUG = "is set by the role: use webserver_debug"
_USER = "is set by systemd: use webserver_user"
_OUTPUT = "is set by the role, because the journal has the server's output"
_SYSTEMD = "is set by the role, because systemd starts and stops the server"
_ENDS = "would end the server"
_TLS = "is not supported, because the role requests the page by HTTP. Use a load balancer for HTTPS"
_FUNCTION = "is a function, which a variable cannot have"
# Settings that are not allowed, and why.
REFUSED = {
    "accesslog": "is set by the role: use webserver_access_log",
    "backlog": _SOCKET,
    "bind": _SOCKET,
    "reuse_port": _SOCKET,
    "ca_certs": _TLS,
    "cert_reqs": _TLS,
    "certfile": _TLS,
    "ciphers": _TLS,
    "do_handshake_on_connect": _TLS,
    "keyfile": _TLS,
    "ssl_version": _TLS,
    "suppress_ragged_eofs": _TLS,
    "chdir": "is set by systemd: use webserver_dir",
    "check_config": _ENDS,
    "print_config": _ENDS,
    "config": _SYSTEMD,
    "control_socket": _SYSTEMD,
    "control_socket_disable": _SYSTEMD,
    "control_socket_mode": _SYSTEMD,
    "daemon": _SYSTEMD,
    "pidfile": _SYSTEMD,
    "worker_tmp_dir": _SYSTEMD,
    "errorlog": _OUTPUT,
    "forwarded_allow_ips": "is set by the role: use webserver_proxy_hops",
    "graceful_timeout": "is set by the role: use webserver_graceful_timeout",
    "group": _USER,
    "initgroups": _USER,
    "user": _USER,
    "keepalive": "is set by the role: use webserver_keep_alive",
    "paste": _APPLICATION,
    "raw_paste_global_conf": _APPLICATION,
    "wsgi_app": _APPLICATION,
    "preload_app": "is set by the role: use webserver_preload",
    "protocol": "is not supported, because the role requests the page by HTTP",
    "proxy_allow_ips": "is not supported, because the role requests the page without a proxy",
    "proxy_protocol": "is not supported, because the role requests the page without a proxy",
    "uwsgi_allow_ips": "is not supported, because the role requests the page by HTTP",
    "raw_env": "is set by the role: use webserver_env",
    "reload": _DEBUG,
    "reload_engine": _DEBUG,
    "reload_extra_files": _DEBUG,
    "spew": _DEBUG,
    "threads": "is set by the role: use webserver_threads",
    "worker_class": "is set by the role: use webserver_worker_class",
    "workers": "is set by the role: use webserver_workers",
    **dict.fromkeys(
        [
            "child_exit",
            "dirty_post_fork",
            "dirty_worker_exit",
            "dirty_worker_init",
            "nworkers_changed",
            "on_dirty_starting",
            "on_exit",
            "on_reload",
            "on_starting",
            "post_fork",
            "post_request",
            "post_worker_init",
            "pre_exec",
            "pre_fork",
            "pre_request",
            "ssl_context",
            "when_ready",
            "worker_abort",
            "worker_exit",
            "worker_int",
        ],
        _FUNCTION,
    ),
}


def option_name(name: str) -> str:
    """Return what is wrong with a name of a setting, as a clause that follows it; an empty text if it is allowed."""
    if name in ALLOWED:
        return ""
    if name in REFUSED:
        return REFUSED[name]
    alike = difflib.get_close_matches(name, ALLOWED | REFUSED.keys(), 1)
    return "is not a setting of gunicorn" + (f". Is {alike[0]} meant?" if alike else "")
