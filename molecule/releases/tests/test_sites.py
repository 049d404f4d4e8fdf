"""Two sites on one machine: each has its own files, units and user, and changes of one do not touch the other."""

from __future__ import annotations

import pytest
from deploys import Load, deploy, eventually, get, is_refused, machine, play, refused, version

SHOP_URL, BLOG_URL = "http://127.0.0.1:15060/", "http://127.0.0.1:15061/"
BLOG = {
    "webserver_name": "blog",
    "webserver_port": 8080,
    "webserver_env": {"SHOP_NAME": "{{ webserver_name }} on {{ webserver_port }}"},
    "webserver_secrets": {"SHOP_KEY": "of the blog"},
}
SITES = [{"webserver_name": "webserver"}, BLOG]


def processes() -> list[str]:
    return machine("systemctl show webserver.service blog.service --property=MainPID --value").split()


@pytest.fixture(autouse=True, scope="module")
def two_sites():
    """The last site is served already, so what the run says of the first one must not depend on the last one."""
    assert "Flask changed in /opt/blog/environments/" in deploy(webserver_sites=SITES[::-1]).text


def test_each_site_is_served_with_its_own_values_and_a_second_run_changes_nothing():
    assert (get(url=SHOP_URL), get(url=BLOG_URL)) == ("shop 1\n", "shop 1\n")
    assert get("about", BLOG_URL) == "<p>blog on 8080</p>"
    assert get("about", SHOP_URL).startswith("<p>Corner")
    before = processes()
    assert deploy(webserver_sites=SITES).changed == 0
    assert processes() == before


def test_a_site_cannot_read_the_files_of_the_other():
    users = machine("systemctl show webserver.service blog.service --property=User --value").split()
    assert users == ["webserver", "blog"]
    for path in ("/opt/webserver/current/app/shop/web.py", "/etc/webserver/credentials/SHOP_KEY"):
        assert machine(f"test -e {path} && su blog -s /bin/sh -c 'cat {path}' 2>&1").endswith("Permission denied")


def test_playbooks_work_for_all_sites_or_for_one():
    run = play("playbooks/status.yml", webserver_sites=SITES)
    assert run.rc == 0, run.stdout
    assert "unit: webserver.service is active" in run.text
    assert "unit: blog.service is active" in run.text
    one = play("playbooks/verify.yml", webserver_sites=SITES, webserver_name="blog")
    assert one.rc == 0, one.stdout
    assert "blog.service is active" in one.text
    assert "webserver.service" not in one.text
    diagnosis = play("playbooks/diagnose.yml", "-e", "diagnosis_html= diagnosis_json=", webserver_sites=SITES)
    assert diagnosis.text.count("The site can be reached.") == 2, diagnosis.stdout


def under_load(sites):
    """Deploy the sites, and roll back the blog. Returns the result of the blog's clients during that time."""
    with Load(BLOG_URL, ["shop 1", "shop 2"], requests_per_second=100, seconds=600) as load:
        deploy(webserver_sites=sites)
        assert get(url=BLOG_URL) == "shop 2\n"
        back = play("playbooks/rollback.yml", webserver_sites=sites, webserver_name="blog")
        assert back.rc == 0, back.stdout
        assert get(url=BLOG_URL) == "shop 1\n"
    return load.result


def test_a_deploy_and_a_rollback_of_one_site_do_not_touch_the_other(tmp_path):
    shop, _blog = processes()
    new = [SITES[0], {**BLOG, "webserver_app_src": version(tmp_path, "2")}]
    with Load(SHOP_URL, ["shop 1"], requests_per_second=100, seconds=600) as at_shop:
        at_blog = under_load(new)
    assert (at_shop.result.failed, at_blog.failed) == (0, 0), (at_shop.result, at_blog)
    assert processes()[0] == shop


@pytest.mark.parametrize(
    ("sites", "said"),
    [
        # The tests of the lookup cover the errors that need no machine.
        (
            [SITES[0], {**BLOG, "webserver_port": 5000}],
            "the sites webserver and blog have the same webserver_port: 5000",
        ),
        ([SITES[0], {**BLOG, "webserver_name": "sshd"}], "webserver_name: this role did not write"),
    ],
)
def test_impossible_sites_are_refused(sites, said):
    before = processes()
    assert said in refused(webserver_sites=sites).text
    assert processes() == before


def test_removing_one_site_leaves_its_data_and_the_other_one_s_processes():
    shop, _blog = processes()
    assert machine("blog id -un") == "blog"
    machine("touch /var/lib/blog/notes.db")
    with Load(SHOP_URL, ["shop 1"], requests_per_second=100, seconds=300) as load:
        removed = play("playbooks/teardown.yml", webserver_sites=SITES, webserver_name="blog")
        assert removed.rc == 0, removed.stdout
    assert load.result.failed == 0, load.result
    assert processes()[0] == shop
    assert eventually(lambda: is_refused(BLOG_URL))
    assert "The application's data in /var/lib/blog stay, with the user blog" in removed.text
    assert machine("ls -l /var/lib/blog").endswith(" notes.db")
    assert machine("stat -c %U /var/lib/blog") == "blog"
    again = play("playbooks/teardown.yml", webserver_sites=SITES, webserver_name="blog", webserver_remove_data=True)
    assert again.rc == 0, again.stdout
    gone = "/opt/blog /etc/blog /run/blog /var/lib/blog /etc/systemd/system/blog* /usr/sbin/blog"
    assert machine(f"ls -d {gone} 2>/dev/null; id -u blog 2>/dev/null") == ""
    assert machine("ls -d /opt/webserver /etc/webserver/credentials").count("\n") == 1
    assert machine("id -u flasklaunch-pip") != "", "shop still needs it"
