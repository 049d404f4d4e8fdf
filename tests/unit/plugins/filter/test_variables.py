"""Values of variables as texts."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.plugins.filter.variables import texts


def test_a_text_that_a_template_has_read_as_json_is_a_text_again():
    read = {"account": {"type": "service_account", "ok": True}, "list": ["a", None], "word": "swordfish", "n": 7}
    assert texts(read) == {
        "account": '{"type": "service_account", "ok": true}',
        "list": '["a", null]',
        "word": "swordfish",
        "n": 7,
    }
