"""slack.refresh_token: what is stored, and that no failure at any step loses or shows a token."""

import json
import logging
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import refresh_token
import yaml
from helpers import calls, make_client
from test_secrets import Everything

from sandbox.slack import Fault
from sandbox.slack.behaviours import oauth
from sandbox.slack.state import rotation
from sandbox.stackstorm import package_path as stackstorm_path
from sandbox.stackstorm.datastore import ActionService
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import (
    InputError,
    NotStored,
    RequestNotSent,
    ResponseLost,
    SettingsError,
    SlackApiError,
    SlackError,
    UnexpectedResponse,
)
from st2slack.settings.rotation import read_rotation
from st2slack.tokens.recovery_file import Rescue
from st2slack.tokens.rotation import PAUSES, Datastore, Rotation

ROOT = Path(__file__).resolve().parents[1]
BOT_KEY, REFRESH_KEY = "slack_bot_token", "slack_refresh_token"
FIRST = "xoxe-1-loopback-1"  # what the loopback Slack gives at the first exchange
ACCESS = "xoxe.xoxb-loopback-1"
CANARY = "canary7f3a"
NOW = 1_800_000_000.0


class Store(ActionService):
    """A datastore with faults. `refuses(key, text)` says whether a write raises."""

    def __init__(self, **values):
        super().__init__("slack", "RefreshTokenAction")
        self.keep = self.set_value
        for key, text in values.items():
            self.keep(key, text, local=False, encrypt=True)
        self.refuses = lambda key, text: False
        self.forgets = lambda key: False
        self.writes = []
        self.set_value, self.get_value = self._set, self._get

    def _set(self, name, value, local=True, encrypt=False):
        self.writes.append(name)
        if self.refuses(name, value):
            raise ConnectionError("500 Server Error: cannot store %s" % value)
        self.keep(name, value, local=local, encrypt=encrypt)

    def _get(self, name, local=True, decrypt=False):
        if self.forgets(name):
            return None  # StackStorm swallows what goes wrong
        return self.datastore_service.get_value(name, local=local, decrypt=decrypt)

    def value(self, name):
        return self.datastore_service.get_value(name, local=False, decrypt=True)


@pytest.fixture
def rotating(slack, tmp_path):
    """The config of an app with token rotation."""
    return {
        "api_url": slack.api_url,
        "action_token": slack.bot_token,
        "action_token_key": BOT_KEY,
        "max_wait": 5,
        "rotation": {
            "client_id": rotation.CLIENT_ID,
            "client_secret": rotation.CLIENT_SECRET,
            "refresh_token_key": REFRESH_KEY,
            "rescue_folder": str(tmp_path),
        },
    }


@pytest.fixture
def store():
    return Store(**{BOT_KEY: rotation.BOT, REFRESH_KEY: rotation.OF_BOT})


def renew(config, store, slept=None, left=lambda: None, **which):
    """The library's own, with a clock that costs no time."""
    workspace = which.get("workspace")
    datastore = Datastore(
        read=lambda key: store.get_value(key, local=False, decrypt=True),
        write=lambda key, text: store.set_value(key, text, local=False, encrypt=True),
    )
    made = Rotation(
        make_client(config, workspace=workspace),
        read_rotation(config, workspace, which.get("renews")),
        datastore,
        now=lambda: NOW,
        sleep=(slept if slept is not None else []).append,
        left=left,
    )
    return made.run(which.get("first", False))


def files(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def rescued(tmp_path):
    (path,) = tmp_path.iterdir()
    return path, {row["name"]: row["value"] for row in json.loads(path.read_text())}


# --- all is well --------------------------------------------------------------------------------


def test_both_tokens_are_stored_encrypted_and_the_result_holds_none(slack, rotating, store):
    told = renew(rotating, store)
    assert told == {
        "ok": True,
        "renewed": "action_token",
        "workspace": "",
        "team": "Harbour Works",
        "team_id": "T0123456789",
        "expires_in": 43200,
        "expires_at": "2027-01-15T20:00:00Z",
        "stored": [BOT_KEY, REFRESH_KEY],
        "took_up": False,
    }
    assert (store.value(BOT_KEY), store.value(REFRESH_KEY)) == (ACCESS, FIRST)
    assert all(store.datastore_service.is_encrypted(key) for key in (BOT_KEY, REFRESH_KEY))
    assert "xox" not in json.dumps(told)


def test_the_new_token_works_and_the_old_one_may_expire(slack, rotating, store):
    renew(rotating, store)
    slack.rotation.expire(rotation.BOT)
    with pytest.raises(SlackApiError, match="token_expired"):
        make_client(rotating).call("auth.test")
    rotating["action_token"] = store.value(BOT_KEY)
    assert make_client(rotating).call("auth.test")["ok"]


def test_it_goes_on_from_run_to_run(slack, rotating, store, tmp_path):
    for _ in range(3):
        renew(rotating, store)
    assert store.value(REFRESH_KEY) == "xoxe-1-loopback-3"
    assert [each.refresh for each in slack.rotation.issued][-1] == store.value(REFRESH_KEY)
    assert files(tmp_path) == []


def test_credentials_travel_in_header_and_body_only(slack, rotating, store):
    renew(rotating, store)
    (request,) = calls(slack, "oauth.v2.access")
    assert (request.verb, request.query) == ("POST", [])
    assert request.headers["Authorization"].startswith("Basic ")
    assert dict(request.form) == {"grant_type": "refresh_token", "refresh_token": rotation.OF_BOT}


@pytest.mark.parametrize(
    "renews, keys, refresh, method",
    [
        ("user_token", "user_", rotation.OF_USER, "oauth.v2.access"),
        ("config_token", "config_", rotation.OF_CONFIG, "tooling.tokens.rotate"),
    ],
)
def test_other_tokens_are_renewed(slack, rotating, renews, keys, refresh, method):
    rotating["rotation"][keys + "token_key"] = "the_token"
    rotating["rotation"][keys + "refresh_token_key"] = "its_refresh_token"
    store = Store(its_refresh_token=refresh)
    told = renew(rotating, store, renews=renews)
    assert (told["renewed"], told["expires_in"]) == (renews, 43200)
    assert told["team_id"] == "T0123456789"
    assert store.value("the_token") == "xoxe.xoxp-loopback-1"
    assert store.value("its_refresh_token") == FIRST
    assert len(calls(slack, method)) == 1


def test_a_workspace_has_keys_and_credentials_of_its_own(slack, rotating, store):
    own = dict(rotating["rotation"], refresh_token_key="emea_refresh")
    entry = {"name": "emea", "action_token_key": "emea_bot", "rotation": own}
    config = dict(rotating, rotation={}, workspaces=[entry])
    emea = Store(emea_refresh=rotation.OF_BOT)
    assert renew(config, emea, workspace="emea")["workspace"] == "emea"
    assert emea.value("emea_bot") == ACCESS
    with pytest.raises(SettingsError, match="`rotation.client_id`"):
        renew(config, store)


def test_the_action_runs_from_its_metadata(slack, rotating, tmp_path):
    path = tmp_path.parent / (tmp_path.name + ".json")
    service = ActionService("slack", "x", path=path)
    service.set_value(REFRESH_KEY, rotation.OF_BOT, local=False, encrypt=True)
    done = run_action("slack.refresh_token", {}, rotating, datastore=path)
    assert done.succeeded, done.stderr
    assert done.result["stored"] == [BOT_KEY, REFRESH_KEY]
    assert service.get_value(BOT_KEY, local=False, decrypt=True) == ACCESS
    assert service.get_value(BOT_KEY, local=False) != ACCESS
    assert "xox" not in json.dumps(done.result) + done.stdout + done.stderr


def test_the_action_as_users_test_theirs(rotating, store):
    made = refresh_token.RefreshTokenAction(config=rotating, action_service=store)
    assert made.run()["ok"]
    assert store.value(REFRESH_KEY) == FIRST


def test_the_first_pair_is_made_of_a_token_that_does_not_expire(slack, rotating):
    store = Store(**{BOT_KEY: rotation.BOT})
    assert "holds no refresh token" in refused(rotating, store, SettingsError)
    assert renew(rotating, store, first=True)["stored"] == [BOT_KEY, REFRESH_KEY]
    (request,) = calls(slack, "oauth.v2.exchange")
    assert request.query == [] and store.value(REFRESH_KEY) == FIRST
    assert "Leave it out" in refused(rotating, store, InputError, first=True)
    assert renew(rotating, store)["ok"]


def test_the_first_pair_is_rescued_too(slack, rotating, tmp_path):
    store = Store(**{BOT_KEY: rotation.BOT})
    store.refuses = lambda key, text: bool(slack.rotation.issued) and key == REFRESH_KEY
    with pytest.raises(NotStored):
        renew(rotating, store, first=True)
    assert rescued(tmp_path)[1] == {BOT_KEY: ACCESS, REFRESH_KEY: FIRST}


@pytest.mark.parametrize("token", [None, "xoxe.xoxb-1"])
def test_without_a_token_to_begin_with(slack, rotating, token):
    store = Store(**({BOT_KEY: token} if token else {}))
    assert "Nothing was exchanged" in refused(rotating, store, SettingsError, first=True)
    rotating["rotation"].update(config_token_key="a", config_refresh_token_key="b")
    refused(rotating, store, InputError, first=True, renews="config_token")
    assert slack.requests == []


# --- before the exchange: nothing is used up ----------------------------------------------------


def refused(rotating, store, kind=SlackError, **which):
    with pytest.raises(kind) as caught:
        renew(rotating, store, **which)
    text = str(caught.value)
    assert "\n" not in text and "xox" not in re.sub(r"xox\w(-1)?-\.\.\.", "", text)
    return text


@pytest.mark.parametrize(
    "key, value, part",
    [
        ("client_id", None, "`rotation.client_id`"),
        ("client_id", 1795420800.17, "must be text"),
        ("client_secret", "", "`rotation.client_secret`"),
        ("client_secret", "{{ st2kv.system.x }}", "template"),
        ("refresh_token_key", None, "`rotation.refresh_token_key`"),
        ("refresh_token_key", BOT_KEY, "different datastore keys"),
        ("rescue_folder", "var/tmp", "absolute path"),
    ],
)
def test_what_the_config_lacks_is_named(slack, rotating, store, key, value, part):
    rotating["rotation"][key] = value
    assert part in refused(rotating, store, SettingsError)
    assert slack.requests == [] and store.writes == []


def test_all_that_is_missing_is_named_at_once(slack, store):
    text = refused({"api_url": slack.api_url}, store, SettingsError)
    for key in ("action_token_key", "rotation.refresh_token_key", "rotation.client_secret"):
        assert "`%s`" % key in text
    with pytest.raises(SettingsError, match="`renews` must be one of action_token"):
        read_rotation({}, None, "app_token")


@pytest.mark.parametrize("text", ["", "xoxe-1-a b", "{{ st2kv.system.x }}"])
def test_a_refresh_token_that_is_none_is_said(slack, rotating, store, text):
    store.keep(REFRESH_KEY, text, local=False, encrypt=True)
    assert REFRESH_KEY in refused(rotating, store, SettingsError)
    assert slack.requests == []


def test_a_datastore_that_cannot_be_read(slack, rotating, store):
    store.forgets = lambda key: True
    assert "or cannot be read" in refused(rotating, store, SettingsError)
    assert slack.requests == []


@pytest.mark.parametrize("fault", ["refuses", "forgets"])
def test_a_datastore_that_does_not_take_it_is_found_before(slack, rotating, store, tmp_path, fault):
    if fault == "refuses":
        store.refuses = lambda key, text: True
    else:
        store.forgets = lambda key: key.endswith(".probe")
    text = refused(rotating, store)
    assert "does not take the key" in text and "Nothing was exchanged" in text
    assert slack.requests == [] and files(tmp_path) == []
    store.refuses, store.forgets = (lambda key, text: False), (lambda key: False)
    assert renew(rotating, store)["ok"], "the refresh token is as good as before"


@pytest.mark.parametrize("folder", ["missing", "a file"])
def test_a_folder_that_takes_no_file_is_found_before(slack, rotating, store, tmp_path, folder):
    place = tmp_path / "x"
    if folder == "a file":
        place.write_text("")
    rotating["rotation"]["rescue_folder"] = str(place)
    assert "`rotation.rescue_folder`" in refused(rotating, store, SettingsError)
    assert slack.requests == []


def test_a_full_disk_is_found_before(slack, rotating, store, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert "No space left" in refused(rotating, store, SettingsError)
    assert slack.requests == [] and files(tmp_path) == []


def test_a_file_system_without_locks_is_found_before(slack, rotating, store, monkeypatch):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert "No locks available" in refused(rotating, store, SettingsError)
    assert slack.requests == []


def test_the_old_refresh_token_is_never_written_back(rotating, store):
    """It could take the place of a new one that another run stored meanwhile."""
    written = []
    store.refuses = lambda key, text: written.append(text)
    renew(rotating, store)
    assert rotation.OF_BOT not in written


# --- the exchange -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.cut_after_read(), Fault.cut_midway(), Fault.status(500)])
def test_an_answer_that_is_lost_is_said_plainly(slack, rotating, store, tmp_path, fault):
    slack.faults.append(fault)
    text = refused(rotating, store, ResponseLost)
    assert "may be used up" in text and BOT_KEY in text and REFRESH_KEY in text
    assert len(slack.requests) == 1, "never sent twice"
    assert files(tmp_path) == [] and store.value(REFRESH_KEY) == rotation.OF_BOT


def test_a_lost_answer_and_the_run_after_it(slack, rotating, store):
    slack.faults.append(Fault.cut_after_read())
    refused(rotating, store, ResponseLost)
    text = refused(rotating, store, SlackApiError)
    assert "invalid_refresh_token" in text and "make new tokens on the app's page" in text


def test_what_surely_did_not_arrive_is_tried_again(slack, rotating, store):
    slack.faults.append(Fault.rate_limited(1))
    assert renew(rotating, store)["ok"]
    assert len(calls(slack, "oauth.v2.access")) == 2


def test_a_slack_that_is_not_there_uses_nothing_up(slack, rotating, store):
    rotating.update(api_url="http://127.0.0.1:1/api/", max_wait=1)
    assert "used up" not in refused(rotating, store, RequestNotSent)
    rotating["api_url"] = slack.api_url
    assert renew(rotating, store)["ok"]


@pytest.mark.parametrize(
    "key, code", [("client_id", "invalid_client_id"), ("client_secret", "bad_client_secret")]
)
def test_a_wrong_client_is_refused_and_the_token_is_as_good_as_before(
    slack, rotating, store, tmp_path, key, code
):
    right = rotating["rotation"][key]
    rotating["rotation"][key] = "9.9-%s" % CANARY
    text = refused(rotating, store, SlackApiError)
    assert code in text and "used before" not in text and CANARY not in text
    rotating["rotation"][key] = right
    assert renew(rotating, store)["ok"]
    assert files(tmp_path) == []


def test_slack_in_trouble_may_have_used_it_up(slack, rotating, store):
    slack.faults.append(Fault.refuse("internal_error"))
    assert "may be used up" in refused(rotating, store, SlackApiError)


@pytest.mark.parametrize("fault", [Fault.html(403), Fault.status(200, '{"ok": true}')])
def test_an_answer_without_tokens(slack, rotating, store, tmp_path, fault):
    slack.faults.append(fault)
    assert "may be used up" in refused(rotating, store, UnexpectedResponse)
    assert files(tmp_path) == [] and store.value(REFRESH_KEY) == rotation.OF_BOT


# --- after the exchange: nothing is lost --------------------------------------------------------


def after_the_exchange(slack):
    return lambda key, text: bool(slack.rotation.issued)


def test_storing_is_tried_again(slack, rotating, store, tmp_path):
    failures = iter([True, True, True])
    store.refuses = lambda key, text: bool(slack.rotation.issued) and next(failures, False)
    slept = []
    assert renew(rotating, store, slept)["ok"]
    assert slept == list(PAUSES[:3]) and files(tmp_path) == []
    assert (store.value(BOT_KEY), store.value(REFRESH_KEY)) == (ACCESS, FIRST)


def test_a_datastore_that_refuses_leaves_a_file_that_its_owner_alone_can_read(
    slack, rotating, store, tmp_path
):
    store.refuses = after_the_exchange(slack)
    slept = []
    with pytest.raises(NotStored) as caught:
        renew(rotating, store, slept)
    text, (path, values) = str(caught.value), rescued(tmp_path)
    assert values == {BOT_KEY: ACCESS, REFRESH_KEY: FIRST}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_uid == os.geteuid()
    assert caught.value.path == str(path) and str(path) in text
    assert "st2 key load %s > /dev/null && rm %s" % (path, path) in text
    assert "xox" not in text and "\n" not in text and slept == list(PAUSES)


def test_the_file_is_what_st2_key_load_reads(slack, rotating, store, tmp_path):
    """Each row has a name and a value that is text; `secret` has the API encrypt it."""
    store.refuses = after_the_exchange(slack)
    with pytest.raises(NotStored):
        renew(rotating, store)
    (path,) = tmp_path.iterdir()
    for rows in (json.loads(path.read_text()), yaml.safe_load(path.read_text())):
        assert [set(row) for row in rows] == [{"name", "value", "secret"}] * 2
        assert all(row["secret"] is True and isinstance(row["value"], str) for row in rows)


def test_the_file_is_readable_by_nobody_else_for_no_moment(rotating, store, monkeypatch, tmp_path):
    opened = []
    true_open = os.open

    def watched(path, flags, mode=0o777, **more):
        if str(path).startswith(str(tmp_path)):
            opened.append((flags, mode))
        return true_open(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", watched)
    before = os.umask(0)
    try:
        renew(rotating, store)
    finally:
        os.umask(before)
    assert opened and all(mode == 0o600 for _, mode in opened)
    assert all(flags & os.O_EXCL and flags & os.O_NOFOLLOW for flags, _ in opened)


def test_the_next_run_takes_the_file_up(slack, rotating, store, tmp_path):
    store.refuses = after_the_exchange(slack)
    with pytest.raises(NotStored):
        renew(rotating, store)
    store.refuses = lambda key, text: False
    told = renew(rotating, store)
    assert told["took_up"] is True and files(tmp_path) == []
    assert store.value(REFRESH_KEY) == "xoxe-1-loopback-2"
    assert make_client(dict(rotating, action_token=store.value(BOT_KEY))).call("auth.test")["ok"]


@pytest.mark.parametrize("key", [BOT_KEY, REFRESH_KEY])
def test_half_stored_is_taken_up_too(slack, rotating, store, tmp_path, key):
    store.refuses = lambda name, text: bool(slack.rotation.issued) and name == key
    with pytest.raises(NotStored, match="does not take .*%s" % key):
        renew(rotating, store)
    assert store.value(REFRESH_KEY) == rotation.OF_BOT, "else the file would not be found"
    store.refuses = lambda name, text: False
    assert renew(rotating, store)["took_up"] is True
    assert files(tmp_path) == []


def test_a_run_that_is_killed_while_it_stores_loses_nothing(slack, rotating, store, tmp_path):
    """SIGKILL at the worst moment: whatever Python would do at the end is not done."""

    class Killed(BaseException):
        pass

    def die(key, text):
        if slack.rotation.issued:
            raise Killed

    store.refuses = die
    with pytest.raises(Killed):
        renew(rotating, store)
    assert rescued(tmp_path)[1] == {BOT_KEY: ACCESS, REFRESH_KEY: FIRST}


def test_a_file_that_is_out_of_date_is_left_alone(slack, rotating, store, tmp_path):
    store.refuses = after_the_exchange(slack)
    with pytest.raises(NotStored):
        renew(rotating, store)
    left = files(tmp_path)
    store.refuses = lambda key, text: False
    _, values = rescued(tmp_path)
    for key, text in values.items():  # somebody typed what the error said, but for the rm
        store.keep(key, text, local=False, encrypt=True)
    assert renew(rotating, store)["took_up"] is False
    assert files(tmp_path) == left and store.value(REFRESH_KEY) == "xoxe-1-loopback-2"


def test_neither_datastore_nor_file(slack, rotating, store, tmp_path, monkeypatch):
    """Both were good before the exchange. Nothing is printed all the same."""
    true_pwrite = os.pwrite

    def full(file, content, offset):
        if slack.rotation.issued:
            raise OSError(5, "Input/output error")
        return true_pwrite(file, content, offset)

    monkeypatch.setattr(os, "pwrite", full)
    store.refuses = after_the_exchange(slack)
    with pytest.raises(NotStored, match="they are lost. The access token before works") as caught:
        renew(rotating, store)
    assert caught.value.path is None and "xox" not in str(caught.value)
    assert store.writes[-1] == REFRESH_KEY, "worth more than the access token"
    assert files(tmp_path) == []


def test_without_a_file_the_refresh_token_is_stored_first(slack, rotating, store, monkeypatch):
    true_pwrite = os.pwrite

    def full(file, content, offset):
        if slack.rotation.issued:
            raise OSError(5, "Input/output error")
        return true_pwrite(file, content, offset)

    monkeypatch.setattr(os, "pwrite", full)
    assert renew(rotating, store)["ok"]
    assert store.writes == [REFRESH_KEY + ".probe", REFRESH_KEY, BOT_KEY]


def test_it_stops_trying_while_there_is_time_to_say_where_they_are(slack, rotating, store):
    store.refuses = after_the_exchange(slack)
    slept, left = [], iter([600.0, 3.5, 4.5])
    with pytest.raises(NotStored):
        renew(rotating, store, slept, left=lambda: next(left))
    assert slept == [1.0, 2.0]


def test_two_runs_at_once_on_one_machine(slack, rotating, store, tmp_path):
    rescue = Rescue(str(tmp_path), rotation.OF_BOT)
    assert "Another run" in refused(rotating, store)
    assert slack.requests == []
    rescue.discard()
    assert renew(rotating, store)["ok"]


def test_a_file_of_somebody_else_is_refused(slack, rotating, store, tmp_path):
    rescue = Rescue(str(tmp_path), rotation.OF_BOT)
    rescue.write({REFRESH_KEY: "xoxe-1-forged"})
    rescue.close()
    os.chmod(rescue.path, 0o644)
    assert "only the action runner may read" in refused(rotating, store, SettingsError)
    os.unlink(rescue.path)
    os.symlink(str(tmp_path / "elsewhere"), rescue.path)
    assert "rescue_folder" in refused(rotating, store, SettingsError)
    assert slack.requests == [] and store.value(REFRESH_KEY) == rotation.OF_BOT


@pytest.mark.parametrize("content", [b"", b"  ", b'[{"name": "slack_refr', b"[1]", b"\xff"])
def test_a_file_that_was_not_written_to_its_end(slack, rotating, store, tmp_path, content):
    rescue = Rescue(str(tmp_path), rotation.OF_BOT)
    rescue.close()
    Path(rescue.path).write_bytes(content)
    assert renew(rotating, store)["took_up"] is False
    assert files(tmp_path) == []


# --- secrets ------------------------------------------------------------------------------------


def break_everything(slack, store):
    """Each step's failure: name → what to break."""
    return {
        "datastore before": lambda: setattr(store, "refuses", lambda key, text: True),
        "datastore after": lambda: setattr(store, "refuses", after_the_exchange(slack)),
        "cut": lambda: slack.faults.append(Fault.cut_midway(times=None)),
        "half the answer": lambda: slack.faults.append(Fault.broken_json(times=None)),
        "echo": lambda: slack.faults.append(
            Fault.status(502, "<html>%s %s" % (TOKENS, SECRET), "text/html", times=None)
        ),
        "echo in a refusal": lambda: slack.faults.append(
            Fault.refuse("invalid_refresh_token", detail=TOKENS, needed=SECRET, times=None)
        ),
        "used up": lambda: vars(slack.rotation).update(refresh_tokens={}),
    }


REFRESH = "xoxe-1-%s-refresh" % CANARY
TOKENS = "%s xoxe.xoxb-%s-a" % (REFRESH, CANARY)
SECRET = "secret-" + CANARY


@pytest.mark.parametrize("step", sorted(break_everything(None, None)))
def test_no_failure_brings_a_secret_out(slack, rotating, store, capfd, monkeypatch, tmp_path, step):
    monkeypatch.setattr(rotation, "CLIENT_SECRET", SECRET)
    monkeypatch.setitem(rotation._PREFIXES, "bot", "xoxe.xoxb-%s-" % CANARY)
    slack.rotation.refresh_tokens[REFRESH] = rotation.BOT
    store.keep(REFRESH_KEY, REFRESH, local=False, encrypt=True)
    rotating["rotation"]["client_secret"] = SECRET
    break_everything(slack, store)[step]()
    monkeypatch.setattr("st2slack.tokens.rotation.PAUSES", ())
    with Everything(capfd) as everything, pytest.raises(SlackError) as caught:
        refresh_token.RefreshTokenAction(config=rotating, action_service=store).run()
    said = everything.text(caught.value)
    assert CANARY not in said.replace(str(getattr(caught.value, "answer", "")), ""), step
    assert all(CANARY not in each.path + str(each.query) for each in slack.requests)


def test_success_brings_no_secret_out(slack, rotating, store, capfd):
    with Everything(capfd) as everything:
        logging.getLogger("urllib3").debug("seen")
        told = refresh_token.RefreshTokenAction(config=rotating, action_service=store).run()
    assert "xox" not in everything.text() + repr(told)
    assert "seen" in everything._stream.getvalue()


def test_settings_do_not_show_the_client_secret(rotating):
    assert rotation.CLIENT_SECRET not in repr(read_rotation(rotating))


# --- what comes with it -------------------------------------------------------------------------


def test_the_policy_and_the_rule_name_the_action():
    policy = yaml.safe_load((ROOT / "policies/refresh_token.one_at_a_time.yaml").read_text())
    assert policy["resource_ref"] == "slack.refresh_token" and policy["enabled"] is True
    assert (policy["policy_type"], policy["parameters"]["threshold"]) == ("action.concurrency", 1)
    assert set(policy) <= {
        "name", "description", "enabled", "resource_ref", "policy_type", "parameters",
    }  # fmt: skip
    rule = yaml.safe_load((ROOT / "rules/refresh_tokens.yaml").read_text())
    assert rule["action"]["ref"] == "slack.refresh_token" and rule["enabled"] is False
    hours = rule["trigger"]["parameters"]
    assert hours["unit"] == "hours" and hours["delta"] * 3 <= oauth.LIFETIME / 3600


def test_it_needs_nothing_else_on_its_path(rotating, tmp_path):
    """As a default install has it: the pack's packages, actions/lib, StackStorm's."""
    script = (
        "import json, sys; sys.path.append(sys.argv[1]); import refresh_token; "
        "assert 'sandbox' not in sys.modules and 'websockets' not in sys.modules; "
        "print(refresh_token.RefreshTokenAction.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "actions")],
        env={"PYTHONPATH": ":".join([str(ROOT / "actions/lib"), *stackstorm_path.folders()])},
        cwd=str(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stdout == "RefreshTokenAction\n", done.stderr
