"""One call over the wire: address, credentials, encoding, what comes back."""

import gzip
import logging

import pytest
import requests
from helpers import Clock, calls, make_client, run_action

from sandbox.slack import Fault
from sandbox.slack.state import rotation
from st2slack import action
from st2slack.base.errors import (
    InputError,
    ResultTooLarge,
    SettingsError,
    SlackApiError,
    UnexpectedResponse,
)

GENERAL = "C0GENERAL01"


# --- address and credentials --------------------------------------------------------------------


def test_a_message_arrives_as_it_was_written(slack, config):
    text = 'grüß 🎉 & <b> "q" \n\t +%=;'
    answer = run_action(config, "chat.postMessage", channel=GENERAL, text=text, thread_ts=None)
    (request,) = calls(slack, "chat.postMessage")
    assert dict(request.form) == {"channel": GENERAL, "text": text}
    assert request.verb == "POST" and request.query == []
    assert request.headers["Authorization"] == "Bearer " + slack.bot_token
    assert answer["ok"] is True and answer["message"]["text"] == text


@pytest.mark.parametrize(
    "method, key, arguments",
    [
        ("chat.postMessage", "bot_token", {"channel": GENERAL, "text": "x"}),
        ("users.identity", "user_token", {}),
        ("apps.manifest.export", "config_token", {"app_id": "A0123456789"}),
        ("apps.connections.open", "app_token", {}),
    ],
)
def test_each_method_goes_with_the_token_of_its_kind(slack, config, method, key, arguments):
    run_action(config, method, **arguments)
    (request,) = calls(slack, method)
    assert request.headers["Authorization"] == "Bearer " + getattr(slack, key)


def test_a_given_token_comes_first(slack, config):
    run_action(config, "auth.test", token=slack.user_token)
    assert slack.requests[0].headers["Authorization"] == "Bearer " + slack.user_token
    assert "token" not in slack.requests[0].args


def test_without_a_token_nothing_is_sent_and_the_key_is_named(slack):
    config = {"api_url": slack.api_url}
    for method, key in (
        ("chat.postMessage", "`action_token`"),
        ("users.identity", "`user_token`"),
        ("apps.manifest.export", "`config_token`"),
        ("apps.connections.open", "`sensor.app_token`"),
    ):
        with pytest.raises(SettingsError, match=key):
            run_action(config, method)
    assert slack.requests == []


def test_methods_that_take_no_token_need_none(slack):
    config = {"api_url": slack.api_url}
    assert run_action(config, "api.test", foo="bar")["args"] == {"foo": "bar"}
    assert "Authorization" not in slack.requests[0].headers


def test_a_token_is_not_sent_to_a_method_that_takes_none(slack, config):
    run_action(config, "api.test")
    assert "Authorization" not in slack.requests[0].headers


def test_oauth_exchanges_identify_the_app_by_basic_auth(slack, config):
    run_action(config, "oauth.v2.access", client_id="1.2", client_secret="s3cret", code="c0de")
    (request,) = slack.requests
    assert request.headers["Authorization"].startswith("Basic ")
    assert dict(request.form) == {"code": "c0de"}


def test_pkce_sends_the_client_id_alone(slack, config):
    run_action(config, "oauth.v2.access", client_id="1.2", code="c0de", code_verifier="v" * 43)
    assert slack.requests[0].args["client_id"] == "1.2"
    assert "Authorization" not in slack.requests[0].headers


def test_netrc_does_not_replace_the_token(slack, config, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    # What is guarded against does happen with a header of ours:
    requests.post(slack.api_url + "auth.test", headers={"Authorization": "Bearer x"}, timeout=60)
    assert slack.requests[0].headers["Authorization"].startswith("Basic ")
    run_action(config, "auth.test")
    assert slack.requests[1].headers["Authorization"] == "Bearer " + slack.bot_token
    run_action(config, "api.test")
    assert "Authorization" not in slack.requests[2].headers


@pytest.mark.parametrize(
    "end_point",
    [
        "../evil",
        "chat.postMessage?x=1",
        "//evil.example/x",
        "http://evil.example/",
        "a/b",
        "chat..x",
        "",
        ".x",
        "chat.",
        "chat.post Message",
        "chat.postMessage\n",
        "x@evil.example",
        "chat%2fx",
    ],
)
def test_an_end_point_that_is_no_method_name_sends_nothing(slack, config, end_point):
    with pytest.raises(InputError, match="end_point"):
        run_action(config, end_point)
    assert slack.connections == 0


def test_a_method_of_tomorrow_is_called_with_the_careful_defaults(slack, config):
    with pytest.raises(SlackApiError, match="unknown_method"):
        run_action(config, "brandNew.method", fields="theirs", all_pages="theirs")
    (request,) = slack.requests
    # Names of ours that mean nothing there are arguments of the method.
    assert dict(request.form) == {"fields": "theirs", "all_pages": "theirs"}


def test_redirects_are_not_followed(slack, config):
    slack.faults.append(Fault.redirect(slack.url + "api/auth.test?stolen=1", times=None))
    with pytest.raises(UnexpectedResponse, match="redirected .HTTP 302. to 127.0.0.1"):
        run_action(config, "chat.postMessage", channel=GENERAL, text="x")
    assert len(slack.requests) == 1


# --- how it is sent -----------------------------------------------------------------------------


def test_get_puts_the_arguments_into_the_query(slack, config):
    run_action(config, "conversations.list", http_method="GET", limit=2, exclude_archived=True)
    (request,) = slack.requests
    assert request.verb == "GET"
    assert dict(request.query) == {"limit": "2", "exclude_archived": "true"}
    assert request.headers["Authorization"] == "Bearer " + slack.bot_token


def test_credentials_go_by_post_whatever_is_asked(slack, config):
    for method, arguments in (
        ("oauth.v2.access", {"client_id": "1.2", "client_secret": "s3", "code": "c"}),
        ("tooling.tokens.rotate", {"refresh_token": rotation.OF_CONFIG}),
    ):
        run_action(config, method, http_method="GET", **arguments)
    assert [each.verb for each in slack.requests] == ["POST", "POST"]
    assert all(each.query == [] for each in slack.requests)


@pytest.mark.parametrize("verb", ["PUT", "post", "DELETE"])
def test_other_verbs_are_refused(slack, config, verb):
    with pytest.raises(InputError, match="http_method"):
        run_action(config, "api.test", http_method=verb)
    assert slack.requests == []


def test_structured_arguments_go_as_json_text(slack, config):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "ü"}}]
    run_action(config, "chat.postMessage", channel=GENERAL, blocks=blocks, mrkdwn=False)
    form = dict(slack.requests[0].form)
    assert form["blocks"] == '[{"type":"section","text":{"type":"mrkdwn","text":"ü"}}]'
    assert form["mrkdwn"] == "false"


def test_files_are_sent_from_a_path_on_the_runner(slack, config, tmp_path):
    picture = tmp_path / "ich ü.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\ndata")
    run_action(config, "users.setPhoto", image=str(picture), crop_x=3)
    (request,) = slack.requests
    assert request.files["image"][1] == b"\x89PNG\r\n\x1a\ndata"
    assert dict(request.form) == {"crop_x": "3"}


def test_a_path_that_cannot_be_read_is_named_and_nothing_sent(slack, config, tmp_path):
    for path in (tmp_path / "nothing.png", tmp_path):
        with pytest.raises(InputError, match="`image` must be the path"):
            run_action(config, "users.setPhoto", image=str(path))
    assert slack.requests == []


def test_names_inside_the_action_do_not_collide_with_arguments(slack, config):
    odd = dict.fromkeys(("self", "method", "files", "http", "parameters", "settings"), "x")
    with pytest.raises(SlackApiError):
        run_action(config, "no.such", **odd)
    assert dict(slack.requests[0].form) == odd


# --- workspaces and Enterprise Grid -------------------------------------------------------------


def test_a_workspace_is_called_with_its_own_token_and_team(slack, config):
    other = {"name": "emea", "action_token": slack.bot_token, "team_id": "T0EMEA"}
    config.update(action_token="xoxb-other", workspaces=[other])
    run_action(config, "conversations.list", workspace="emea")
    (request,) = slack.requests
    assert request.headers["Authorization"] == "Bearer " + slack.bot_token
    assert request.args["team_id"] == "T0EMEA"


def test_the_configured_team_fills_the_argument(slack, config):
    config["team_id"] = "T0CONFIG"
    run_action(config, "conversations.list")
    run_action(config, "conversations.list", team_id="T0GIVEN")
    run_action(config, "chat.postMessage", channel=GENERAL, text="x")
    teams = [each.args.get("team_id") for each in slack.requests]
    assert teams == ["T0CONFIG", "T0GIVEN", None]


def test_the_team_is_not_filled_in_where_none_means_something(slack, config):
    config["team_id"] = "T0CONFIG"
    run_action(config, "admin.apps.approve", app_id="A1", enterprise_id="E1")
    assert "team_id" not in slack.requests[0].args


# --- what comes back ----------------------------------------------------------------------------


def test_ignored_errors_are_answers(slack, config):
    done = {"channel": GENERAL, "name": "eyes"}
    done["timestamp"] = run_action(config, "chat.postMessage", channel=GENERAL, text="x")["ts"]
    run_action(config, "reactions.add", **done)
    with pytest.raises(SlackApiError, match="already_reacted") as caught:
        run_action(config, "reactions.add", **done)
    assert caught.value.code == "already_reacted" and caught.value.answer["ok"] is False
    answer = run_action(config, "reactions.add", ignore_errors=["already_reacted"], **done)
    assert answer == {"ok": False, "error": "already_reacted"}
    with pytest.raises(SlackApiError):
        run_action(config, "reactions.add", ignore_errors=["no_reaction"], **done)


def test_a_missing_scope_names_both_sides(slack, config):
    slack.faults.append(Fault.refuse("missing_scope", needed="chat:write", provided="users:read"))
    with pytest.raises(SlackApiError, match="needed scope: chat:write, the token has: users:read"):
        run_action(config, "chat.postMessage", channel=GENERAL, text="x")


def test_a_wrong_kind_of_token_names_the_key(slack, config):
    with pytest.raises(SlackApiError, match="not_allowed_token_type.*`user_token`"):
        run_action(config, "users.identity", token=slack.bot_token)


def test_a_retired_method_names_its_replacement(slack, config):
    with pytest.raises(SlackApiError, match="Use slack.conversations.list"):
        run_action(config, "channels.list")


def test_an_answer_that_stackstorm_cannot_store_fails_with_advice(slack, config):
    body = '{"ok": true, "text": "%s"}' % ("x" * 16 * 1024 * 1024)
    slack.faults.append(Fault.status(200, body, "application/json"))
    with pytest.raises(ResultTooLarge, match="16 MB"):
        run_action(config, "auth.test")


@pytest.mark.parametrize("body", ["[]", '"ok"', "null", "5", "true"])
def test_json_that_is_no_object_is_no_answer(slack, config, body):
    slack.faults.append(Fault.status(200, body, "application/json"))
    with pytest.raises(Exception, match="a body that is not JSON|not JSON") as caught:
        run_action(config, "chat.postMessage", channel=GENERAL, text="x")
    assert "HTTP 200" in str(caught.value)


# --- pages --------------------------------------------------------------------------------------


def test_all_pages_come_over_one_connection(slack, config):
    for number in range(45):
        run_action(config, "conversations.create", name="channel-%02d" % number)
    before, connections = len(slack.requests), slack.connections
    answer = run_action(
        config, "conversations.list", all_pages=True, limit=10, max_items=None, fields=["name"]
    )
    assert len(slack.requests) - before >= 5
    assert slack.connections - connections == 1
    names = [each["name"] for each in answer["channels"]]
    assert len(names) == len(set(names)) >= 45
    assert answer["response_metadata"]["next_cursor"] == ""
    assert all(set(each) == {"name"} for each in answer["channels"])


def test_a_rate_limit_between_pages_is_obeyed(slack, config):
    slack.faults.append(Fault.rate_limited(0, after=1))
    answer = run_action(config, "conversations.list", all_pages=True, limit=2)
    assert len(answer["channels"]) >= 4


def test_one_page_is_the_default(slack, config):
    answer = run_action(config, "conversations.list", limit=2, fields=["id"], all_pages=False)
    assert len(answer["channels"]) == 2 and set(answer["channels"][0]) == {"id"}
    assert len(slack.requests) == 1


def test_progress_shows_in_the_live_output(slack, config, capsys, monkeypatch):
    from st2slack import action

    monkeypatch.setattr(action, "PROGRESS_EVERY", 0.0)
    run_action(config, "conversations.list", all_pages=True, limit=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "conversations.list: 2 items after 1 page"
    assert len(lines) == len(slack.requests)


# --- the file of admin.analytics.getFile --------------------------------------------------------


def get_file(config, path, **more):
    return run_action(
        config,
        "admin.analytics.getFile",
        type="member",
        date="2026-11-01",
        save_to=None if path is None else str(path),
        **more,
    )


def test_a_file_answer_is_saved(slack, config, tmp_path):
    path = tmp_path / "members.json.gz"
    answer = get_file(config, path)
    assert answer == {"ok": True, "path": str(path), "size": path.stat().st_size}
    assert gzip.decompress(path.read_bytes())
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_never_overwritten_unless_told(slack, config, tmp_path):
    path = tmp_path / "members.json.gz"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="exists"):
        get_file(config, path)
    assert path.read_text(encoding="utf-8") == "mine" and slack.requests == []
    get_file(config, path, overwrite=True)
    assert path.read_bytes()[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("name", [None, "", ".", "no/such/folder/x.gz"])
def test_a_place_that_cannot_be_written_is_refused_before_the_call(slack, config, tmp_path, name):
    with pytest.raises(InputError, match="`save_to`"):
        get_file(config, tmp_path / name if name else name)
    assert slack.requests == []


def test_a_refused_file_is_a_refusal(slack, config, tmp_path):
    slack.faults.append(Fault.refuse("file_not_found"))
    with pytest.raises(SlackApiError, match="file_not_found"):
        get_file(config, tmp_path / "x.gz")
    assert list(tmp_path.iterdir()) == []


def test_ignored_errors_are_answers_of_a_file_too(slack, config, tmp_path):
    slack.faults.append(Fault.refuse("file_not_found"))
    answer = get_file(config, tmp_path / "x.gz", ignore_errors=["file_not_found"])
    assert answer == {"ok": False, "error": "file_not_found"}
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_breaks_off_leaves_nothing(slack, config, tmp_path):
    config["max_wait"] = 1
    slack.faults.append(Fault.cut_midway(times=None))
    with pytest.raises(Exception, match="broke off.*Nothing was kept"):
        get_file(config, tmp_path / "x.gz")
    assert list(tmp_path.iterdir()) == []


# --- the end of the action's own time -----------------------------------------------------------


def test_a_wait_is_not_begun_past_the_end_of_the_action(slack, config):
    slack.faults.append(Fault.rate_limited(30, times=None))
    clock = Clock()
    client = make_client(config, clock, time_left=lambda: 20.0)
    with pytest.raises(SlackApiError, match="asked to wait 30 s"):
        client.call("auth.test")
    assert clock.slept == [] and len(slack.requests) == 1


def test_the_actions_own_time_is_asked_only_before_a_wait(slack, config):
    asked = []
    client = make_client(config, time_left=lambda: asked.append(1))
    client.call("auth.test")
    assert asked == []


def test_debug_logging_of_everything_shows_no_secret(slack, config, caplog):
    caplog.set_level(logging.DEBUG)
    run_action(config, "auth.test")
    run_action(config, "oauth.v2.access", client_id="1.2", client_secret="s3cret", code="c0de")
    assert caplog.records  # urllib3 does log
    for secret in (slack.bot_token, "s3cret", "c0de"):
        assert secret not in caplog.text


def test_a_list_that_was_weighed_page_by_page_is_not_refused_as_a_whole(monkeypatch, slack, config):
    monkeypatch.setattr(action, "RESULT_LIMIT", 10)
    answer = run_action(config, "users.list", http_method="GET", all_pages=True)
    assert answer["members"]
    with pytest.raises(ResultTooLarge):
        run_action(config, "users.list", http_method="GET")
