"""A canary token goes through every error path and must not come out anywhere."""

import io
import logging
import traceback

import pytest
import run
from helpers import make_client
from test_faults import Proxy, free_port, spoiled, tls_config

from sandbox.slack import Fault, LoopbackSlack
from st2slack.api.page_facts import PageFacts
from st2slack.api.pagination import Paginator
from st2slack.base.errors import SlackError
from st2slack.people import channel_lookup, invite, user_filter, user_lookup, usergroups
from st2slack.settings.invite import InviteSettings

CANARY = "canary7f3a"
TOKEN = "xoxb-%s-token" % CANARY
SECRETS = {"client_secret": "s3-" + CANARY, "code": "c0-" + CANARY, "code_verifier": CANARY * 5}
METHODS = [
    ("chat.postMessage", {"channel": "C0GENERAL01", "text": "x"}),
    ("conversations.list", {}),
    ("oauth.v2.access", dict(SECRETS, client_id="1.2")),
    ("oauth.v2.access", dict(SECRETS)),
]


class Everything:
    """All that comes out: log of the root at DEBUG, stdout, stderr, message, traceback."""

    def __init__(self, capfd):
        self._capfd = capfd
        self._stream = io.StringIO()
        self._handler = logging.StreamHandler(self._stream)

    def __enter__(self):
        root = logging.getLogger()
        self._level = root.level
        root.addHandler(self._handler)
        root.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *exc_info):
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger().setLevel(self._level)

    def text(self, error=None):
        printed = self._capfd.readouterr()
        shown = ""
        if error is not None:
            shown = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            shown += repr(error) + str(getattr(error, "answer", ""))
        return "".join((self._stream.getvalue(), printed.out, printed.err, shown))


def faults_of_every_kind(sent=()):
    """Faults by name; some echo what was sent, as a debugging proxy would."""
    echo = "you sent Authorization: Bearer %s and %s" % (TOKEN, " ".join(sent))
    kinds = {name: fault for name, (fault, _, _) in spoiled().items()}
    kinds.update(
        {
            "echo in HTML": Fault.status(502, "<html>%s</html>" % echo, "text/html", times=None),
            "echo in text": Fault.status(403, echo, times=None),
            "echo in refusal": Fault.refuse(
                "invalid_arguments",
                times=None,
                detail=echo,
                needed=TOKEN,
                response_metadata={"messages": [echo]},
            ),
            "echo as code": Fault.refuse(TOKEN, times=None),
            "rate limit": Fault.rate_limited(300, times=None),
            "redirect": Fault.redirect("https://evil.example/?t=" + TOKEN, times=None),
        }
    )
    return kinds


@pytest.mark.parametrize("name", sorted(faults_of_every_kind()))
@pytest.mark.parametrize("method, arguments", METHODS)
@pytest.mark.parametrize("verb", ["POST", "GET"])
def test_no_fault_brings_a_secret_out(slack, config, capfd, name, method, arguments, verb):
    slack.tokens[TOKEN] = slack.tokens[slack.bot_token]
    config["action_token"] = TOKEN
    sent = [arguments[each] for each in SECRETS if each in arguments]
    slack.faults.append(faults_of_every_kind(sent)[name])
    with Everything(capfd) as everything:
        client = make_client(config)
        with pytest.raises(SlackError) as caught:
            client.call(method, arguments, verb=verb)
        said = everything.text(caught.value) + "".join(client.notices)
    # `answer` is Slack's own and goes into no output; the rest must be clean.
    said = said.replace(str(getattr(caught.value, "answer", "")), "")
    assert CANARY not in said, name
    assert all(CANARY not in each.path for each in slack.requests), "never in a URL"
    assert all(CANARY not in str(each.query) for each in slack.requests), "never in a URL"


INVITE = InviteSettings("harbour-works")
# What works with people, each leading through other calls; a client → what it does.
OF_PEOPLE = {
    "filter": lambda client: user_filter.filter_users(client, {}, verb="GET"),
    "user by name": lambda client: user_lookup.find_user(client, "mara"),
    "user by e-mail": lambda client: user_lookup.find_user(client, "mara@harbour-works.example"),
    "user by ID": lambda client: user_lookup.find_user(client, "U0HARBOUR01"),
    "channel by name": lambda client: channel_lookup.find_channel(client, "deploys"),
    "channel by ID": lambda client: channel_lookup.find_channel(client, "C0DEPLOYS01"),
    "message": lambda client: usergroups.send_direct_message(client, "mara", {"text": "x"}),
    "hand-over": lambda client: usergroups.set_usergroup(client, "on-call", "mara", True),
    "who is in": lambda client: usergroups.list_members(client, "on-call"),
    "invitation": lambda client: invite.invite(client, INVITE, {"email": "ana@example.com"}, TOKEN),
}


@pytest.mark.parametrize("name", sorted(faults_of_every_kind()))
@pytest.mark.parametrize("work", sorted(OF_PEOPLE))
@pytest.mark.parametrize("after", [0, 1, 2])
def test_no_fault_on_the_way_to_people_brings_a_secret_out(slack, config, capfd, name, work, after):
    slack.tokens[TOKEN] = slack.tokens[slack.user_token]
    slack.workspace.usergroups["S0ONCALL001"]["date_delete"] = 1  # one more call on the way
    config.update(action_token=TOKEN, admin={"admin_token": TOKEN})
    fault = faults_of_every_kind()[name]
    fault.after += after
    slack.faults.append(fault)
    with Everything(capfd) as everything:
        client = make_client(config)
        error = None
        try:
            OF_PEOPLE[work](client)
        except SlackError as caught:
            error = caught
        said = everything.text(error) + "".join(client.notices)
    assert error is not None or after, "the first call meets the fault"
    said = said.replace(str(getattr(error, "answer", "")), "")
    assert CANARY not in said, name
    assert all(CANARY not in each.path + str(each.query) for each in slack.requests)


def wrong_settings():
    """Configs that lead nowhere: name → what they have beside a token."""
    nowhere = {"api_url": "https://slack.invalid/api/"}
    return {
        "refused": {"api_url": "http://127.0.0.1:%d/api/" % free_port()},
        "name": nowhere,
        "bad proxy": dict(nowhere, proxy="http://user:%s@127.0.0.1:%d" % (CANARY, free_port())),
        "no proxy": dict(nowhere, proxy="nonsense:%s@" % CANARY),
        "plain http": {"api_url": "http://slack.invalid/api/"},
        "password in the URL": {"api_url": "https://u:%s@slack.invalid/" % CANARY},
        "no token": {"action_token": TOKEN + " \u00e4"},
        "template": {"action_token": "{{ %s }}" % CANARY},
        "two of a name": {"workspaces": [{"name": "a", "action_token": TOKEN}, {"name": "a"}]},
    }


@pytest.mark.parametrize("kind", sorted(wrong_settings()))
def test_no_wrong_setting_brings_a_secret_out(capfd, kind):
    config = dict({"action_token": TOKEN, "max_wait": 1}, **wrong_settings()[kind])
    with Everything(capfd) as everything, pytest.raises(SlackError) as caught:
        client = make_client(config, workspace="a" if kind == "two of a name" else None)
        client.call("chat.postMessage", {"channel": "C", "text": "x"})
    assert CANARY not in everything.text(caught.value), kind


def test_no_tls_fault_brings_a_secret_out(capfd):
    for kind in ("wrong_name", "expired"):
        with LoopbackSlack(tls=kind) as server:
            config = dict(tls_config(server), action_token=TOKEN)
            with Everything(capfd) as everything, pytest.raises(SlackError) as caught:
                make_client(config).call("auth.test")
            assert CANARY not in everything.text(caught.value)


def test_a_proxy_that_refuses_brings_no_secret_out(capfd):
    proxy = Proxy(b"HTTP/1.1 403 No %s\r\nContent-Length: 0\r\n\r\n" % TOKEN.encode())
    config = {"api_url": "https://slack.invalid/api/", "action_token": TOKEN, "max_wait": 1}
    config["proxy"] = proxy.url
    with Everything(capfd) as everything, pytest.raises(SlackError) as caught:
        make_client(config).call("auth.test")
    proxy.close()
    said = everything.text(caught.value)
    assert CANARY not in said and "pr0xypw" not in said


def test_a_given_token_that_is_refused_is_not_shown(slack, config, capfd):
    with Everything(capfd) as everything, pytest.raises(SlackError) as caught:
        run.SlackAction(config).run(end_point="auth.test", http_method="POST", token=TOKEN)
    assert "invalid_auth" in str(caught.value)
    assert CANARY not in everything.text(caught.value)


def test_a_walk_that_breaks_brings_no_secret_out(slack, config, capfd):
    slack.tokens[TOKEN] = slack.tokens[slack.bot_token]
    config["action_token"] = TOKEN
    slack.faults.append(Fault.status(403, "Bearer " + TOKEN, after=1, times=None))
    client = make_client(config)
    cursor_at = ("response_metadata.next_cursor",)
    pages = PageFacts("channels", size="limit", cursor="cursor", next=cursor_at)
    with Everything(capfd) as everything, pytest.raises(SlackError, match="page 2") as caught:
        Paginator(lambda page: client.call("conversations.list", page), pages).run({"limit": 1})
    assert CANARY not in everything.text(caught.value)


def test_the_test_itself_would_see_a_secret(capfd):
    with Everything(capfd) as everything:
        logging.getLogger("x").debug("a %s", TOKEN)
        print(TOKEN)
    assert everything.text(ValueError(TOKEN)).count(CANARY) == 4
