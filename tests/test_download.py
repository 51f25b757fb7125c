"""files.download over the wire: whole or not at all, and the token to Slack's own hosts only."""

import hashlib
import os
import stat
import threading
import unicodedata
from types import SimpleNamespace
from unittest import mock

import files_download
import pytest
import requests
from helpers import Clock, calls, make_client
from hypothesis import given
from hypothesis import strategies as st
from test_faults import PERHAPS, tls_config
from test_secrets import CANARY, TOKEN, Everything

from sandbox.slack import Fault, LoopbackSlack
from sandbox.slack.http import file_host
from sandbox.slack.state import seed
from sandbox.slack.state.tokens import Token
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import (
    InputError,
    RateLimited,
    ResponseLost,
    SlackApiError,
    SlackError,
    UnexpectedResponse,
)
from st2slack.files import download, save, upload
from st2slack.settings.slack import Settings

TABLES, PICTURE = "F0HARBOUR01", "F0HARBOUR02"
BYTES = "/files-pri/.*"


@pytest.fixture
def content(slack):
    """What is in tide-tables.csv."""
    return file_host.content_of(slack.workspace, slack.workspace.files[TABLES])


def fetch(config, save_to, file=TABLES, **given):
    """As StackStorm calls the action."""
    action = files_download.FilesDownloadAction(config)
    return action.run(file=file, save_to=str(save_to), **given)


def timeless(config, save_to, file=TABLES, **given):
    """The same, its waits without time. An error has the `client`."""
    client = make_client(config, Clock())
    try:
        return download.fetch(client, dict(given, file=file, save_to=str(save_to)))
    except SlackError as error:
        error.client = client
        raise


def asked(slack):
    """The requests for bytes."""
    return [each for each in slack.requests if each.path.startswith("/files-pri/")]


def left_in(folder):
    return sorted(each.name for each in folder.iterdir())


# --- what is saved ------------------------------------------------------------------------------


def test_a_file_is_saved(slack, config, content, tmp_path):
    path = tmp_path / "out.csv"
    assert fetch(config, path) == {
        "ok": True,
        "file": TABLES,
        "path": str(path),
        "bytes": 4096,
        "sha256": hashlib.sha256(content).hexdigest(),
        "name": "tide-tables.csv",
        "mimetype": "text/csv",
    }
    assert path.read_bytes() == content and left_in(tmp_path) == ["out.csv"]
    (request,) = asked(slack)
    assert request.headers["Authorization"] == "Bearer " + slack.bot_token
    assert "/download/" in request.path
    assert request.headers["Accept-Encoding"] == "identity", "else its length tells nothing"


def test_in_a_folder_it_keeps_its_name(config, content, tmp_path):
    assert fetch(config, tmp_path)["path"] == str(tmp_path / "tide-tables.csv")
    assert fetch(config, str(tmp_path) + "/", PICTURE)["bytes"] == 183221
    assert left_in(tmp_path) == ["quay-4.jpg", "tide-tables.csv"]


def test_what_was_uploaded_comes_back(slack, config, tmp_path):
    client = make_client(config)
    given = {"content": "ü\n" * 100000, "filename": "x.html", "channels": seed.GENERAL}
    answer = upload.upload(client, given, lambda name, sent, size: None)
    saved = fetch(config, tmp_path, answer["files"][0]["id"])
    assert (tmp_path / "x.html").read_text(encoding="utf-8") == given["content"]
    assert saved["mimetype"] == "text/html" and saved["bytes"] == 300000


@pytest.mark.parametrize(
    "name, safe",
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("..", TABLES),
        (".", TABLES),
        ("", TABLES),
        (None, TABLES),
        (".bashrc", "bashrc"),
        ("a\\b", "a_b"),
        ("two\nlines\0", "two_lines_"),
        ("ü 🎉.txt", "ü 🎉.txt"),
        ("a" * 300 + ".csv", "a" * 251 + ".csv"),
        ("ü" * 200 + ".csv", "ü" * 125 + ".csv"),
        ("a." + "b" * 300, ("a." + "b" * 300)[:255]),
        ("\ud800.txt", "?.txt"),
        (" .bashrc", "bashrc"),
        ("\u00a0.bashrc", "bashrc"),
        ("\u2028.bashrc", "bashrc"),
        (". .x", "x"),
        ("\u200b.x", "x"),
        ("\ufeff.x", "x"),
        ("\u202e.x", "x"),
        ("\u3000. \u2003.x ", "x"),
        ("\uff0ebashrc", "bashrc"),  # a wide full stop; some file systems fold it
        ("\u2024.x", "x"),
        ("\u2026x", "x"),
        ("\uff0fetc\uff0fpasswd", "_etc_passwd"),
        ("a\u2028b\x85c", "a_b_c"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt",) * 2,  # Persian needs the ZWNJ
        (" . . ", TABLES),
    ],
)
def test_a_name_leads_nowhere_else(slack, config, tmp_path, name, safe):
    found = download.safe_name(name, TABLES)
    assert len(found.encode("utf-8")) <= 255 and os.path.basename(found) == found
    assert found == safe or (name or "").startswith("a.")
    if name == "\ud800.txt":  # Slack cannot say it
        return
    slack.workspace.files[TABLES]["name"] = name or " "
    folder = tmp_path / "folder"
    folder.mkdir()
    saved = fetch(config, folder)
    assert os.path.dirname(saved["path"]) == str(folder) and len(left_in(folder)) == 1
    assert left_in(tmp_path) == ["folder"]


@pytest.mark.parametrize(
    "file_id, safe",
    [("../../x", "x"), ("/etc/passwd", "etcpasswd"), ("..", "file"), ("", "file"), (".x", "x")],
)
def test_an_id_leads_nowhere_else_either(file_id, safe):
    assert download.safe_name(["x"], file_id) == safe
    assert download.safe_name("", file_id) == download.safe_name(" .", file_id) == safe


@given(
    st.text(st.sampled_from(" ._/\\\u00a0\u2028\u200b\u202e\uff0e\uff0fax\u0301\n\0"), max_size=12)
)
def test_no_name_is_hidden_or_leads_away(name):
    found = download.safe_name(name, "F1")
    folded = unicodedata.normalize("NFKC", found)
    for each in (found, folded):
        assert each.strip() and not each.startswith((".", " ")) and each == each.strip()
        assert not set(each) & set("/\\\n\0\u2028")


def test_a_given_token_is_used(slack, config, tmp_path):
    slack.tokens["xoxb-given"] = slack.tokens[slack.bot_token]
    fetch(config, tmp_path, token="xoxb-given")
    told = {each.headers["Authorization"] for each in slack.requests}
    assert told == {"Bearer xoxb-given"}


def test_from_metadata_to_answer(config, tmp_path):
    values = {"file": TABLES, "save_to": str(tmp_path), "max_bytes": "4096", "overwrite": "false"}
    done = run_action("slack.files.download", values, config)
    assert (done.status, done.result["bytes"]) == ("succeeded", 4096)
    assert (done.stdout, done.stderr) == ("", "")
    done = run_action("slack.files.download", values, config)
    assert done.status == "failed"
    assert "exists. Choose another path" in done.stderr.strip().splitlines()[-1]


def test_over_tls(tmp_path):
    with LoopbackSlack(tls="good") as server:
        assert fetch(tls_config(server), tmp_path)["bytes"] == 4096


# --- what is there already ----------------------------------------------------------------------


@pytest.mark.parametrize("place", ["tide-tables.csv", "."])
def test_nothing_is_overwritten_unless_told(slack, config, content, tmp_path, place):
    path = tmp_path / "tide-tables.csv"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="exists"):
        fetch(config, tmp_path / place)
    assert path.read_text(encoding="utf-8") == "mine" and asked(slack) == []
    fetch(config, tmp_path / place, overwrite=True)
    assert path.read_bytes() == content and left_in(tmp_path) == ["tide-tables.csv"]


@pytest.mark.parametrize("kind", ["pipe", "socket", "link to a device", "pipe in a folder"])
def test_only_a_regular_file_is_replaced(slack, config, tmp_path, kind):
    place = tmp_path / "tide-tables.csv"
    if kind == "socket":
        os.mknod(place, stat.S_IFSOCK | 0o600)
    elif kind == "link to a device":
        place.symlink_to(os.devnull)
    else:
        os.mkfifo(place)
    before = os.lstat(place)
    with pytest.raises(InputError, match="`save_to`: .* is no regular file"):
        fetch(config, tmp_path if "folder" in kind else place, overwrite=True)
    assert os.lstat(place) == before and left_in(tmp_path) == ["tide-tables.csv"]
    assert BYTES not in [each.method for each in slack.requests]


def test_a_device_is_not_replaced():
    with pytest.raises(InputError, match="/dev/null is no regular file"):
        save.check_target("/dev/null", overwrite=True)


def test_a_link_that_leads_nowhere_is_there_too(config, tmp_path):
    os.symlink(tmp_path / "elsewhere", tmp_path / "link")
    with pytest.raises(InputError, match="exists"):
        fetch(config, tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_comes_into_being_meanwhile_stays(config, tmp_path):
    path, original = tmp_path / "out.csv", save._move

    def late(part, target, overwrite):
        path.write_text("mine", encoding="utf-8")
        return original(part, target, overwrite)

    with mock.patch.object(save, "_move", late), pytest.raises(InputError, match="exists"):
        fetch(config, path)
    assert path.read_text(encoding="utf-8") == "mine" and left_in(tmp_path) == ["out.csv"]


def test_a_broken_transfer_leaves_the_old_file(slack, config, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old", encoding="utf-8")
    slack.faults.append(Fault.cut_midway(method=BYTES, times=None))
    with pytest.raises(ResponseLost):
        timeless(config, path, overwrite=True)
    assert path.read_text(encoding="utf-8") == "old" and left_in(tmp_path) == ["out.csv"]


# --- what cannot be asked for -------------------------------------------------------------------


@pytest.mark.parametrize("file", [None, "", "report.pdf", "https://x.slack.com/files/U1/F1/x", 5])
def test_only_an_id_names_a_file(slack, config, tmp_path, file):
    with pytest.raises(InputError, match="`file` must be the ID of a file"):
        fetch(config, tmp_path, file)
    assert slack.requests == []


@pytest.mark.parametrize("place", ["", "no/such/folder/x", "x\0y"])
def test_a_place_that_cannot_be_written_is_refused_before_the_call(slack, config, tmp_path, place):
    with pytest.raises(InputError, match="`save_to`"):
        fetch(config, str(tmp_path / place) if place else "")
    assert slack.requests == [] and left_in(tmp_path) == []


@pytest.mark.parametrize("most", [0, -1])
def test_a_limit_of_nothing_is_refused(slack, config, tmp_path, most):
    with pytest.raises(InputError, match="`max_bytes` must be 1 or more"):
        fetch(config, tmp_path, max_bytes=most)
    assert slack.requests == []


GONE = [
    ({"mode": "hidden_by_limit"}, "older than what the workspace's plan shows"),
    ({"is_external": True, "external_type": "gdrive"}, "are not in Slack but with gdrive"),
    ({"mode": "external"}, "are not in Slack but with another service"),
    ({"mode": "space"}, "tells no address"),
    ({"url_private_download": 5}, "tells no address"),
]


@pytest.mark.parametrize("more, part", GONE)
def test_a_file_that_slack_has_not_is_refused(slack, config, tmp_path, more, part):
    slack.workspace.files[TABLES].update(more)
    with pytest.raises(InputError, match=part):
        fetch(config, tmp_path)
    assert asked(slack) == [] and left_in(tmp_path) == []


def test_a_tombstone_is_refused(config, tmp_path):
    told = {"id": TABLES, "mode": "tombstone"}
    with pytest.raises(InputError, match="was deleted"):
        download._address(told, Settings())
    with pytest.raises(SlackApiError, match="file_not_found"):
        fetch(config, tmp_path, "F0NOWHERE00")


def test_an_answer_without_a_file_is_none(slack, config, tmp_path):
    slack.faults.append(Fault.status(200, '{"ok": true}', "application/json", method="files.info"))
    with pytest.raises(UnexpectedResponse, match="files.info answered no file"):
        fetch(config, tmp_path)
    assert asked(slack) == []


def test_a_deleted_file_is_refused_by_slack(slack, config, tmp_path):
    slack.workspace.files[TABLES]["mode"] = "tombstone"
    with pytest.raises(SlackApiError, match="file_deleted"):
        fetch(config, tmp_path)


# --- how large it may be ------------------------------------------------------------------------


def test_a_file_that_is_too_large_by_its_own_account(slack, config, tmp_path):
    with pytest.raises(InputError, match="`max_bytes`: the file has more than 4095 bytes"):
        fetch(config, tmp_path, max_bytes=4095)
    assert asked(slack) == [] and left_in(tmp_path) == []
    assert fetch(config, tmp_path, max_bytes=4096)["bytes"] == 4096


def test_a_file_that_announces_more(slack, config, tmp_path):
    slack.faults.append(Fault.status(200, b"x" * 5000, "text/csv", method=BYTES, times=None))
    with pytest.raises(InputError, match="`max_bytes`.*Nothing was kept"):
        fetch(config, tmp_path, max_bytes=4096)
    assert left_in(tmp_path) == []


def response_of(pieces, headers=(), came=None):
    """A response as far as it is read."""
    size = sum(map(len, pieces)) if came is None else came
    return SimpleNamespace(
        headers=dict(headers),
        iter_content=lambda size: iter(pieces),
        raw=SimpleNamespace(tell=lambda: size),
        close=lambda: None,
    )


def test_a_file_that_grows_while_it_comes(tmp_path):
    read = []

    def pieces():
        for number in range(1000):
            read.append(number)
            yield b"x" * 100

    response = response_of([])
    response.iter_content = lambda size: pieces()
    with pytest.raises(InputError, match="`max_bytes`"):
        save.store(response, str(tmp_path / "x"), False, "m", save.Limits(most=250))
    assert len(read) == 3 and left_in(tmp_path) == []


def test_a_file_that_announces_more_is_not_begun(tmp_path):
    read = []
    response = response_of([b"x"], {"Content-Length": "251"})
    response.iter_content = lambda size: iter(read.append(1) or b"x" for _ in range(251))
    with pytest.raises(InputError, match="`max_bytes`"):
        save.store(response, str(tmp_path / "x"), False, "m", save.Limits(most=250))
    assert read == [] and left_in(tmp_path) == []


def test_a_body_that_is_shorter_than_announced_is_not_kept(tmp_path):
    """urllib3 1.26 ends such a body without an error."""
    response = response_of([b"half"], {"Content-Length": "8"})
    with pytest.raises(ResponseLost, match="4 of 8 bytes.*Nothing was kept"):
        save.store(response, str(tmp_path / "x"), False, "m")
    assert left_in(tmp_path) == []
    packed = response_of([b"much longer unpacked"], {"Content-Length": "8"}, came=8)
    assert save.store(packed, str(tmp_path / "x"), False, "m").size == 20


def test_a_disk_that_is_full_leaves_nothing(config, tmp_path):
    def full(*args):
        raise OSError(28, "No space left on device")

    told = "cannot be written: No space left.*Nothing was kept"
    with mock.patch.object(save, "_copy", full), pytest.raises(InputError, match=told):
        fetch(config, tmp_path / "x")
    assert left_in(tmp_path) == []


# --- what comes instead of the file -------------------------------------------------------------


def test_a_sign_in_page_is_not_the_file(slack, config, tmp_path):
    """What the loopback Slack, like Slack, gives to a token without files:read; HTTP 200."""
    slack.faults.append(
        Fault.status(200, file_host.SIGN_IN, "text/html; charset=utf-8", method=BYTES)
    )
    with pytest.raises(UnexpectedResponse, match="sign-in page instead of the file.*files:read"):
        fetch(config, tmp_path)
    assert left_in(tmp_path) == []


def test_a_sign_in_page_is_not_an_html_file_either(slack, config, tmp_path):
    slack.workspace.files[TABLES].update(mimetype="text/html", name="x.html")
    page = Fault.status(200, file_host.SIGN_IN, "text/html", method=BYTES)
    slack.faults.append(page)
    with pytest.raises(UnexpectedResponse, match="bytes that are not the file, which has 4096"):
        fetch(config, tmp_path)
    assert left_in(tmp_path) == []
    assert fetch(config, tmp_path)["bytes"] == 4096


def test_loopback_shows_the_sign_in_page_without_the_scope(slack, config, tmp_path):
    slack.tokens["xoxb-poor"] = Token("bot", seed.BOT, ("files:write",), bot_id=seed.BOT_ID)
    with pytest.raises(SlackApiError, match="missing_scope"):
        fetch(config, tmp_path, token="xoxb-poor")
    url = make_client(config).call("files.info", {"file": TABLES})["file"]["url_private"]
    url = url.replace("/tide", "/download/tide")
    for token in ("xoxb-poor", "xoxb-loopback-revoked", "nonsense", ""):
        page = requests.get(url, headers={"Authorization": "Bearer " + token}, timeout=60)
        assert (page.status_code, page.text) == (200, file_host.SIGN_IN)


def lasting():
    """Faults that stay: name → (fault, error, part of its text)."""
    always = {"method": BYTES, "times": None}
    return {
        "500": (Fault.status(500, **always), ResponseLost, "HTTP 500"),
        "503": (Fault.html(503, **always), ResponseLost, "HTTP 503"),
        "404": (
            Fault.html(404, **always),
            UnexpectedResponse,
            "HTTP 404. The file is gone, or the token",
        ),
        "403": (Fault.status(403, **always), UnexpectedResponse, "HTTP 403"),
        "400": (Fault.status(400, "bad", **always), UnexpectedResponse, "HTTP 400"),
        "206": (Fault.status(206, "part", **always), ResponseLost, "HTTP 206"),
        "cut": (Fault.cut_after_read(**always), ResponseLost, "lost the connection"),
        "cut midway": (Fault.cut_midway(**always), ResponseLost, "broke off"),
        "too many": (Fault.rate_limited(300, **always), RateLimited, "asked to wait 300 s"),
        "redirect": (
            Fault.redirect("https://evil.example/x", **always),
            UnexpectedResponse,
            "was redirected to evil.example. That is no host of Slack's",
        ),
        "redirect to http": (
            Fault.redirect("http://files.slack.com/x", **always),
            UnexpectedResponse,
            "was redirected to files.slack.com. That is no host",
        ),
        "redirect to nowhere": (
            Fault.redirect("https://[::1/", **always),
            ResponseLost,
            "got an answer that cannot be used",
        ),
        "redirect in a circle": (
            Fault.redirect("/files-pri/T0123456789-F0HARBOUR01/download/x", **always),
            UnexpectedResponse,
            "was redirected more than 3 times",
        ),
    }


@pytest.mark.parametrize("name", sorted(lasting()))
def test_what_stays_leaves_nothing(slack, config, tmp_path, name):
    fault, error, part = lasting()[name]
    slack.faults.append(fault)
    with pytest.raises(error) as caught:
        timeless(config, tmp_path)
    said = str(caught.value)
    assert part in said and "\n" not in said and said.startswith("files.download")
    assert PERHAPS not in said
    assert left_in(tmp_path) == []
    assert sum(caught.value.client.clock.slept) < config["max_wait"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500, method=BYTES),
        Fault.cut_midway(method=BYTES),
        Fault.cut_after_read(method=BYTES),
        Fault.rate_limited(2, method=BYTES),
        Fault.status(500, method="files.info"),
    ],
)
def test_what_passes_is_tried_again(slack, config, content, tmp_path, fault):
    slack.faults.append(fault)
    fault.used = fault.matched = 0  # the parameter outlives a test
    timeless(config, tmp_path)
    assert fault.used == 1 and (tmp_path / "tide-tables.csv").read_bytes() == content
    assert left_in(tmp_path) == ["tide-tables.csv"]


def test_a_file_that_does_not_come_ends_in_time(slack, config, tmp_path):
    config["max_wait"] = 0.5
    slack.faults.append(Fault.slow(threading.Event(), method=BYTES, times=None))
    with pytest.raises(ResponseLost, match="in time"):
        fetch(config, tmp_path)
    assert left_in(tmp_path) == []


def test_a_redirect_among_slacks_hosts_is_followed(slack, config, content, tmp_path):
    target = "/files-pri/T0123456789-F0HARBOUR01/download/moved.csv"
    slack.faults.append(Fault.redirect(target, method=BYTES))
    fetch(config, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == content
    assert [each.path.rpartition("/")[2] for each in asked(slack)] == [
        "tide-tables.csv",
        "moved.csv",
    ]


# --- where the token goes -----------------------------------------------------------------------

SLACK = Settings()
LOOPBACK = Settings(api_url="http://127.0.0.1:8080/api/")
OWN = Settings(api_url="https://gateway.example:8443/api/")


@pytest.mark.parametrize(
    "url, settings, allowed",
    [
        ("https://files.slack.com/files-pri/x", SLACK, True),
        ("https://harbour-works.slack.com/x", SLACK, True),
        ("https://slack.com:443/x", SLACK, True),
        ("https://FILES.slack.com/x", SLACK, True),
        ("https://files.slack-gov.com/x", SLACK, True),
        ("https://files.slack.com/x", OWN, True),
        ("https://gateway.example:8443/x", OWN, True),
        ("http://127.0.0.1:8080/x", LOOPBACK, True),
        ("http://files.slack.com/x", SLACK, False),
        ("https://files.slack.com:8443/x", SLACK, False),
        ("https://evilslack.com/x", SLACK, False),
        ("https://slack.com.evil.example/x", SLACK, False),
        ("https://evil.example/.slack.com", SLACK, False),
        ("https://evil.example#.slack.com", SLACK, False),
        ("https://evil.example?.slack.com", SLACK, False),
        ("https://evil.example\\.slack.com/x", SLACK, False),
        ("https://evil.example\\@files.slack.com/x", SLACK, False),
        ("https://user:pw@files.slack.com/x", SLACK, False),
        ("https://user@files.slack.com/x", SLACK, False),
        ("https://files.slack.com\n.evil.example/x", SLACK, False),
        ("https://files.ѕlack.com/x", SLACK, False),
        ("https://gateway.example/x", OWN, False),
        ("https://x.gateway.example:8443/x", OWN, False),
        ("http://127.0.0.1:8080/x", SLACK, False),
        ("http://127.0.0.1:9090/x", LOOPBACK, False),
        ("http://localhost:8080/x", LOOPBACK, False),
        ("http://evil.example/x", LOOPBACK, False),
        ("ftp://files.slack.com/x", SLACK, False),
        ("//files.slack.com/x", SLACK, False),
        ("https:///x", SLACK, False),
        ("https://files.slack.com:port/x", SLACK, False),
        ("", SLACK, False),
    ],
)
def test_which_hosts_are_slacks(url, settings, allowed):
    assert download.is_slacks(url, settings) is allowed


def test_an_address_elsewhere_gets_no_token(slack, config, tmp_path):
    slack.workspace.files[TABLES]["url_private_download"] = "https://evil.example/x"
    with pytest.raises(UnexpectedResponse, match="is on no host of Slack's"):
        fetch(config, tmp_path)
    assert asked(slack) == []


def test_a_redirect_takes_the_token_nowhere_else(slack, config, tmp_path):
    with LoopbackSlack() as other:
        slack.faults.append(Fault.redirect(other.url + "files-pri/x/download/y", method=BYTES))
        with pytest.raises(UnexpectedResponse, match="no host of Slack's"):
            fetch(config, tmp_path)
        assert other.connections == 0
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("name", [*sorted(lasting()), "echo in 403", "echo in HTML", "echo in 500"])
def test_no_fault_brings_a_secret_out(slack, config, tmp_path, capfd, name):
    slack.tokens[TOKEN] = slack.tokens[slack.bot_token]
    config.update(action_token=TOKEN, max_wait=5)
    echo = "you sent Authorization: Bearer " + TOKEN
    always = {"method": BYTES, "times": None}
    faults = {
        "echo in 403": Fault.status(403, echo, **always),
        "echo in HTML": Fault.status(200, "<html>" + echo, "text/html", **always),
        "echo in 500": Fault.status(500, echo, **always),
    }
    slack.faults.append(faults.get(name) or lasting()[name][0])
    with Everything(capfd) as everything:
        with pytest.raises(SlackError) as caught:
            timeless(config, tmp_path)
        said = everything.text(caught.value) + "".join(caught.value.client.notices)
    assert CANARY not in said
    assert all(CANARY not in each.path + str(each.query) for each in slack.requests)
    assert len(calls(slack, "files.info")) == 1
