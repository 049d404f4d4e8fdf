"""Each step of the webserver role is done for each site, with the values of this site."""

from __future__ import annotations

from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, read

TASKS = ROLES / "webserver" / "tasks"


def test_each_variable_of_the_role_gets_the_value_of_the_site():
    _taken, include = read(TASKS / "each.yml")
    names = read(ROLES / "webserver" / "defaults" / "main.yml").keys() - {"webserver_sites"}
    assert include["vars"] == {name: f"{{{{ __webserver_site.{name} }}}}" for name in names}


def test_no_secret_of_a_site_is_printed():
    """Ansible prints the items of a loop, and with -v the facts that are set."""
    *_others, loop = read(TASKS / "sites.yml")
    assert "map(attribute='webserver_name')" in loop["loop"]
    taken, _include = read(TASKS / "each.yml")
    assert taken["no_log"] is True


def test_each_entry_point_checks_the_variables_and_does_its_step_for_each_site():
    entries = read(ROLES / "webserver" / "meta" / "argument_specs.yml")["argument_specs"]
    for entry in entries.keys() - {"check"}:
        check, sites = read(TASKS / f"{entry}.yml")
        assert check["ansible.builtin.import_tasks"] == ("check.yml" if entry == "main" else "variables.yml")
        assert sites["ansible.builtin.import_tasks"] == "sites.yml"
        step = sites["vars"]["__webserver_step"]
        assert step == ("deploy" if entry == "main" else entry)
        assert (TASKS / "site" / f"{step}.yml").is_file()
