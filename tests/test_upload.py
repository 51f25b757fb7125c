"""files.upload over the wire: what arrives, what breaks at each step, what is never sent."""

import errno
import hashlib
import io
import json
import os
import threading
from unittest import mock

import files_upload
import pytest
import requests
from helpers import Clock, calls, make_client
from test_faults import PERHAPS, tls_config
from test_proxy import HOST, elsewhere  # noqa: F401 (a fixture)
from test_secrets import CANARY, TOKEN, Everything

from sandbox.slack import Fault, LoopbackSlack
from sandbox.slack.state import seed
from sandbox.slack.state.tokens import Token
from sandbox.slack.state.workspace import Channel, Upload
from sandbox.stackstorm.runner.action_process import run_action
from st2slack import action
from st2slack.api.deadline import TimedOut, run_while_progressing
from st2slack.base.errors import (
    CertificateError,
    InputError,
    NotFound,
    RateLimited,
    ResponseLost,
    SettingsError,
    SlackApiError,
    SlackError,
    UnexpectedResponse,
)
from st2slack.files import upload as upload_module
from st2slack.files import upload_body
from st2slack.people import lookup
from st2slack.settings.slack import Settings
from tools.bench import files as bench_files

G, D, PRIVATE = seed.GENERAL, seed.DEPLOYS, seed.INCIDENTS
BYTES = "/upload/.*"
NOTHING = "Nothing was shared"
NOT_COMPLETED = "The upload was not completed: nothing was shared."
CONTENT = bytes(range(256)) * 300  # more than one block


@pytest.fixture
def report(tmp_path):
    """A file on the action runner."""
    path = tmp_path / "report.bin"
    path.write_bytes(CONTENT)
    return str(path)


def upload(config, **given):
    """As StackStorm calls the action."""
    return files_upload.FilesUploadAction(config).run(**given)


def timeless(config, progress=lambda name, sent, size: None, **given):
    """(answer, client) of an upload whose waits cost no time. An error has the `client`."""
    client = make_client(config)
    try:
        return upload_module.upload(client, given, progress), client
    except SlackError as error:
        error.client = client
        raise


def last(slack, channel=G):
    return slack.workspace.channels[channel].messages[-1]


def sent(slack):
    """The requests that brought bytes."""
    return [each for each in slack.requests if each.path.startswith("/upload/")]


def steps(slack):
    return [each.method or "bytes" for each in slack.requests]


def content_of(slack, file):
    return slack.workspace.contents[file["id"]]


def shared(slack):
    """Messages with files, anywhere."""
    channels = slack.workspace.channels.values()
    return [each for it in channels for each in it.messages if each.get("files")]


# --- what is uploaded ---------------------------------------------------------------------------


def test_a_file_goes_from_disk_to_a_channel(slack, config, report):
    answer = upload(config, file_path=report, channels=G, title="Report", initial_comment="ü: *x*")
    (file,) = answer["files"]
    assert (answer["ok"], file["name"], file["title"]) == (True, "report.bin", "Report")
    assert content_of(slack, file) == CONTENT
    assert last(slack)["files"] == [file] and last(slack)["text"] == "ü: *x*"
    assert steps(slack) == [upload_module.GET_URL, "bytes", upload_module.COMPLETE]
    assert dict(slack.requests[0].form) == {"filename": "report.bin", "length": str(len(CONTENT))}
    assert dict(slack.requests[2].form)["channel_id"] == G
    assert "channels" not in dict(slack.requests[2].form)


def test_the_bytes_go_as_they_are_and_without_a_token(slack, config, report, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    upload(config, file_path=report)
    (request,) = sent(slack)
    assert request.verb == "POST" and request.body == CONTENT
    assert request.headers["Content-Length"] == str(len(CONTENT))
    assert "Authorization" not in request.headers
    assert slack.bot_token not in str(request.headers) + request.path


def test_without_a_channel_a_file_stays_private(slack, config, report):
    (file,) = upload(config, file_path=report)["files"]
    assert (file["channels"], shared(slack)) == ([], [])
    assert set(dict(slack.requests[-1].form)) == {"files"}
    for nothing in ("", " , "):
        upload(config, file_path=report, channels=nothing)
        assert set(dict(slack.requests[-1].form)) == {"files"}


def test_several_channels_share_one_upload(slack, config, report):
    (file,) = upload(config, file_path=report, channels="%s, %s,%s" % (G, D, G))["files"]
    assert file["channels"] == [G, D]
    assert dict(slack.requests[-1].form)["channels"] == "%s,%s" % (G, D)
    assert last(slack)["files"] == last(slack, D)["files"] == [file]
    assert len(sent(slack)) == 1


def test_several_files_come_in_one_message(slack, config, tmp_path):
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for path in paths:
        path.write_text(path.name, encoding="utf-8")
    answer = upload(config, file_paths=[str(each) for each in paths], channels=G)
    assert [each["name"] for each in answer["files"]] == ["a.txt", "b.txt", "c.txt"]
    assert [content_of(slack, each) for each in answer["files"]] == [b"a.txt", b"b.txt", b"c.txt"]
    assert last(slack)["files"] == answer["files"] and len(shared(slack)) == 1
    assert steps(slack) == [upload_module.GET_URL, "bytes"] * 3 + [upload_module.COMPLETE]


@pytest.mark.parametrize("parameter", ["file", "content"])
def test_text_is_uploaded_as_utf_8(slack, config, parameter):
    (file,) = upload(config, **{parameter: "grüß 🎉\n", "filename": "x.txt"})["files"]
    assert content_of(slack, file) == "grüß 🎉\n".encode()
    assert file["name"] == "x.txt"
    (file,) = upload(config, **{parameter: "x"})["files"]
    assert file["name"] == upload_body.UNNAMED


def test_a_reply_in_a_thread(slack, config, report):
    parent = slack.workspace.channels[G].messages[0]["ts"]
    upload(config, file_path=report, channels=G, thread_ts=parent)
    assert last(slack)["thread_ts"] == parent and last(slack)["files"]


@pytest.mark.parametrize("channels", [None, "%s,%s" % (G, D)])
def test_a_thread_needs_one_channel(slack, config, report, channels):
    with pytest.raises(InputError, match="`thread_ts` needs exactly one channel"):
        upload(config, file_path=report, channels=channels, thread_ts="1503435956.000247")
    assert slack.requests == []


SNIPPETS = [
    ({"content": "x", "filetype": "python"}, "python"),
    ({"content": "x", "filetype": "python", "snippet_type": "text"}, "text"),
    ({"content": "x", "filetype": "auto"}, None),
    ({"content": "x", "filetype": ""}, None),
    ({"file": "x", "filetype": "csv"}, None),
    ({"file": "x", "snippet_type": "csv"}, "csv"),
]


@pytest.mark.parametrize("given, snippet", SNIPPETS)
def test_the_file_type_of_2x_is_that_of_a_snippet(slack, config, given, snippet):
    """An entry of etc/upgrade_2x.yaml says so."""
    upload(config, **given)
    assert dict(slack.requests[0].form).get("snippet_type") == snippet


def test_a_file_with_a_type_of_2x_is_no_snippet(slack, config, report):
    (file,) = upload(config, file_path=report, filetype="binary")["files"]
    assert file["mode"] == "hosted"


def test_an_image_has_its_description(slack, config, report):
    (file,) = upload(config, file_path=report, alt_txt="A crane")["files"]
    assert file["alt_txt"] == "A crane"


@pytest.mark.parametrize(
    "name, shown",
    [
        ("наказ ü 🎉.txt", "наказ ü 🎉.txt"),
        ("two\nlines\t\r.txt", "two_lines_.txt"),
        ("a&b=c;d\"e'f%20.txt", "a&b=c;d\"e'f%20.txt"),
        (os.fsdecode(b"latin-\xfc.txt"), "latin-?.txt"),
        (" ", " "),
    ],
)
def test_odd_names(slack, config, tmp_path, name, shown):
    path = tmp_path / name
    path.write_bytes(b"x")
    (file,) = upload(config, file_path=str(path))["files"]
    assert (file["name"], file["title"]) == (shown, shown)
    assert len(sent(slack)) == 1


def test_a_link_to_a_file_is_followed(slack, config, report, tmp_path):
    os.symlink(report, tmp_path / "link.bin")
    (file,) = upload(config, file_path=str(tmp_path / "link.bin"))["files"]
    assert content_of(slack, file) == CONTENT and file["name"] == "link.bin"


def test_what_is_not_there_any_more_does_nothing(slack, config):
    upload(config, content="x", end_point="files.upload", http_method="GET", workspace=None)
    assert {each.verb for each in slack.requests} == {"POST"}
    assert steps(slack) == [upload_module.GET_URL, "bytes", upload_module.COMPLETE]


def test_a_given_token_does_all_calls(slack, config, report):
    slack.tokens["xoxb-given"] = slack.tokens[slack.bot_token]
    upload(config, file_path=report, channels="general", token="xoxb-given")
    told = {each.headers.get("Authorization") for each in slack.requests if each.method}
    assert told == {"Bearer xoxb-given"} and len(calls(slack, "conversations.list")) == 1


def test_a_workspace_of_the_config(slack, config, report):
    config.update(action_token="xoxb-wrong")
    config["workspaces"] = [{"name": "emea", "action_token": slack.bot_token}]
    assert upload(config, file_path=report, workspace="emea")["ok"]


def test_from_metadata_to_answer(slack, config, report):
    """Parameters cast and checked; a process with the import path of a default install."""
    values = {"channels": "#general", "file_paths": json.dumps([report]), "thread_ts": ""}
    done = run_action("slack.files.upload", values, config)
    assert (done.status, done.result["files"][0]["size"]) == ("succeeded", len(CONTENT))
    assert last(slack)["files"][0]["name"] == "report.bin"
    done = run_action("slack.files.upload", {"content": "x", "channels": "C0NOWHERE"}, config)
    assert (done.status, done.result) == ("failed", None)
    line = done.stderr.strip().splitlines()[-1]
    assert "files.completeUploadExternal was refused by Slack: channel_not_found" in line
    assert line.endswith(NOT_COMPLETED)


# --- which channels -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, ids",
    [
        ("general", [G]),
        ("#deploys,general", [D, G]),
        ("ops-incidents", [PRIVATE]),
        ("general,%s" % G, [G]),
        ("#%s" % D, [D]),
    ],
)
def test_names_become_ids(slack, config, report, given, ids):
    upload(config, file_path=report, channels=given)
    form = dict(slack.requests[-1].form)
    assert (form.get("channels") or form["channel_id"]).split(",") == ids


def test_ids_pass_without_a_call(slack, config, report):
    slack.workspace.add_channel(Channel("D0DIRECT001", "", seed.BOT, "im", members=[seed.BOT]))
    upload(config, file_path=report, channels="%s,%s,D0DIRECT001" % (G, PRIVATE))
    assert calls(slack, "conversations.list") == []


def test_names_are_looked_for_no_further_than_needed(slack, config, report, monkeypatch):
    monkeypatch.setattr(lookup.list_all, "__defaults__", (1, *lookup.list_all.__defaults__[1:]))
    upload(config, file_path=report, channels="general")
    assert len(calls(slack, "conversations.list")) == 1
    upload(config, file_path=report, channels="deploys,general")
    assert len(calls(slack, "conversations.list")) == 1 + 3  # general, random, deploys


def test_a_token_that_may_not_list_private_channels_finds_public_ones(slack, config, report):
    slack.faults.append(Fault.refuse("missing_scope", method="conversations.list"))
    upload(config, file_path=report, channels="general")
    types = [dict(each.form)["types"] for each in calls(slack, "conversations.list")]
    assert types == ["public_channel,private_channel", "public_channel"]


def test_another_refusal_of_the_list_is_final(slack, config, report):
    slack.faults.append(Fault.refuse("account_inactive", method="conversations.list", times=None))
    with pytest.raises(SlackApiError, match="account_inactive"):
        upload(config, file_path=report, channels="general")
    assert len(calls(slack, "conversations.list")) == 1


def test_a_token_that_may_list_nothing_is_told_what_it_lacks(slack, config, report):
    slack.tokens["xoxb-poor"] = Token("bot", seed.BOT, ("files:write",), bot_id=seed.BOT_ID)
    config["action_token"] = "xoxb-poor"
    with pytest.raises(SlackApiError, match="missing_scope.*channels:read"):
        upload(config, file_path=report, channels="general")
    assert sent(slack) == []


@pytest.mark.parametrize("name", ["nowhere", "#nowhere", "old-website", "general2", "c0general01"])
def test_a_name_that_is_not_found_is_refused(slack, config, report, name):
    with pytest.raises(NotFound, match="no channel '%s'" % name.lstrip("#")):
        upload(config, file_path=report, channels=name)
    assert set(steps(slack)) == {"conversations.list"}


@pytest.mark.parametrize("person", ["@mara", seed.OWNER, "W0123456789"])
def test_a_person_is_no_channel(slack, config, report, person):
    with pytest.raises(InputError, match="is a person.*slack.conversations.open"):
        upload(config, file_path=report, channels="general," + person)
    assert slack.requests == []


def test_a_hundred_channels(slack, config, report):
    ids = ["C0MANY%05d" % number for number in range(101)]
    for each in ids:
        slack.workspace.add_channel(Channel(each, each.lower(), seed.BOT, members=[seed.BOT]))
    (file,) = upload(config, file_path=report, channels=",".join(ids[:100]))["files"]
    assert file["channels"] == ids[:100]
    before = len(slack.requests)
    with pytest.raises(InputError, match="names 101; Slack shares an upload in at most 100"):
        upload(config, file_path=report, channels=",".join(ids))
    assert len(slack.requests) == before


# --- what cannot be uploaded --------------------------------------------------------------------


def bad_input():
    """Parameters that cannot be used → a part of what is said. {} is a folder."""
    return {
        "nothing": ({}, "Give what to upload"),
        "two": ({"file_path": "/x", "content": "y"}, "not several (`file_path`, `content`)"),
        "no text": ({"content": ""}, "`content` is empty"),
        "no text in a file": ({"file": ""}, "`file` is empty"),
        "no paths": ({"file_paths": []}, "`file_paths` is empty"),
        "no list": ({"file_paths": [1]}, "must be a list of paths"),
        "an empty path": ({"file_paths": ["{}/full", ""]}, "must be a list of paths"),
        "an empty file": ({"file_path": "{}/empty"}, "/empty' is empty"),
        "one of several is empty": ({"file_paths": ["{}/full", "{}/empty"]}, "/empty' is empty"),
        "no file": (
            {"file_path": "{}/none"},
            "/none' cannot be read on the action runner: No such",
        ),
        "a folder": ({"file_path": "{}"}, "is no file"),
        "a pipe": ({"file_path": "{}/pipe"}, "/pipe' is no file"),
        "a device": ({"file_path": "/dev/null"}, "'/dev/null' is no file"),
        "a loop": (
            {"file_path": "{}/loop"},
            "/loop' cannot be read on the action runner: Too many",
        ),
        "a NUL": ({"file_path": "a\0b"}, "cannot be read on the action runner"),
        "one title for two": (
            {"file_paths": ["{}/full", "{}/full"], "title": "x"},
            "`title` is about one file, and `file_paths` names 2",
        ),
        "half a character": ({"content": "\ud800"}, "`content` holds half of a character"),
        "half a comment": (
            {"content": "x", "initial_comment": "\udc00"},
            "`initial_comment` holds",
        ),
        "half a title": ({"content": "x", "title": "\ud83d"}, "`title` holds"),
        "half a name": ({"content": "x", "filename": "\ud83d"}, "`filename` holds"),
    }


@pytest.mark.parametrize("name", sorted(bad_input()))
def test_what_cannot_be_uploaded_is_named_and_nothing_is_sent(slack, config, tmp_path, name):
    (tmp_path / "full").write_bytes(b"x")
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    os.symlink(tmp_path / "loop", tmp_path / "loop")
    given, part = bad_input()[name]

    def placed(value):
        if isinstance(value, list):
            return [placed(each) for each in value]
        return value.replace("{}", str(tmp_path)) if isinstance(value, str) else value

    with pytest.raises(InputError) as caught:
        upload(config, channels=G, **{key: placed(value) for key, value in given.items()})
    assert part in str(caught.value) and "\n" not in str(caught.value)
    assert slack.requests == []


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user other than root, who reads every file")
def test_a_file_that_may_not_be_read(slack, config, report):
    os.chmod(report, 0)
    with pytest.raises(InputError, match="cannot be read on the action runner: Permission denied"):
        upload(config, file_path=report)
    assert slack.requests == []


def test_without_a_token_nothing_is_sent(slack, config, report):
    del config["action_token"]
    del config["user_token"]
    with pytest.raises(SettingsError, match="needs a token"):
        upload(config, file_path=report)
    assert slack.requests == []


def changing(path, how):
    """A Progress that changes the file once, when its first bytes have gone."""
    done = []

    def progress(name, sent_bytes, size):
        if not done:
            done.append(1)
            how(path)

    return progress


def grow(path):
    with open(path, "ab") as stream:
        stream.write(b"more")


def shrink(path):
    os.truncate(path, 300000)


@pytest.mark.parametrize("how, size", [(grow, 1000004), (shrink, 300000)])
def test_a_file_that_changes_its_size_is_not_shared(slack, config, tmp_path, how, size):
    path = tmp_path / "growing.log"
    path.write_bytes(b"x" * 1000000)
    with pytest.raises(InputError) as caught:
        timeless(config, changing(str(path), how), file_path=str(path), channels=G)
    assert (
        "growing.log' changed its size during the upload, from 1000000 to %d bytes" % size
        in str(caught.value)
    )
    assert str(caught.value).endswith(NOTHING + ".")
    assert sent(slack) == [] and shared(slack) == [] and calls(slack, upload_module.COMPLETE) == []
    assert len(calls(slack, upload_module.GET_URL)) == 1


def test_a_file_that_is_rewritten_in_its_size_is_uploaded_whole(slack, config, tmp_path):
    path = tmp_path / "x.log"
    path.write_bytes(b"x" * 200000)
    answer, _ = timeless(
        config, changing(str(path), lambda it: os.utime(it, (0, 0))), file_path=str(path)
    )
    assert content_of(slack, answer["files"][0]) == b"x" * 200000


def test_a_disk_that_fails_is_not_taken_for_the_network():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError(errno.EIO, "Input/output error")

    source = upload_body.Source("file_path", "x", "/x")
    body = upload_body.Body(source, Broken(), 5, lambda name, sent, size: None)
    with pytest.raises(InputError, match="'/x' could not be read to its end: Input/output error"):
        body.read(10)


# --- what breaks on the way ---------------------------------------------------------------------


def passing():
    """Faults that pass: name → (fault, how often a URL is asked for, how often bytes arrive)."""
    return {
        "URL: 500": (Fault.status(500, method=upload_module.GET_URL), 2, 1),
        "URL: cut": (Fault.cut_after_read(method=upload_module.GET_URL), 2, 1),
        "URL: too many": (Fault.rate_limited(2, method=upload_module.GET_URL), 2, 1),
        "URL: trouble": (Fault.refuse("internal_error", method=upload_module.GET_URL), 2, 1),
        "bytes: 500": (Fault.status(500, method=BYTES), 2, 2),
        "bytes: 503 twice": (Fault.status(503, method=BYTES, times=2), 3, 3),
        "bytes: HTML": (Fault.html(200, method=BYTES), 2, 2),
        "bytes: too many": (Fault.rate_limited(2, method=BYTES), 2, 2),
        "bytes: cut on the way": (Fault.cut_while_read(70000, method=BYTES), 2, 1),
        "bytes: closed on the way": (Fault.cut_while_read(1, reset=False, method=BYTES), 2, 1),
        "bytes: cut at the end": (Fault.cut_after_read(method=BYTES), 2, 2),
        "bytes: half an answer": (Fault.cut_midway(method=BYTES), 2, 2),
        "bytes: expired": (Fault.status(403, "expired", method=BYTES), 2, 2),
        "bytes: unknown": (Fault.status(404, "no such upload", method=BYTES), 2, 2),
        "bytes: some only": (Fault.status(200, "OK - 5", method=BYTES), 2, 2),
        "complete: too many": (Fault.rate_limited(2, method=upload_module.COMPLETE), 1, 1),
    }


@pytest.mark.parametrize("name", sorted(passing()))
def test_what_passes_is_tried_again_with_a_fresh_url(slack, config, tmp_path, name):
    path = tmp_path / "big.bin"
    path.write_bytes(CONTENT * 20)  # more than a socket takes at once
    fault, asked, arrived = passing()[name]
    slack.faults.append(fault)
    answer, _ = timeless(config, file_path=str(path), channels=G)
    assert fault.used
    (file,) = answer["files"]
    assert content_of(slack, file) == CONTENT * 20
    assert len(calls(slack, upload_module.GET_URL)) == asked and len(sent(slack)) == arrived
    assert len({each.path for each in sent(slack)}) == arrived, "a URL is used once"
    assert len(shared(slack)) == 1


def lasting():
    """Faults that stay: name → (fault, error, part of its text)."""
    always = {"times": None}
    at_url, at_bytes = dict(always, method=upload_module.GET_URL), dict(always, method=BYTES)
    return {
        "URL: refused": (
            Fault.refuse("file_uploads_disabled", **at_url),
            SlackApiError,
            "getUploadURLExternal was refused by Slack: file_uploads_disabled",
        ),
        "URL: 500": (Fault.status(500, **at_url), ResponseLost, "Tried"),
        "URL: too long": (Fault.rate_limited(300, **at_url), RateLimited, "asked to wait 300 s"),
        "URL: HTML": (Fault.html(403, **at_url), UnexpectedResponse, "HTML"),
        "bytes: 500": (Fault.status(500, **at_bytes), ResponseLost, "HTTP 500"),
        "bytes: 503": (Fault.html(503, **at_bytes), ResponseLost, "Slack's side (HTTP 503)"),
        "bytes: HTML": (Fault.html(200, **at_bytes), ResponseLost, "HTML"),
        "bytes: 204": (Fault.status(204, "", **at_bytes), ResponseLost, "HTTP 204"),
        "bytes: cut": (Fault.cut_while_read(1, **at_bytes), ResponseLost, "lost the connection"),
        "bytes: expired": (
            Fault.status(403, "expired", **at_bytes),
            UnexpectedResponse,
            "refused at the upload URL (HTTP 403): expired. A fresh URL was refused too.",
        ),
        "bytes: too many": (Fault.rate_limited(300, **at_bytes), RateLimited, "to wait 300 s"),
        "bytes: some only": (
            Fault.status(200, "OK - 5", **at_bytes),
            ResponseLost,
            "sent %d bytes, and 5 arrived" % len(CONTENT),
        ),
        "bytes: redirect": (
            Fault.redirect("https://evil.example/x", **at_bytes),
            UnexpectedResponse,
            "was redirected (HTTP 302) from the upload URL to evil.example",
        ),
    }


@pytest.mark.parametrize("name", sorted(lasting()))
def test_what_stays_leaves_nothing_and_says_so(slack, config, report, name):
    fault, error, part = lasting()[name]
    slack.faults.append(fault)
    with pytest.raises(error) as caught:
        timeless(config, file_path=report, channels=G)
    said = str(caught.value)
    assert part in said and said.endswith(NOTHING + ".") and "\n" not in said
    assert PERHAPS not in said and "_UrlRefused" not in said
    assert calls(slack, upload_module.COMPLETE) == [] and shared(slack) == []
    assert set(slack.workspace.files) == {"F0HARBOUR01", "F0HARBOUR02", "F0HARBOUR03"}
    assert sum(caught.value.client.clock.slept) < config["max_wait"]


def test_an_expired_url_is_replaced_once(slack, config, report):
    slack.faults.append(Fault.status(403, "expired", method=BYTES, times=None))
    with pytest.raises(UnexpectedResponse):
        timeless(config, file_path=report)
    assert len(sent(slack)) == len(calls(slack, upload_module.GET_URL)) == 2


def test_where_one_of_several_breaks_none_is_shared(slack, config, tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(name, encoding="utf-8")
    slack.faults.append(Fault.status(404, "gone", method=BYTES, after=1, times=None))
    with pytest.raises(SlackError) as caught:
        timeless(config, file_paths=[str(tmp_path / each) for each in "abc"], channels=G)
    assert "This was 'b', file 2 of 3. Nothing was shared." in str(caught.value)
    assert shared(slack) == [] and calls(slack, upload_module.COMPLETE) == []
    assert len(sent(slack)) == 3  # a; b twice; c never


REFUSED = ["channel_not_found", "not_in_channel", "invalid_blocks", "file_not_found"]


@pytest.mark.parametrize("code", REFUSED)
def test_a_completion_that_is_refused_shares_nothing(slack, config, report, code):
    slack.faults.append(Fault.refuse(code, method=upload_module.COMPLETE))
    with pytest.raises(SlackApiError) as caught:
        timeless(config, file_path=report, channels=G)
    assert caught.value.code == code and str(caught.value).endswith(NOT_COMPLETED)
    assert len(calls(slack, upload_module.COMPLETE)) == 1 and shared(slack) == []


@pytest.mark.parametrize(
    "fault, done",
    [
        (Fault.cut_after_read, True),
        (Fault.cut_midway, True),
        (Fault.broken_json, True),
        (Fault.html, False),
    ],
)
def test_a_completion_of_unknown_outcome_is_not_repeated(slack, config, report, fault, done):
    slack.faults.append(fault(method=upload_module.COMPLETE, times=None))
    with pytest.raises(ResponseLost) as caught:
        timeless(config, file_path=report, channels=G)
    assert PERHAPS in str(caught.value) and "othing was shared" not in str(caught.value)
    assert len(calls(slack, upload_module.COMPLETE)) == 1
    assert len(shared(slack)) == (1 if done else 0)


def test_trouble_at_the_completion_is_an_unknown_outcome_too(slack, config, report):
    slack.faults.append(Fault.refuse("internal_error", method=upload_module.COMPLETE, times=None))
    with pytest.raises(SlackApiError) as caught:
        timeless(config, file_path=report, channels=G)
    assert PERHAPS in str(caught.value) and "othing was shared" not in str(caught.value)
    assert len(calls(slack, upload_module.COMPLETE)) == 1


def test_an_answer_that_does_not_come_ends_in_time(slack, config, report):
    config["max_wait"] = 0.5
    slack.faults.append(Fault.slow(threading.Event(), method=BYTES, times=None))
    with pytest.raises(ResponseLost, match="no answer from 127.0.0.1 in time.*Nothing was shared"):
        upload(config, file_path=report)


# --- where the bytes go -------------------------------------------------------------------------


def answering(url, file_id="F1"):
    """A fault: another upload URL than Slack's."""
    body = json.dumps({"ok": True, "upload_url": url, "file_id": file_id})
    return Fault.status(200, body, "application/json", method=upload_module.GET_URL, times=None)


@pytest.mark.parametrize(
    "url",
    [
        "http://files.slack.com/upload/v1/x",
        "ftp://files.slack.com/x",
        "https://user:pw@files.slack.com/x",
        "https://files.slack.com:port/x",
        "https://[::1/x",
        "/upload/v1/x",
        "",
        None,
        5,
        ["https://files.slack.com/x"],
    ],
)
def test_a_file_goes_to_https_only(slack, config, report, url):
    slack.faults.append(answering(url))
    with pytest.raises(UnexpectedResponse, match="no upload URL, or one that is not https"):
        timeless(config, file_path=report)
    assert sent(slack) == []


def test_an_answer_without_an_id_is_none(slack, config, report):
    slack.faults.append(answering(slack.url + "upload/v1/x", None))
    with pytest.raises(UnexpectedResponse, match="no upload URL"):
        timeless(config, file_path=report)
    assert sent(slack) == []


def test_slack_itself_sends_no_file_to_this_machine():
    answer = {"upload_url": "http://127.0.0.1:8080/x", "file_id": "F1"}
    with pytest.raises(UnexpectedResponse):
        upload_module.check_place(answer, Settings())
    loopback = Settings(api_url="http://127.0.0.1:1/api/")
    assert upload_module.check_place(answer, loopback) == ("http://127.0.0.1:8080/x", "F1")
    answer["upload_url"] = "https://files.slack.com/x"
    assert upload_module.check_place(answer, Settings())[0] == "https://files.slack.com/x"


def test_an_upload_goes_through_the_proxy_and_trusts_the_configured_ca(
    elsewhere,  # noqa: F811
    report,
):
    server, tunnel, config = elsewhere
    config["proxy"] = tunnel.url
    server.faults.append(
        answering("https://%s/upload/v1/ticket-of-F0900000001" % HOST, "F0900000001")
    )
    # Carried out by hand, for the fault answers in Slack's place.
    server.workspace.uploads["F0900000001"] = Upload(
        "F0900000001", "ticket-of-F0900000001", "report.bin", len(CONTENT), seed.BOT
    )
    (file,) = upload(config, file_path=report)["files"]
    assert content_of(server, file) == CONTENT
    assert len(tunnel.asked) == 3 and all(HOST in each for each in tunnel.asked)


def test_over_tls(report):
    with LoopbackSlack(tls="good") as server:
        assert upload(tls_config(server), file_path=report, channels=G)["ok"]
        with pytest.raises(CertificateError):
            upload(dict(tls_config(server), ca_bundle=None), file_path=report)


# --- large files --------------------------------------------------------------------------------


def test_a_large_file_says_how_far_it_is():
    clock, said = Clock(), []
    progress = upload_module.paced(said.append, 5.0, clock, large=1000)
    for number in range(0, 2048 + 1, 256):
        progress("x.iso", number * 1024 * 1024, 2048 * 1024 * 1024)
        clock.now += 2
    assert said == [
        "files.upload: x.iso: 37 % sent, 768 of 2048 MB",
        "files.upload: x.iso: 75 % sent, 1536 of 2048 MB",
    ]
    clock.now += 100
    progress("x.iso", 2048 * 1024 * 1024, 2048 * 1024 * 1024)  # the result says that
    progress("small", 1, 999)
    assert len(said) == 2


def test_it_says_so_in_the_live_output(slack, config, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(action, "PROGRESS_EVERY", 0.0)
    path = tmp_path / "big.bin"
    with open(path, "wb") as stream:
        stream.truncate(upload_module.LARGE)
    upload(config, file_path=str(path))
    lines = [each for each in capsys.readouterr().out.splitlines() if "big.bin" in each]
    assert lines and all("% sent" in each for each in lines)


def test_a_small_file_says_nothing(config, report):
    done = run_action("slack.files.upload", {"file_path": report}, config)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux: /proc")
def test_a_file_is_never_in_memory_as_a_whole():
    size = 96
    rows = bench_files.measure(uploaded=size, downloaded=size)
    peaks = [row.measured for row in rows if row.unit == "MB"]
    assert len(peaks) == 2 and all(peak < size * 0.75 for peak in peaks)


def test_a_body_is_read_in_small_pieces():
    asked = []

    class Watched(io.BytesIO):
        def read(self, size=-1):
            asked.append(size)
            return super().read(size)

    source = upload_body.Source("content", "x", content=b"x" * 200000)
    body = upload_body.Body(source, Watched(source.content), 200000, lambda name, sent, size: None)
    assert b"".join(body) == source.content and len(body) == body.sent == 200000
    assert max(asked) <= upload_body.BLOCK and body.read() == b""


def test_a_transfer_is_given_up_where_nothing_moves():
    never = threading.Event()
    with pytest.raises(TimedOut, match="nothing moved for 0.05 s"):
        run_while_progressing(never.wait, lambda: 7, 0.05)
    never.set()


def test_a_transfer_ends_before_the_action_does():
    never = threading.Event()
    with pytest.raises(TimedOut, match="time of the action itself was over.*`timeout`"):
        run_while_progressing(never.wait, lambda: 7, 30, lambda: 0.1)
    never.set()


def test_a_transfer_that_moves_goes_on():
    done, moves = threading.Event(), []

    def moved():
        moves.append(1)
        if len(moves) > 20:
            done.set()
        return len(moves)

    assert run_while_progressing(lambda: done.wait() and "through", moved, 0.02) == "through"
    with pytest.raises(KeyError):
        run_while_progressing(lambda: {}["x"], lambda: 0, 30)


# --- what never comes out -----------------------------------------------------------------------


def secret_faults():
    """Every fault above, and some that echo what they got."""
    echo = "you sent Bearer %s to /upload/v1/ticket-of-F0900000001" % TOKEN
    at_bytes = {"method": BYTES, "times": None}
    return {
        **{name: each[0] for name, each in lasting().items()},
        "echo in text": Fault.status(403, echo, **at_bytes),
        "echo in HTML": Fault.status(200, "<html>%s</html>" % echo, "text/html", **at_bytes),
        "echo in 500": Fault.status(500, echo, **at_bytes),
        "echo in a redirect": Fault.redirect("https://evil.example/" + TOKEN, **at_bytes),
        "echo at the end": Fault.status(403, echo, method=upload_module.COMPLETE, times=None),
        "cut at the end": Fault.cut_after_read(method=upload_module.COMPLETE, times=None),
        "slow": Fault.slow(threading.Event(), **at_bytes),
        "not https": answering("http://x:%s@files.example/%s" % (CANARY, CANARY)),
    }


@pytest.mark.parametrize("name", sorted(secret_faults()))
def test_no_fault_brings_a_secret_out(slack, config, report, capfd, name):
    slack.tokens[TOKEN] = slack.tokens[slack.bot_token]
    config.update(action_token=TOKEN, max_wait=0.5 if name == "slow" else 5)
    slack.faults.append(secret_faults()[name])
    with Everything(capfd) as everything:
        with pytest.raises(SlackError) as caught:
            timeless(config, file_path=report, channels=G)
        said = everything.text(caught.value) + "".join(caught.value.client.notices)
    said = said.replace(str(getattr(caught.value, "answer", "")), "")
    assert CANARY not in said and "ticket-of-" not in said
    assert all(CANARY not in each.path + str(each.query) for each in slack.requests)
    assert all(CANARY.encode() not in each.body for each in sent(slack))


def test_an_upload_url_of_any_form_is_a_secret(slack, config, report, capfd):
    slack.faults.append(answering("%sin/%s?key=%s" % (slack.url, CANARY, CANARY)))
    with Everything(capfd) as everything:
        with pytest.raises(UnexpectedResponse, match="HTTP 404") as caught:
            timeless(config, file_path=report)
        said = everything.text(caught.value)
    assert any(CANARY in each.path for each in slack.requests), "it was asked"
    assert said.count('"POST /') >= 4 and CANARY not in said  # urllib3 does log


def test_an_upload_that_works_logs_no_secret(slack, config, report, capfd):
    with Everything(capfd) as everything:
        upload(config, file_path=report, channels="general")
        said = everything.text()
    assert "getUploadURLExternal" in said  # urllib3 does log
    assert "ticket-of-" not in said and slack.bot_token not in said


def test_the_contents_appear_in_no_error(slack, config):
    slack.faults.append(Fault.status(404, "no", method=BYTES, times=None))
    with pytest.raises(SlackError) as caught:
        timeless(config, content="the-contents")
    assert "the-contents" not in str(caught.value)


# --- what 2.x users patch -----------------------------------------------------------------------


@pytest.mark.parametrize("place", ["requests.post", "files_upload.requests.post"])
def test_it_lives_with_a_bare_mock(place, report):
    with mock.patch(place, return_value=mock.MagicMock()) as post:
        answer = upload({"action_token": "xoxb-1"}, file_path=report, channels=G)
    assert answer is post.return_value.json.return_value
    assert post.call_count == 3


def test_the_whole_module_can_be_patched(report):
    with mock.patch("files_upload.requests") as patched:
        patched.post.return_value.json.return_value = {
            "ok": True,
            "upload_url": "https://files.slack.com/upload/v1/x",
            "file_id": "F1",
            "files": [{"id": "F1"}],
        }
        answer = upload({"action_token": "xoxb-1"}, content="x", channels=G)
    assert answer["files"] == [{"id": "F1"}]
    urls = [each[0][0] for each in patched.post.call_args_list]
    assert urls == [
        "https://slack.com/api/files.getUploadURLExternal",
        "https://files.slack.com/upload/v1/x",
        "https://slack.com/api/files.completeUploadExternal",
    ]


def test_a_refusal_is_an_exception_with_a_mock_too():
    """2.x gave (False, code); etc/upgrade_2x.yaml says so."""
    with mock.patch("requests.post") as post:
        post.return_value.json.return_value = {"ok": False, "error": "not_authed"}
        with pytest.raises(SlackApiError, match="not_authed"):
            upload({"action_token": "xoxb-1"}, content="x")


# --- the loopback Slack -------------------------------------------------------------------------


def announced(slack, length=5):
    answer = requests.post(
        slack.api_url + upload_module.GET_URL,
        data={"filename": "x.txt", "length": length},
        headers={"Authorization": "Bearer " + slack.bot_token},
        timeout=300,
    ).json()
    return answer["upload_url"], answer["file_id"]


def test_loopback_takes_the_announced_bytes_once(slack):
    url, file_id = announced(slack)
    assert requests.post(url, data=b"four", timeout=60).status_code == 400
    taken = requests.post(url, data=b"bytes", timeout=60)
    assert (taken.status_code, taken.text) == (200, "OK - 5")
    assert requests.post(url, data=b"bytes", timeout=60).status_code == 404
    upload_there = slack.workspace.uploads[file_id]
    assert upload_there.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert file_id not in slack.workspace.files, "not before it is completed"


def test_loopback_completes_only_what_arrived(slack, config):
    _, file_id = announced(slack)
    client = make_client(config)
    for each in (file_id, "F0NOWHERE"):
        with pytest.raises(SlackApiError, match="file_not_found"):
            client.call(upload_module.COMPLETE, {"files": [{"id": each}]})
    with pytest.raises(SlackApiError, match="unknown_snippet_type"):
        client.call(
            upload_module.GET_URL, {"filename": "x", "length": 1, "snippet_type": "application/pdf"}
        )


def test_loopback_shares_in_all_channels_or_in_none(slack, config, report):
    for wrong in (seed.RANDOM, seed.ARCHIVED, "C0NOWHERE00"):
        with pytest.raises(SlackApiError):
            timeless(config, file_path=report, channels="%s,%s" % (G, wrong))
    assert shared(slack) == []
