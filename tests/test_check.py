"""slack.check: each credential is tried over the wire; what is wrong is named, and what to do."""

import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import check
import pytest
import yaml
from helpers import make_client
from test_faults import Proxy, free_port
from test_secrets import CANARY, Everything

from sandbox.cli import commands
from sandbox.slack import Fault, LoopbackSlack
from sandbox.slack.state.tokens import Token
from sandbox.stackstorm import package_path as stackstorm_path
from sandbox.stackstorm.config import complete
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import SettingsError
from st2slack.diagnostics import check as checkup
from st2slack.diagnostics import report_rows, token_kinds
from st2slack.diagnostics.connection import proxy_of
from st2slack.diagnostics.features import FEATURES
from st2slack.diagnostics.probes import How, Seen
from st2slack.messages import webhook
from st2slack.settings import config_keys
from st2slack.settings.slack import credentials, read_route, read_settings
from st2slack.settings.token_form import find_token_fault
from st2slack.stackstorm.client import StackStorm

ROOT = Path(__file__).resolve().parents[1]
READ_ONLY = "xoxb-loopback-readonly"


@pytest.fixture
def whole(slack, config):
    """A config with a credential in every place."""
    entry = {
        "name": "emea",
        "action_token": slack.bot_token,
        "user_token": slack.user_token,
        "config_token": slack.config_token,
        "app_token": slack.app_token,
        "post_message_action": {"webhook_url": slack.webhook_url},
    }
    return dict(
        config,
        post_message_action={"webhook_url": slack.webhook_url},
        admin={"admin_token": slack.user_token},
        workspaces=[entry],
    )


def look(config, workspace=None, **how):
    return checkup.look(config, workspace, How(**how))


def found(config, what, workspace="", **how):
    """The rows about one thing."""
    return [row for row in look(config, **how) if (row.what, row.workspace) == (what, workspace)]


def states(found_rows):
    return [row.state for row in found_rows]


def only_bot(config, **more):
    return {"api_url": config["api_url"], "action_token": config["action_token"], **more}


# --- all is well --------------------------------------------------------------------------------


def test_every_credential_is_tried(slack, whole):
    found_rows = look(whole, post=True)
    assert "failed" not in states(found_rows), found_rows
    tried = {(row.workspace, row.what) for row in found_rows}
    for workspace, prefix in (("", ""), ("emea", "workspaces[emea].")):
        for key in ("action_token", "user_token", "config_token"):
            assert (workspace, prefix + key) in tried
        assert (workspace, prefix + "post_message_action.webhook_url") in tried
    assert ("", "sensor.app_token") in tried and ("emea", "workspaces[emea].app_token") in tried
    assert ("", "admin.admin_token") in tried
    assert {each.place for each in credentials(whole)} <= {what for _, what in tried}


def test_who_the_token_is_and_what_it_may(slack, config):
    (row,) = found(only_bot(config), "action_token")
    assert row.means.startswith("Bot token of harbourbot in Harbour Works (T0123456789). Scopes: ")
    slack.tokens[READ_ONLY] = replace(slack.tokens[READ_ONLY], scopes=("chat:write",))
    (row,) = found(only_bot(config, action_token=READ_ONLY), "action_token")
    assert row.means.endswith("Scopes: 1.")


def test_nothing_is_posted_unless_it_is_asked_for(slack, whole):
    before = len(slack.workspace.channels["C0DEPLOYS01"].messages)
    look(whole)
    assert not [each for each in slack.requests if each.path.startswith("/services/")]
    look(whole, post=True)
    messages = slack.workspace.channels["C0DEPLOYS01"].messages
    assert len(messages) == before + 2 and "can post here" in messages[-1]["text"]


def test_only_methods_that_change_nothing_are_called(slack, whole):
    look(whole)
    called = {each.method for each in slack.requests if each.method}
    assert called == {"api.test", "auth.test", "apps.manifest.validate", "apps.connections.open"}


def test_one_workspace_can_be_checked_alone(slack, whole):
    assert {row.workspace for row in look(whole, "emea")} == {"emea"}
    (row,) = look(whole, "apac")
    assert row.state == "failed" and "Configured there: emea" in row.means


# --- scopes -------------------------------------------------------------------------------------


def test_each_feature_that_lacks_a_scope_is_named_with_the_scope(slack, config):
    slack.tokens[READ_ONLY] = replace(slack.tokens[READ_ONLY], scopes=("chat:write", "users:read"))
    found_rows = look(only_bot(config, action_token=READ_ONLY))
    lacking = {row.what: row for row in found_rows if row.what.startswith("feature: ")}
    assert set(states(lacking.values())) == {"warning"}
    assert "lacks files:write, files:read." in lacking["feature: files"].means
    assert "users:read.email" in lacking["feature: find people and groups"].means
    assert "users:read," not in lacking["feature: find people and groups"].means
    assert all("install the app again" in row.to_do for row in lacking.values())
    assert "feature: trigger slack.command" not in lacking, "no sensor is configured"
    assert report_rows.result_of(found_rows)["ok"] is True


def test_the_sensors_scopes_count_where_there_is_a_sensor(slack, config):
    slack.tokens[READ_ONLY] = replace(slack.tokens[READ_ONLY], scopes=("chat:write",))
    config = only_bot(config, action_token=READ_ONLY, sensor={"app_token": slack.app_token})
    what = {row.what for row in look(config)}
    assert {"feature: %s" % each.title for each in FEATURES if each.sensor} <= what


def test_all_scopes_are_one_row(config):
    (row,) = [row for row in look(config) if row.what.startswith("feature")]
    assert (row.state, row.what) == ("ok", "features, %d of %d" % (len(FEATURES), len(FEATURES)))


def test_where_slack_does_not_tell_the_scopes_they_are_unknown(slack, config):
    slack.faults.append(
        Fault.status(200, '{"ok": true, "team": "T"}', "application/json", method="auth.test")
    )
    found_rows = look(only_bot(config))
    (row,) = [row for row in found_rows if row.what == "features"]
    assert row.state == "warning" and "unknown" in row.means


def test_scopes_stand_in_the_header_of_every_answer(slack, config):
    """Refusals too, as with Slack."""
    seen = Seen()
    client = make_client(only_bot(config, action_token=READ_ONLY), on_response=seen)
    assert seen.scopes() is None
    client.call("chat.postMessage", {"channel": "C", "text": "x"}, ignore_errors="missing_scope")
    assert seen.scopes() == ["channels:read", "channels:history", "users:read"]


# --- tokens that are wrong ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "key, token, kind, place",
    [
        ("action_token", "xapp-1-x", "app level token", "sensor.app_token"),
        ("action_token", "xoxe-1-x", "refresh token", "slack.refresh_token"),
        ("action_token", "xoxc-1-x", "browser", "does not document"),
        ("action_token", "xoxd-x", "browser", "make a token on the app's page"),
        ("user_token", "xoxb-1-x", "bot token", "action_token"),
        ("user_token", "xoxe.xoxb-1-x", "bot token", "action_token"),
        ("config_token", "xoxp-1-x", "user token", "user_token"),
        ("sensor.app_token", "xoxb-1-x", "bot token", "action_token"),
        ("sensor.token", "xapp-1-x", "app level token", "sensor.app_token"),
        ("admin.admin_token", "xoxb-1-x", "bot token", "action_token"),
    ],
)
def test_a_token_in_the_wrong_place_is_said(slack, config, key, token, kind, place):
    section, _, name = key.rpartition(".")
    wrong = only_bot(config)
    wrong[section or name] = {name: token} if section else token
    (row,) = found(wrong, key)
    assert row.state == "failed" and kind in row.means and place in row.to_do
    assert token not in row.means + row.to_do


def test_a_user_token_may_be_the_action_token(slack, config):
    found_rows = look(only_bot(config, action_token=slack.user_token))
    assert "failed" not in states(found_rows)
    assert not [row for row in found_rows if row.what.startswith("feature")], "bots' scopes"


def test_every_kind_has_its_place():
    assert set(token_kinds._RIGHT_PLACE) == {kind for _, kind in token_kinds._BEGINNINGS}
    assert token_kinds.kind_of("xyz") == token_kinds.UNKNOWN and token_kinds.misplaced(
        "xyz", "bot"
    ) == ("", "")


@pytest.mark.parametrize(
    "token, code, to_do",
    [
        ("xoxb-loopback-revoked", "token_revoked", "Put a good token into action_token"),
        ("xoxb-loopback-expired", "token_expired", "slack.refresh_token"),
        ("xoxb-loopback-inactive", "account_inactive", "Put a good token"),
        ("xoxb-nobody", "invalid_auth", "Put a good token"),
    ],
)
def test_a_token_that_slack_refuses(config, token, code, to_do):
    (row,) = found(only_bot(config, action_token=token), "action_token")
    assert row.state == "failed" and code in row.means and to_do in row.to_do


@pytest.mark.parametrize("text", ["{{ st2kv.system.x }}", "xoxb-a b", 7])
def test_a_value_that_is_no_token_stops_no_other_check(slack, config, text):
    found_rows = look(dict(config, user_token=text))
    (bad,) = [row for row in found_rows if row.what == "user_token"]
    assert bad.state == "failed" and "user_token" in bad.means
    (good,) = [row for row in found_rows if row.what == "action_token"]
    assert good.state == "ok"


def test_a_workspace_that_is_wrong_stops_no_other(slack, whole):
    whole["workspaces"].append({"name": "apac", "action_token": "xoxb-x", "api_url": "http://a.b/"})
    found_rows = look(whole)
    (row,) = [row for row in found_rows if row.workspace == "apac"]
    assert row.state == "failed" and "api_url" in row.means
    assert "failed" not in states(row for row in found_rows if row.workspace != "apac")


@pytest.mark.parametrize(
    "config", [{}, {"workspaces": []}, {"sensor": {"token": ""}}, {"workspaces": [{"name": "a"}]}]
)
def test_a_config_without_any_credential(config):
    found_rows = look(config)
    assert "failed" in states(found_rows)
    assert "action_token" in found_rows[0].to_do


@pytest.mark.parametrize("config", [{"workspaces": "a"}, {"sensor": 3}, {"workspaces": [{}]}])
def test_a_config_of_the_wrong_form(config):
    (row,) = look(config)
    assert (row.what, row.state) == ("config", "failed")


def test_the_team_is_compared_with_the_config(config):
    told = found(only_bot(config, team_id="T0OTHER"), "action_token")
    assert states(told) == ["ok", "warning"] and "T0OTHER" in told[1].means
    assert states(found(only_bot(config, team_id="T0123456789"), "action_token")) == ["ok"]


# --- tokens that expire -------------------------------------------------------------------------


def test_a_token_that_expires_wants_somebody_who_renews_it(slack, config):
    token = "xoxe.xoxb-loopback-1"
    slack.tokens[token] = slack.tokens[slack.bot_token]
    expiring = only_bot(config, action_token=token)
    told = found(expiring, "action_token")
    assert states(told) == ["ok", "warning"] and "`rotation.client_id`" in told[1].means
    expiring.update(action_token_key="a", rotation={"client_id": "1.2", "client_secret": "s" * 9})
    expiring["rotation"]["refresh_token_key"] = "b"
    told = found(expiring, "action_token")
    assert states(told) == ["ok", "ok"] and "slack.refresh_token can renew it" in told[1].means


def test_when_it_expires_is_told(slack, config):
    answer = {"ok": True, "user": "u", "team": "t", "team_id": "T1", "expires_in": 5400}
    slack.faults.append(
        Fault.status(200, json.dumps(answer), "application/json", method="auth.test")
    )
    told = found(only_bot(config), "action_token")
    assert "It expires in 1.5 hours." in told[1].means


# --- Socket Mode and RTM ------------------------------------------------------------------------


def test_socket_mode_is_opened_and_left(slack, config):
    (row,) = found(config, "sensor.app_token")
    assert row.state == "ok" and "said hello" in row.means
    assert slack.socket.wait_for(lambda: not slack.socket.connections, 5), "it has left"


def test_no_connection_where_none_is_wanted(slack, config):
    (row,) = found(config, "sensor.app_token", connect=False)
    assert row.state == "ok" and "not connected" in row.means
    assert not [each for each in slack.requests if each.path == "/link/"]


def silent_server():
    """A WebSocket that stands and says nothing, or something else than hello."""
    from websockets.sync.server import serve

    said = []
    server = serve(lambda connection: [connection.send(each) for each in said], "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, said, "ws://127.0.0.1:%d/" % server.socket.getsockname()[1]


@pytest.mark.parametrize(
    "frame, part",
    [
        ({"type": "disconnect", "reason": "link_disabled"}, "takes the connection back (link_dis"),
        ({"type": "other"}, "does not say hello"),
    ],
)
def test_a_socket_that_says_no_hello(slack, config, frame, part):
    server, said, url = silent_server()
    said.append(json.dumps(frame))
    answer = json.dumps({"ok": True, "url": url})
    slack.faults.append(
        Fault.status(200, answer, "application/json", method="apps.connections.open")
    )
    (row,) = found(config, "sensor.app_token")
    server.shutdown()
    assert row.state == "failed" and part in row.means


def test_a_socket_that_cannot_be_reached(slack, config):
    answer = json.dumps({"ok": True, "url": "ws://127.0.0.1:%d/?ticket=x" % free_port()})
    slack.faults.append(
        Fault.status(200, answer, "application/json", method="apps.connections.open")
    )
    (row,) = found(config, "sensor.app_token")
    assert row.state == "failed" and "could not be reached" in row.means


def test_an_app_token_without_its_scope(slack, config):
    slack.tokens[slack.app_token] = Token("app", scopes=("authorizations:read",))
    (row,) = found(config, "sensor.app_token")
    assert row.state == "failed" and "connections:write" in row.means


def test_a_classic_app(slack, config):
    (row,) = found(only_bot(config, sensor={"token": slack.bot_token}), "sensor.token")
    assert row.state == "ok" and "RTM" in row.means
    both = only_bot(config, sensor={"token": slack.bot_token, "app_token": slack.app_token})
    (row,) = found(both, "sensor.token")
    assert row.state == "warning" and "does not count" in row.means
    slack.rtm_allowed = False
    (row,) = found(only_bot(config, sensor={"token": slack.bot_token}), "sensor.token")
    assert row.state == "failed" and "classic apps only" in row.means


# --- webhooks -----------------------------------------------------------------------------------


def hooked(config, url):
    return only_bot(config, post_message_action={"webhook_url": url})


@pytest.mark.parametrize(
    "url, state",
    [
        ("https://hooks.slack.com/services/T1/B1/x", "ok"),
        ("https://hooks.slack-gov.com/services/T1/B1/x", "ok"),
        ("https://hooks.slack.com/x", "warning"),
        ("https://example.com/services/T1/B1/x", "warning"),
        ("http://hooks.slack.com/services/T1/B1/x", "failed"),
        ("hooks.slack.com/services/T1/B1/x", "failed"),
        ("{{ st2kv.system.hook }}", "failed"),
    ],
)
def test_the_form_of_a_webhook(slack, config, url, state):
    (row,) = found(hooked(config, url), "post_message_action.webhook_url")
    assert row.state == state and url not in row.means + row.to_do
    assert not [each for each in slack.requests if each.path.startswith("/services")]


def test_a_webhook_that_refuses(slack, config):
    slack.webhooks["/services/T0123456789/B0HARBOUR01/loopbackappsecret"].state = "no_service"
    (row,) = found(hooked(config, slack.webhook_url), "post_message_action.webhook_url", post=True)
    assert row.state == "failed" and "no_service" in row.means


# --- how Slack is reached -----------------------------------------------------------------------


def test_a_slack_that_is_not_there_is_said_once(config):
    gone = dict(config, api_url="http://127.0.0.1:%d/api/" % free_port(), max_wait=0.5)
    gone["user_token"] = "xapp-1-x"
    found_rows = look(gone)
    assert [row.what for row in found_rows] == ["connection to %s" % gone["api_url"], "user_token"]
    assert states(found_rows) == ["failed", "failed"], "what can be told without Slack is told"
    assert "network" in found_rows[0].to_do


@pytest.mark.parametrize("fault", [Fault.html(403), Fault.redirect("https://evil.example/")])
def test_somebody_else_answers(slack, config, fault):
    fault.times = None
    slack.faults.append(fault)
    (row,) = look(only_bot(config))
    assert row.state == "failed" and row.what.startswith("connection to ")


def test_a_certificate_that_does_not_verify(slack):
    with LoopbackSlack(tls="expired") as other:
        (row,) = look({"api_url": other.api_url, "action_token": other.bot_token})
    assert row.state == "failed" and "ca_bundle" in row.means


def test_the_clock_is_compared(slack, config):
    assert not found(config, "clock")
    (row,) = found(config, "clock", now=lambda: time.time() + 3600)
    assert row.state == "warning" and re.search(r"36\d\d s ahead of", row.means)
    (row,) = found(config, "clock", now=lambda: time.time() - 300)
    assert "behind" in row.means


def test_a_server_without_a_date(slack, config):
    slack.faults.append(Fault.status(200, '{"ok": true}', headers={"Date": "?"}, method="api.test"))
    assert not found(config, "clock", now=lambda: 0.0)


def test_the_proxy_is_named_without_its_password(monkeypatch):
    config = {"api_url": "https://slack.com/api/", "proxy": "http://u:%s@proxy:3128" % CANARY}
    assert proxy_of(read_route(config)) == "proxy:3128 (config key `proxy`)"
    monkeypatch.setenv("HTTPS_PROXY", "http://u:%s@other" % CANARY)
    assert proxy_of(read_route({})) == "other (environment)"
    monkeypatch.setenv("NO_PROXY", "slack.com")
    assert proxy_of(read_route({})) == proxy_of(read_route(config)) == ""
    assert proxy_of(read_route({"api_url": "http://127.0.0.1/api/", "proxy": "http://p"})) == ""


def test_a_proxy_that_refuses():
    proxy = Proxy(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    config = {"api_url": "https://slack.invalid/api/", "action_token": "xoxb-1", "max_wait": 0.5}
    (row,) = look(dict(config, proxy=proxy.url))
    proxy.close()
    assert row.state == "failed" and "proxy" in row.means and "pr0xypw" not in row.means


# --- the action ---------------------------------------------------------------------------------


def test_the_action_succeeds_and_tells(slack, config):
    done = run_action("slack.check", {}, config)
    assert done.succeeded, done.stderr
    assert done.result["ok"] is True and done.result["failed"] == 0
    assert set(done.result["checks"][0]) == {"workspace", "what", "state", "means", "to_do"}
    assert "ok       action_token" in done.stdout and done.stderr == ""


def test_the_action_fails_and_its_result_is_kept(slack, config):
    config["action_token"] = "xoxb-loopback-revoked"
    done = run_action("slack.check", {"connect": "false"}, config)
    assert done.status == "failed" and done.exit_code == 0
    assert (done.result["ok"], done.result["failed"]) == (False, 1)
    assert "action_token" in done.stderr and "token_revoked" in done.stderr
    assert "-> Put a good token into action_token." in done.stdout


def test_the_action_as_users_test_theirs(slack, config, capsys):
    ok, result = check.CheckAction(config).run()
    assert ok is True and result["ok"] is True
    assert "sensor.app_token" in capsys.readouterr().out


def test_the_action_lives_with_what_the_schema_fills_in(slack, config):
    assert run_action("slack.check", {}, complete(dict(config))).succeeded


def test_it_needs_nothing_else_on_its_path(tmp_path):
    script = (
        "import sys; sys.path.append(sys.argv[1]); import check; "
        "assert 'sandbox' not in sys.modules; print(check.CheckAction.__name__)"
    )
    folders = [str(ROOT / "actions/lib"), *stackstorm_path.folders()]
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "actions")],
        env={"PYTHONPATH": ":".join(folders)},
        cwd=str(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stdout == "CheckAction\n", done.stderr


@pytest.mark.parametrize("name", ["run", "post_message", "refresh_token"])
def test_other_actions_do_not_pay_for_it(name, tmp_path):
    script = (
        "import sys; sys.path.append(sys.argv[1]); __import__(sys.argv[2]); "
        "bad = [m for m in sys.modules if m.startswith(('st2slack.diagnostics', 'websockets'))]; "
        "assert not bad, bad"
    )
    folders = [str(ROOT / "actions/lib"), *stackstorm_path.folders()]
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "actions"), name],
        env={"PYTHONPATH": ":".join(folders)},
        cwd=str(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr


# --- secrets ------------------------------------------------------------------------------------

BOT, USER = "xoxb-%s-bot" % CANARY, "xoxp-%s-user" % CANARY
APP, CONFIG = "xapp-%s-app" % CANARY, "xoxe.xoxp-%s-config" % CANARY
EVERY = "Bearer %s %s %s %s" % (BOT, USER, APP, CONFIG)
ECHOES = {
    "nothing": None,
    "HTML": Fault.status(502, "<html>%s" % EVERY, "text/html", times=None),
    "refusal": Fault.refuse("invalid_auth", detail=EVERY, needed=EVERY, times=None),
    "code": Fault.refuse(BOT, times=None),
    "who": Fault.status(
        200, json.dumps({"ok": True, "user": EVERY, "team": EVERY}), "application/json", times=None
    ),
    "redirect": Fault.redirect("https://evil.example/" + BOT, times=None),
    "cut": Fault.cut_after_read(times=None),
}


@pytest.mark.parametrize("echo", sorted(ECHOES))
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("reached", [True, False])
def test_no_credential_comes_out(slack, whole, capfd, echo, known, reached):
    of_slack = (slack.bot_token, slack.user_token, slack.app_token, slack.config_token)
    if known:
        slack.tokens.update(zip((BOT, USER, APP, CONFIG), map(slack.tokens.get, of_slack)))
    own = {"action_token": BOT, "user_token": USER, "config_token": CONFIG, "max_wait": 0.3}
    url = slack.webhook_url.replace("loopbackappsecret", CANARY)
    own["post_message_action"] = {"webhook_url": url}
    config = dict(whole, sensor={"app_token": APP, "token": BOT}, admin={"admin_token": USER})
    config.update(own, workspaces=[dict(own, name="emea", app_token=APP)])
    if ECHOES[echo]:
        slack.faults.append(replace(ECHOES[echo], method="(?!api.test).*" if reached else None))
    with Everything(capfd) as everything:
        _, result = check.CheckAction(config).run(post=True)
    assert CANARY not in json.dumps(result) + everything.text()
    assert all(CANARY not in each.path + str(each.query) for each in slack.requests if each.method)


def test_credentials_are_not_shown_as_text(whole):
    whole["action_token"] = BOT
    assert CANARY not in repr(credentials(whole))


# --- the command --------------------------------------------------------------------------------


def write(tmp_path, config):
    path = tmp_path / "slack.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return str(path)


def test_the_command_checks_a_slack_on_loopback(capsys):
    assert commands.main(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_the_command_shows_a_table(slack, config, tmp_path, capsys):
    assert commands.main(["check", "--config", write(tmp_path, config)]) == 0
    shown = capsys.readouterr().out
    for part in ("what to do", "sensor.app_token", "All is well: 0 failed"):
        assert part in shown
    assert config["action_token"] not in shown


def test_the_command_fails_where_something_does(slack, config, tmp_path, capsys):
    path = write(tmp_path, dict(config, action_token="xoxb-loopback-revoked"))
    assert commands.main(["check", "--no-connect", "--config", path]) == 1
    shown = capsys.readouterr().out
    assert "token_revoked" in shown and "Not all is well: 1 failed" in shown
    assert not [each for each in slack.requests if each.path == "/link/"]


def test_the_command_takes_datastore_values(slack, config, tmp_path, capsys):
    path = write(tmp_path, dict(config, action_token="{{ st2kv.system.t }}"))
    assert commands.main(["check", "--config", path, "--kv", "t=" + slack.bot_token]) == 0
    assert commands.main(["check", "--config", path]) == 2
    assert "--kv t=VALUE" in capsys.readouterr().err


def test_the_command_checks_one_workspace(slack, whole, tmp_path, capsys):
    path = write(tmp_path, whole)
    assert commands.main(["check", "--config", path, "--workspace", "emea", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {row["workspace"] for row in result["checks"]} == {"emea"}


# --- what StackStorm registers without a word ---------------------------------------------------


def test_the_known_keys_are_those_of_the_schema():
    schema = yaml.safe_load((ROOT / "config.schema.yaml").read_text(encoding="utf-8"))
    assert _keys_of(schema) == config_keys.KNOWN


def _keys_of(properties):
    """The same from config.schema.yaml."""
    found = {}
    for key, schema in properties.items():
        items = schema.get("items") or {}
        below = schema.get("properties") or items.get("properties")
        found[key] = _keys_of(below) if below else None
    return found


@pytest.mark.parametrize(
    ("more", "place", "to_do"),
    [
        ({"action_tokn": "xoxb-1"}, "action_tokn", "`action_token`"),
        ({"sensor": {"app_tokn": "x"}}, "sensor.app_tokn", "`app_token`"),
        ({"chatops": {"prefx": "!"}}, "chatops.prefx", "`prefix`"),
        (
            {"authorization": [{"name": "a", "whoo": ["everyone"]}]},
            "authorization[a].whoo",
            "`who`",
        ),
        ({"ldap_usernames": [{"persn": "U1"}]}, "ldap_usernames[0].persn", "`person`"),
        ({"workspaces": [{"name": "emea", "action_tokn": "x"}]}, None, "`action_token`"),
        ({"post_message_action": {"webhok_url": "x"}}, None, "`webhook_url`"),
        ({"zzzz": 1}, "zzzz", "config.schema.yaml"),
    ],
)
def test_a_key_that_nothing_reads_fails(config, more, place, to_do):
    unknown = [row for row in look(only_bot(config, **more)) if "Nothing reads" in row.means]
    assert [(row.state, to_do in row.to_do) for row in unknown] == [("failed", True)], unknown
    assert place is None or unknown[0].what == place


def test_every_key_of_the_example_is_known():
    example = yaml.safe_load((ROOT / "slack.yaml.example").read_text(encoding="utf-8"))
    assert list(config_keys.find_unknown_keys(example)) == []


EMPTY = "does the datastore have it?"


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("action_token",), "action_token"),
        (("user_token",), "user_token"),
        (("config_token",), "config_token"),
        (("sensor", "app_token"), "sensor.app_token"),
        (("post_message_action", "webhook_url"), "post_message_action.webhook_url"),
    ],
)
def test_a_credential_without_a_value_fails(config, path, place, value):
    *sections, key = path
    given = only_bot(config)
    values = given
    for section in sections:
        values = values.setdefault(section, {})
    values[key] = value
    (row,) = [row for row in look(given) if row.what == place]
    assert row.state == "failed" and EMPTY in row.means and "st2 key list" in row.to_do


def test_what_2x_left_empty_is_not_used(config):
    given = only_bot(config, sensor={"token": ""}, admin={"admin_token": ""})
    assert {row.state for row in look(given)} <= {"ok", "warning"}
    assert not [row for row in look(given) if EMPTY in row.means]
    for missing in ({"sensor": {"token": None}}, {"admin": {"admin_token": None}}):
        assert "failed" in states(look(only_bot(config, **missing)))


def test_anything_else_without_a_value_is_a_warning(config):
    (row,) = found(only_bot(config, chatops={"prefix": None}), "chatops.prefix")
    assert row.state == "warning" and EMPTY in row.means


@pytest.mark.parametrize("other", ["user_token", "app_token"])
def test_a_config_without_a_token_for_most_actions_fails(slack, config, other):
    given = {"api_url": config["api_url"]}
    given.update(
        {"user_token": slack.user_token}
        if other == "user_token"
        else {"sensor": {"app_token": slack.app_token}}
    )
    (row,) = found(given, "action_token")
    assert row.state == "failed" and "It is not set" in row.means
    entry = {"name": "emea", **{key: value for key, value in given.items() if key != "sensor"}}
    entry.update(given.get("sensor", {}))
    (row,) = found(only_bot(config, workspaces=[entry]), "workspaces[emea].action_token", "emea")
    assert row.state == "failed"
    assert found({**given, "action_token": None}, "action_token")[0].means.endswith(EMPTY)


def test_a_webhook_alone_needs_no_token(slack, config):
    given = {"post_message_action": {"webhook_url": slack.webhook_url}}
    given["api_url"] = config["api_url"]
    assert "failed" not in states(look(given))


# The parts of a token, so that none stands here whole.
TOKEN = "xoxb-" + "12345-abcde"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"%s"' % TOKEN, "quotes"),
        ("'%s'" % TOKEN, "quotes"),
        ("`%s`" % TOKEN, "quotes"),
        ("\u201c%s\u201d" % TOKEN, "quotes"),
        ("%s\u201d" % TOKEN, "quotes"),
        ('"%s' % TOKEN, "quotes"),
        ("[%s]" % TOKEN, "brackets"),
        ("<%s>" % TOKEN, "brackets"),
        ("(%s)" % TOKEN, "brackets"),
        ('{"token": "%s"}' % TOKEN, "brackets"),
        ("SLACK_TOKEN=%s" % TOKEN, "name of a variable"),
        ("export SLACK_TOKEN='%s'" % TOKEN, "name of a variable"),
        ("token: %s" % TOKEN, "name of a variable"),
        ("Bearer %s" % TOKEN, "scheme of a header"),
        ("None", "empty value"),
        ("null", "empty value"),
        ("undefined", "empty value"),
        ("$SLACK_TOKEN", "name of a variable, not its value"),
        ("${SLACK_TOKEN}", "name of a variable, not its value"),
        ("https://hooks.slack.com/services/T0/B0/x", "post_message_action.webhook_url"),
        (TOKEN + ",", "punctuation behind the token"),
        (TOKEN + ">", "punctuation behind the token"),
        ("xoxb-your-token", "example of a token"),
        ("xoxb-\u2026", "example of a token"),
        ("xoxb-...", "example of a token"),
        ("{{ st2kv.system.slack_bot_token }}", "template"),
    ],
)
def test_a_token_that_was_copied_with_more_than_itself(config, text, told):
    for key, place in (("action_token", "action_token"), ("app_token", "sensor.app_token")):
        given = only_bot(config)
        (given if key == "action_token" else given.setdefault("sensor", {}))[key] = text
        (row,) = found(given, place)
        assert row.state == "failed" and told in row.means and place in row.means
        assert TOKEN not in row.means + row.to_do
    with pytest.raises(SettingsError, match="Config key `action_token`") as caught:
        make_client(only_bot(config, action_token=text)).call("auth.test")
    assert told in str(caught.value) and TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "text", [TOKEN, "xoxe.xoxb-1-" + "Mi0yLTEy_x=", "xapp-1-A0-1-a.b", "a1b2c3", "token", "-x-"]
)
def test_what_could_be_a_token_is_left_to_slack(text):
    assert find_token_fault(text) == ""


def test_an_action_says_that_the_value_came_out_empty(slack, config):
    for empty in (None, "", " "):
        with pytest.raises(SettingsError) as caught:
            make_client({"api_url": slack.api_url, "action_token": empty}).call("auth.test")
        assert "`action_token` is set in the config but came out empty" in str(caught.value)
        assert EMPTY in str(caught.value)
    with pytest.raises(SettingsError, match="Set `action_token` in the pack's config"):
        make_client({"api_url": slack.api_url}).call("auth.test")
    entry = {"name": "emea", "action_token": None}
    with pytest.raises(SettingsError, match="workspace 'emea' under `workspaces` is set in"):
        make_client({"api_url": slack.api_url, "workspaces": [entry]}, workspace="emea").call(
            "auth.test"
        )


def test_posting_says_that_the_webhook_came_out_empty(slack):
    given = {"api_url": slack.api_url, "post_message_action": {"webhook_url": None}}
    with pytest.raises(SettingsError, match="webhook_url` is set in the config but came out empty"):
        webhook.find_url(read_settings(given), None)


# --- what only StackStorm can tell --------------------------------------------------------------

RULES = [{"name": "all", "who": ["everyone"], "what": ["deploys.*"]}]


def off(config, st2):
    """Names of the rules that the check says are off."""
    rows = look(config, stackstorm=StackStorm(st2.client()))
    found = [row for row in rows if row.what.startswith("rule slack.")]
    assert all(row.state == "warning" and "/opt/stackstorm/overrides" in row.to_do for row in found)
    return {row.what.partition(".")[2] for row in found}


def test_rules_that_the_config_wants_and_that_are_off(config, st2):
    assert off(only_bot(config), st2) == set(), "who configures nothing wants nothing"
    assert off(dict(config, authorization=RULES), st2) == {"on_command", "post_results"}
    prefixed = dict(config, authorization=RULES, chatops={"prefix": "!st2"})
    prefixed["sensor"] = dict(config["sensor"], events=["app_mention"])
    assert off(prefixed, st2) == {"on_command", "on_prefix", "on_mention", "post_results"}
    st2.enable_rule("slack.on_command")
    assert off(dict(config, authorization=RULES), st2) == {"post_results"}


def test_a_rule_of_approvals_that_was_switched_off(config, st2):
    approvals = [{"name": "a", "who": ["everyone"], "what": ["approval:*"]}]
    given = dict(config, authorization=approvals)
    assert off(given, st2) == set(), "they are on as they come"
    st2.enable_rule("slack.sweep_questions", False)
    assert off(given, st2) == {"sweep_questions"}
    assert off(dict(config, chatops={"questions_channel": "C1"}), st2) == {"sweep_questions"}


def test_a_default_that_hides_a_datastore_key_that_is_not_there(config, st2):
    """StackStorm fills in the default of config.schema.yaml, an empty text."""
    as_registered = {"sensor": {"token": "{{ st2kv.system.slack_tokn }}"}, "admin": {}}
    st2.configs["slack"] = as_registered
    given = only_bot(config, sensor={"token": ""}, admin={"admin_token": ""})
    rows = look(given, stackstorm=StackStorm(st2.client()))
    (row,) = [row for row in rows if EMPTY in row.means]
    assert (row.what, row.state) == ("sensor.token", "failed")


def test_a_stackstorm_that_does_not_tell_is_a_warning(config, st2):
    client = st2.client()
    st2.stop()
    rows = look(only_bot(config), stackstorm=StackStorm(client, sleep=lambda seconds: None))
    (row,) = [row for row in rows if row.what == "rules"]
    assert row.state == "warning" and "st2api" in row.means


def test_the_action_asks_stackstorm(config, st2):
    st2.configs["slack"] = dict(config, authorization=RULES)
    ended = st2.ended(st2.run("slack.check", {"connect": False}))
    told = [row["what"] for row in ended["result"]["result"]["checks"]]
    assert "rule slack.on_command" in told and ended["status"] == "succeeded"
