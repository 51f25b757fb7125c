"""post_message and post_attachment: what is posted and refused; the URL stays secret."""

import json
import logging
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock
from urllib.parse import parse_qsl

import post_attachment
import post_message
import pytest
import requests
import yaml
from slack_sdk.webhook import WebhookClient
from test_faults import free_port

from sandbox.slack import Fault
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.api.request import Request
from st2slack.base.errors import (
    InputError,
    RateLimited,
    RequestNotSent,
    ResponseLost,
    SettingsError,
    SlackApiError,
    SlackError,
    UnexpectedResponse,
)
from st2slack.messages import response_url, webhook
from st2slack.settings.slack import read_settings

DEPLOYS = "C0DEPLOYS01"


@pytest.fixture
def hooked(slack):
    """The config of an operator who only posts by webhook."""
    return {"post_message_action": {"webhook_url": slack.webhook_url}, "max_wait": 5}


def say(config, message="Deployed", **given):
    return post_message.PostMessageAction(config).run(message=message, **given)


def attach(config, attachment, **given):
    return post_attachment.PostAttachmentAction(config).run(attachment=attachment, **given)


def last(slack, channel=DEPLOYS):
    return slack.workspace.channels[channel].messages[-1]


def sent(slack):
    """The message: JSON text in the form field `payload`, and nothing beside it."""
    request = slack.requests[-1]
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    (name, value), *others = request.form
    assert name == "payload" and not others
    return json.loads(value)


# --- what is posted -----------------------------------------------------------------------------


def test_a_message_is_posted_and_the_result_is_true(slack, hooked):
    assert say(hooked, "grüß 🎉 <b> & \n") is True
    assert last(slack)["text"] == "grüß 🎉 <b> & \n"
    assert sent(slack) == {"text": "grüß 🎉 <b> & \n"}


def test_an_attachment_is_posted_as_a_list_of_one(slack, hooked):
    assert attach(hooked, {"color": "good", "text": "x"}) is True
    assert sent(slack) == {"attachments": [{"color": "good", "text": "x"}]}
    assert last(slack)["attachments"][0]["text"] == "x"


GIVEN = {
    "channel": "#general",
    "username": "Deploy bot",
    "icon_emoji": ":rocket:",
    "icon_url": "https://example.com/i.png",
}


def test_what_is_given_comes_before_what_is_configured(slack, hooked):
    defaults = {"channel": "#random", "username": "default", "icon_emoji": ":eyes:"}
    hooked["post_message_action"].update(defaults)
    say(hooked)
    assert sent(slack) == dict(defaults, text="Deployed")
    say(hooked, **GIVEN)
    assert sent(slack) == dict(GIVEN, text="Deployed")


def test_empty_parameters_count_as_not_given(slack, hooked):
    hooked["post_message_action"]["username"] = "default"
    say(hooked, username="", channel=None, icon_url="", blocks=[], thread_ts="")
    assert sent(slack) == {"text": "Deployed", "username": "default"}


def test_a_legacy_webhook_honours_what_it_is_told(slack, hooked):
    say(hooked, webhook_url=slack.legacy_webhook_url, **GIVEN)
    assert last(slack, "C0GENERAL01")["username"] == "Deploy bot"


def test_an_apps_webhook_ignores_it(slack, hooked):
    say(hooked, **GIVEN)
    assert last(slack)["text"] == "Deployed" and "username" not in last(slack)


@pytest.mark.parametrize("disabled, parse", [(True, "none"), (False, None), (None, None)])
def test_formatting_can_be_switched_off(slack, hooked, disabled, parse):
    say(hooked, disable_formatting=disabled)
    assert sent(slack).get("parse") == parse


def test_threads_and_blocks(slack, hooked):
    parent = slack.workspace.channels[DEPLOYS].messages[0]["ts"]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*x*"}}]
    say(hooked, thread_ts=parent, blocks=blocks)
    assert last(slack)["thread_ts"] == parent
    assert sent(slack)["blocks"] == blocks


def test_a_config_without_a_webhook_works_when_one_is_given(slack):
    assert say({}, webhook_url=slack.webhook_url) is True
    assert say({"post_message_action": {"channel": "#x"}}, webhook_url=slack.webhook_url) is True


def test_a_workspace_has_a_webhook_of_its_own(slack, hooked):
    hooked["post_message_action"]["webhook_url"] = "https://hooks.slack.invalid/services/x"
    entry = {"webhook_url": slack.webhook_url, "username": "emea"}
    hooked["workspaces"] = [{"name": "emea", "post_message_action": entry}]
    assert say(hooked, workspace="emea") is True
    assert sent(slack) == {"text": "Deployed", "username": "emea"}


def test_the_actions_run_from_their_metadata(slack, hooked):
    done = run_action("slack.post_message", {"message": "x", "blocks": "[]"}, hooked)
    assert (done.status, done.result) == ("succeeded", True)
    done = run_action("slack.post_attachment", {"attachment": '{"text": "y"}'}, hooked)
    assert (done.status, done.result) == ("succeeded", True)
    assert last(slack)["attachments"][0]["text"] == "y"


@pytest.mark.parametrize(
    ("url", "as_json"),
    [
        ("https://hooks.slack.com/services/T1/B1/x", False),
        ("https://hooks.slack.com/triggers/T1/1/x", True),
        ("https://hooks.slack-gov.com/workflows/T1/A1/1/x", True),
        ("https://mattermost.example.com/hooks/x", False),
        ("https://mattermost.example.com/triggers/x", False),
    ],
)
def test_only_webhooks_of_workflow_builder_get_json(url, as_json):
    with mock.patch("requests.post") as post:
        post.return_value.status_code = 200
        post.return_value.text = "ok"
        assert say({}, "hi", webhook_url=url) is True
    (called,), options = post.call_args
    assert called == url
    form = [("payload", '{"text":"hi"}')]
    assert (options.get("json"), options.get("data")) == (
        ({"text": "hi"}, None) if as_json else (None, form)
    )


class PlainServer(BaseHTTPRequestHandler):
    """A Slack-compatible server that is reached as a proxy: it gets the whole URL."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(parse_qsl(body.decode()))))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        """Nothing on stderr."""


@pytest.fixture
def plain_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), PlainServer)
    server.came = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


PLAIN_URL = "http://Mattermost.example.com:8065/hooks/x"


@pytest.mark.parametrize("host", ["mattermost.example.com", " MatterMost.Example.com. "])
@pytest.mark.parametrize("where", ["config", "parameter", "workspace"])
def test_plain_http_is_allowed_for_hosts_that_the_operator_names(plain_server, host, where):
    section = {"plain_http_hosts": [host]}
    given = {"webhook_url": PLAIN_URL} if where == "parameter" else {}
    if where != "parameter":
        section["webhook_url"] = PLAIN_URL
    config = {"proxy": "http://127.0.0.1:%d" % plain_server.server_port}
    if where == "workspace":
        config["workspaces"] = [{"name": "emea", "post_message_action": section}]
        given["workspace"] = "emea"
    else:
        config["post_message_action"] = section
    assert say(config, "grüß & +", **given) is True
    ((url, form),) = plain_server.came
    assert url.lower() == PLAIN_URL.lower()
    assert {name: json.loads(value) for name, value in form.items()} == {
        "payload": {"text": "grüß & +"}
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/services/T1/B1/x",
        "http://HOOKS.Slack.com/services/T1/B1/x",
        "http://slack.com/x",
        "http://hooks.slack-gov.com/services/T1/B1/x",
    ],
)
def test_plain_http_is_never_allowed_for_slack(url):
    hosts = ["hooks.slack.com", "hooks.slack.com.", "slack.com", "hooks.slack-gov.com"]
    config = {"post_message_action": {"webhook_url": url, "plain_http_hosts": hosts}}
    with pytest.raises(SettingsError, match="must begin with https://, as all webhooks of Slack"):
        say(config)


def test_a_host_name_that_ends_with_a_dot_is_no_webhooks():
    url = "http://hooks.slack.com./services/T1/B1/x"
    hosts = ["hooks.slack.com."]
    with pytest.raises(SettingsError, match="is not the URL of a webhook"):
        say({"post_message_action": {"webhook_url": url, "plain_http_hosts": hosts}})


@pytest.mark.parametrize("host", ["*", "*.example.com", "http://example.com", "example.com/x", ""])
def test_what_is_no_host_name_is_refused(host):
    config = {"post_message_action": {"webhook_url": PLAIN_URL, "plain_http_hosts": [host]}}
    with pytest.raises(SettingsError, match="plain_http_hosts` must have host names"):
        say(config)


@pytest.mark.parametrize("hosts", [[], ["example.com"], ["mattermost.example.com.evil"]])
def test_plain_http_to_other_hosts_names_the_key(hosts):
    config = {"post_message_action": {"webhook_url": PLAIN_URL, "plain_http_hosts": hosts}}
    with pytest.raises(SettingsError, match="`post_message_action.plain_http_hosts`") as caught:
        say(config)
    assert "hooks/x" not in str(caught.value)
    with pytest.raises(SettingsError, match="plain_http_hosts` of the workspace 'emea'"):
        say({"workspaces": [dict(config, name="emea")]}, workspace="emea")


def test_hosts_that_are_no_list_are_refused():
    config = {"post_message_action": {"webhook_url": PLAIN_URL, "plain_http_hosts": "x"}}
    with pytest.raises(
        SettingsError, match="`post_message_action.plain_http_hosts` must be a list"
    ):
        say(config)


def test_slack_sdks_own_client_works_unchanged(slack):
    answer = WebhookClient(slack.webhook_url).send(text="from the SDK")
    assert (answer.status_code, answer.body) == (200, "ok")
    assert last(slack)["text"] == "from the SDK"
    refused = WebhookClient(slack.webhook_url).send(text="")
    assert (refused.status_code, refused.body) == (400, "no_text")


# --- what is refused ----------------------------------------------------------------------------

CODES = [
    (400, "invalid_payload"),
    (400, "no_text"),
    (400, "user_not_found"),
    (400, "too_many_attachments"),
    (403, "action_prohibited"),
    (403, "posting_to_general_channel_denied"),
    (403, "team_disabled"),
    (403, "invalid_token"),
    (404, "channel_not_found"),
    (404, "no_service"),
    (404, "no_team"),
    (404, "no_active_hooks"),
    (410, "channel_is_archived"),
]


@pytest.mark.parametrize("status, code", CODES)
def test_each_refusal_is_explained(slack, hooked, status, code):
    slack.faults.append(Fault.status(status, code, "text/html"))
    with pytest.raises(SlackApiError) as caught:
        say(hooked)
    text = str(caught.value)
    assert text.startswith("The webhook was refused by Slack (HTTP %d): %s (" % (status, code))
    assert caught.value.code == code and "\n" not in text
    assert len(slack.requests) == 1


def test_every_refusal_that_slack_documents_has_a_meaning():
    """SLACK's list of plain-text codes; each with words of its own."""
    assert {code for _, code in CODES} <= set(webhook._MEANINGS)
    meanings = [meaning for meaning, _ in webhook._MEANINGS.values()]
    assert len(set(meanings)) == len(meanings)


def test_what_the_loopback_refuses_is_refused(slack, hooked):
    with pytest.raises(SlackApiError, match="no_text"):
        say(hooked, "")
    with pytest.raises(SlackApiError, match="invalid_payload"):
        say(hooked, blocks=[{"no": "type"}])
    with pytest.raises(SlackApiError, match="channel_not_found"):
        say(hooked, webhook_url=slack.legacy_webhook_url, channel="#nowhere")
    slack.webhooks["/services/T0123456789/B0HARBOUR01/loopbackappsecret"].state = "no_service"
    with pytest.raises(SlackApiError, match="`post_message_action.webhook_url`"):
        say(hooked)


def test_a_code_of_tomorrow_is_shown(slack, hooked):
    slack.faults.append(Fault.status(400, "brand_new_code", "text/html"))
    with pytest.raises(SlackApiError, match="brand_new_code. Slack's page"):
        say(hooked)


TAKEN = ["ok", "OK", "okay", "1", "", " ok\n", '{"ok":true}', '{"ok": true, "error": null}']
TAKEN += ['{"success":true}', '"ok"', "null", "true", "[]", "{}", '{"id": "42"}', "Message posted"]
TAKEN += ["\ufeffok", "Invalid_tokens are fine", '{"ok": true, "error": "none"}']


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
@pytest.mark.parametrize("body", TAKEN)
def test_200_that_does_not_say_no_is_a_success(slack, hooked, body, kind):
    """Workflow webhooks, Mattermost and Rocket.Chat answer so; an error would post it twice."""
    slack.faults.append(Fault.status(200, body, kind))
    assert say(hooked) is True
    assert len(slack.requests) == 1


@pytest.mark.parametrize("status", [201, 202, 204])
def test_other_2xx_are_a_success_too(slack, hooked, status):
    slack.faults.append(Fault.status(status, "", "text/plain"))
    assert say(hooked) is True


@pytest.mark.parametrize(
    "body, code",
    [
        ("no_text", "no_text"),
        ("invalid_token\n", "invalid_token"),
        ('"no_service"', "no_service"),
        ("invalid_blocks", "invalid_blocks"),
        ('{"ok":false}', '{"ok":false}'),
        ('{"ok": false, "error": "no_text"}', "no_text"),
        ('{"success": false, "error": "error-invalid-channel"}', "error-invalid-channel"),
        ('{"error": "workflow_not_published"}', "workflow_not_published"),
        ("false", "false"),
    ],
)
def test_200_that_says_no_is_a_refusal(slack, hooked, body, code):
    slack.faults.append(Fault.status(200, body, "text/html"))
    with pytest.raises(SlackApiError, match=r"refused by Slack \(HTTP 200\)") as caught:
        say(hooked)
    assert caught.value.code == code


def test_a_refusal_in_json_is_explained(slack, hooked):
    body = '{"ok": false, "error": "no_service"}'
    slack.faults.append(Fault.status(404, body, "application/json"))
    with pytest.raises(SlackApiError, match=r"\(HTTP 404\): no_service \(the webhook was removed"):
        say(hooked)


@pytest.mark.parametrize("begin", ["", "\n ", "\ufeff"])
def test_200_of_somebody_else_is_a_failure(slack, hooked, begin):
    slack.faults.append(
        Fault.status(200, begin + "<html><body>Login</body></html>", "text/html; charset=utf-8")
    )
    with pytest.raises(ResponseLost, match="may have arrived"):
        say(hooked)
    assert len(slack.requests) == 1


def test_a_page_of_a_proxy_is_said(slack, hooked):
    slack.faults.append(Fault.html(403))
    with pytest.raises(UnexpectedResponse, match="HTML, not JSON"):
        say(hooked)


def test_a_redirect_is_not_followed(slack, hooked):
    slack.faults.append(Fault.redirect("https://evil.example/", times=None))
    with pytest.raises(UnexpectedResponse, match="evil.example"):
        say(hooked)
    assert len(slack.requests) == 1


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.cut_after_read(), Fault.cut_midway()])
def test_a_post_that_may_have_arrived_is_not_sent_twice(slack, hooked, fault):
    slack.faults.append(fault)
    with pytest.raises(ResponseLost, match="may have arrived"):
        say(hooked)
    assert len(slack.requests) == 1


def test_a_rate_limit_is_waited_for(slack, hooked):
    slack.faults.append(Fault.rate_limited(0))
    assert say(hooked) is True and len(slack.requests) == 2
    slack.faults.append(Fault.rate_limited(60))
    with pytest.raises(RateLimited, match="asked to wait 60 s"):
        say(hooked)


def test_a_server_that_is_not_there(hooked):
    hooked["max_wait"] = 0.2
    with pytest.raises(RequestNotSent, match="The webhook could not reach 127.0.0.1"):
        say(hooked, webhook_url="http://127.0.0.1:%d/services/T1/B1/x" % free_port())


@pytest.mark.parametrize(
    "url, part",
    [
        ("http://hooks.slack.com/services/T1/B1/x", "https"),
        ("hooks.slack.com/services/T1/B1/x", "not the URL"),
        ("https://u:pw@hooks.slack.com/x", "not the URL"),
        ("https://hooks.slack.com/ services", "not the URL"),
        ("https://[bad/", "not the URL"),
        ("{{ st2kv.system.hook }}", "template"),
        ("ftp://127.0.0.1/x", "https"),
    ],
)
def test_a_url_that_is_no_webhook_is_refused_and_not_shown(url, part):
    for config, given in (({}, url), ({"post_message_action": {"webhook_url": url}}, None)):
        with pytest.raises(SettingsError, match=part) as caught:
            say(config, webhook_url=given)
        assert url not in str(caught.value)
        assert ("Parameter `webhook_url`" if given else "Config key") in str(caught.value)


@pytest.mark.parametrize("config", [{}, {"post_message_action": {"webhook_url": ""}}])
def test_without_a_webhook_the_key_is_named(config):
    with pytest.raises(SettingsError, match="`post_message_action.webhook_url`.*`webhook_url`"):
        say(config)


@pytest.mark.parametrize("attachment", [None, {}, [], "x", [{"text": "x"}]])
def test_an_attachment_is_an_object(hooked, attachment):
    with pytest.raises(InputError, match="`attachment` must be an object"):
        attach(hooked, attachment)


def test_half_a_character_is_named(slack, hooked):
    with pytest.raises(InputError, match="`text` holds half of a character"):
        say(hooked, "\ud800")
    assert slack.requests == []


# --- secrets ------------------------------------------------------------------------------------


def broken(slack):
    """Faults that could bring the URL out."""
    url = slack.webhook_url
    return [
        Fault.status(500, url),
        Fault.status(403, "invalid_token for " + url, "text/html"),
        Fault.html(502),
        Fault.cut_after_read(),
        Fault.rate_limited(600),
        Fault.redirect(url + "/again"),
        Fault.status(200, "<html>" + url, "text/html"),
    ]


def test_the_url_comes_out_nowhere(slack, hooked, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    for fault in broken(slack):
        slack.faults.clear()
        slack.faults.append(fault)
        with pytest.raises(SlackError) as caught:
            say(hooked)
        error = caught.value
        shown = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        printed = capfd.readouterr()
        for text in (shown, printed.out, printed.err, caplog.text):
            assert "loopbackappsecret" not in text
    assert "POST /****" in caplog.text  # urllib3 did log the path
    assert all(b"loopbackappsecret" not in each.body for each in slack.requests)


def test_the_url_is_no_part_of_settings_as_text(slack, hooked):
    settings = read_settings(hooked)
    assert "loopbackappsecret" not in repr(settings)
    assert slack.webhook_url in settings.secrets()


@pytest.mark.parametrize("name", ["post_message", "post_attachment"])
def test_the_metadata_masks_it_and_says_what_a_webhook_ignores(name):
    with open("actions/%s.yaml" % name, encoding="utf-8") as stream:
        action = yaml.safe_load(stream)
    assert action["parameters"]["webhook_url"]["secret"] is True
    assert "ignores" in action["description"] and "slack.chat.postMessage" in action["description"]


# --- 2.x ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["requests.post", "post_message.requests.post"])
def test_tests_of_2x_users_can_patch_the_post(place):
    config = {"post_message_action": {"webhook_url": "https://hooks.slack.com/services/T/B/x"}}
    with mock.patch(place) as post:
        post.return_value.status_code = 200
        assert say(config) is True
        post.return_value.status_code = 400
        with pytest.raises(SlackError):
            say(config)
    assert post.call_args[0][0] == "https://hooks.slack.com/services/T/B/x"


# --- the response_url answers in the same words -------------------------------------------------


@pytest.mark.parametrize("body", ["ok", "", '{"ok":true}', "1"])
def test_a_response_url_that_does_not_say_no_took_the_answer(body):
    assert response_url._check_answer(answered(body), RESPONSE) is None


@pytest.mark.parametrize(
    "body, error",
    [
        ('{"ok": false, "error": "used_url"}', SlackApiError),
        ("no_text", SlackApiError),
        ("<html>Login</html>", ResponseLost),
    ],
)
def test_a_response_url_that_says_no_did_not(body, error):
    with pytest.raises(error):
        response_url._check_answer(answered(body), RESPONSE)


RESPONSE = Request(method=response_url.NAME, url="https://hooks.slack.com/actions/x")


def answered(body):
    response = requests.Response()
    response.status_code, response._content = 200, body.encode()
    return response
