"""users_filter_by: what matches, over all pages, in bounded memory."""

import fnmatch
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import users_filter_by
from helpers import calls, make_client
from hypothesis import given
from hypothesis import strategies as some

from sandbox.slack import Fault
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import InputError, RateLimited, ResponseLost, ResultTooLarge
from st2slack.people import filters, user_filter

ROOT = Path(__file__).resolve().parents[1]
EVERYBODY = ["mara", "tomasz", "priya", "jonas", "lea", "harbourbot"]


def chosen(config, attributes=None, **more):
    return users_filter_by.FilterBy(config).run(attributes=attributes, **more)


def names(found):
    return [each["name"] for each in found]


# --- what matches -------------------------------------------------------------------------------


@pytest.mark.parametrize("attributes", [None, {}])
def test_without_attributes_everybody_comes(config, attributes):
    assert names(chosen(config, attributes)) == EVERYBODY


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"name": "mara"}, ["mara"]),
        ({"name": "m*"}, ["mara"]),
        ({"name": "?ara"}, ["mara"]),
        ({"name": "[mt]*"}, ["mara", "tomasz"]),
        ({"name": "[!mt]*"}, ["priya", "jonas", "lea", "harbourbot"]),
        ({"name": "M*"}, []),
        ({"real_name": "M*"}, ["mara"]),
        ({"deleted": True}, ["jonas"]),
        ({"deleted": False, "is_bot": False}, ["mara", "tomasz", "priya", "lea"]),
        ({"profile.email": "*@harbour-works.example", "is_admin": True}, ["mara"]),
        ({"profile.email": "*"}, EVERYBODY),
        ({"profile.email": "?*"}, EVERYBODY[:-1]),
        ({"profile.email": ""}, ["harbourbot"]),
        ({"profile.bot_id": ""}, EVERYBODY[:-1]),
        ({"profile.bot_id": "[!x]*"}, ["harbourbot"]),
        ({"profile.email": None}, ["harbourbot"]),
        ({"is_admin": None}, ["jonas"]),
        ({"profile.bot_id": "B*"}, ["harbourbot"]),
        ({"profile.nothing.deeper": "*"}, EVERYBODY),
        ({"name.deeper": ""}, EVERYBODY),
        ({"name.deeper": "?*"}, []),
        ({"name": ["mara"]}, []),
        ({"is_admin": 1}, ["mara"]),
        ({"is_admin": 0}, ["tomasz", "priya", "lea", "harbourbot"]),
        ({"is_admin": 2}, []),
        ({"is_admin": "1"}, []),
        ({"is_admin": "True"}, []),
        ({"updated": 1795420800}, EVERYBODY),
        ({"updated": "1795420800"}, []),
    ],
)
def test_attributes(config, attributes, expected):
    assert names(chosen(config, attributes)) == expected


def test_what_is_null_or_strange_does_not_crash(slack, config):
    members = [
        {"id": "U1", "name": None, "profile": None},
        {"id": "U2", "name": 7, "profile": "text"},
        {"id": "U3", "profile": {"email": None}},
        {"id": "U4", "name": "", "profile": {"email": "a@b", "fields": {"Xf1": {"value": "v"}}}},
        None,
        {},
    ]
    answer = json.dumps({"ok": True, "members": members})
    slack.faults.append(Fault.status(200, answer, "application/json", times=None))

    def ids(**attributes):
        return [each["id"] for each in chosen(config, attributes)]

    assert ids(**{"profile.email": None}) == ["U1", "U2", "U3"]
    assert ids(**{"profile.email": "?*"}) == ["U4"]
    assert ids(name=None) == ["U1", "U3"] and ids(name=7) == ["U2"]
    assert ids(name="") == ids(name="*") == ["U1", "U3", "U4"]
    assert ids(**{"profile.fields.Xf1.value": "v"}) == ["U4"]
    assert ids(**{"profile.fields": {"Xf1": {"value": "v"}}}) == ["U4"]


@pytest.mark.parametrize("attributes", [[], "x", 7, {"": 1}, {"a..b": 1}, {".a": 1}, {7: 1}])
def test_what_is_no_filter_is_refused(slack, config, attributes):
    with pytest.raises(InputError, match="Parameter `attributes` must be an object"):
        chosen(config, attributes)
    assert slack.requests == []


KEYS = some.sampled_from(["a", "b", "name", "profile"])
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=3),
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
PATHS = some.lists(KEYS, min_size=1, max_size=3).map(".".join)
WANTED = JSON | some.sampled_from(["*", "?", "[ab]*", "[!a]", "[", "]", "**", "a*"])


def expected(user, path, wanted):
    """The documented rule, written another way."""
    try:
        value = json.loads(json.dumps(user))
        for key in path.split("."):
            value = value[key] if isinstance(value, dict) else {}[key]
    except KeyError:
        value = None
    if isinstance(value, (str, type(None))) and isinstance(wanted, str):
        return fnmatch.fnmatchcase(value or "", wanted)
    return numbers_for_booleans(value) == numbers_for_booleans(wanted)


def numbers_for_booleans(value):
    """JSON text in which true is 1 and false is 0."""
    if isinstance(value, dict):
        value = {key: numbers_for_booleans(each) for key, each in value.items()}
    if isinstance(value, list):
        value = [numbers_for_booleans(each) for each in value]
    return json.dumps(int(value) if isinstance(value, bool) else value, sort_keys=True)


@given(some.dictionaries(KEYS, JSON, max_size=4), some.dictionaries(PATHS, WANTED, max_size=3))
def test_a_filter_is_all_of_its_rules(user, attributes):
    rules = [expected(user, path, wanted) for path, wanted in attributes.items()]
    assert filters.matches(user, filters.check_attributes(attributes)) is all(rules)


@given(some.dictionaries(KEYS, JSON, max_size=4))
def test_everybody_passes_the_filter_made_of_themselves(user):
    wanted = {key: value for key, value in user.items() if not isinstance(value, str)}
    assert filters.matches(user, wanted)


@given(some.dictionaries(KEYS, JSON, max_size=4), some.lists(PATHS, max_size=3))
def test_what_is_kept_is_what_was_there(user, fields):
    before = json.dumps(user)
    kept = filters.keep(user, fields)
    assert json.dumps(user) == before, "the user itself is left alone"
    marker = object()

    def at(item, path):
        for key in path.split("."):
            item = item.get(key, marker) if isinstance(item, dict) else marker
        return item

    for path in fields:
        assert at(kept, path) == at(user, path)
    if fields:
        assert set(kept) <= {path.split(".")[0] for path in fields}
    else:
        assert kept == user


# --- pages --------------------------------------------------------------------------------------


def test_all_pages_are_looked_through(slack, config):
    slack.workspace.add_crowd(450)
    assert len(chosen(config)) == 456
    assert len(calls(slack, "users.list")) == 3
    found = chosen(config, {"name": "crowd44[0-9]", "deleted": False}, limit=1000)
    assert len(found) == 9 and len(calls(slack, "users.list")) == 4


def test_fields_are_kept_and_nothing_else(config):
    found = chosen(config, {"name": "mara"}, fields=["id", "profile.email", "profile.no", "no"])
    email = "mara@harbour-works.example"
    assert found == [{"id": "U0HARBOUR01", "profile": {"email": email}}]


def test_max_items_ends_the_walk(slack, config):
    slack.workspace.add_crowd(450)
    assert names(chosen(config, {"name": "crowd*"}, max_items=2)) == ["crowd0", "crowd1"]
    assert len(slack.requests) == 1


@pytest.mark.parametrize(
    ("given_", "part"),
    [
        ({"max_items": 0}, "`max_items` must be 1 or more"),
        ({"limit": 0}, "`limit` must be 1 to 1000"),
        ({"limit": 1001}, "`limit` must be 1 to 1000"),
        ({"fields": "id"}, "`fields` must be a list"),
    ],
)
def test_numbers_and_fields_are_checked(slack, config, given_, part):
    with pytest.raises(InputError, match=part):
        chosen(config, **given_)
    assert slack.requests == []


def page(ids, cursor):
    members = [{"id": each, "name": each} for each in ids]
    answer = {"ok": True, "members": members, "response_metadata": {"next_cursor": cursor}}
    return Fault.status(200, json.dumps(answer), "application/json")


def test_pages_that_shift_bring_nobody_twice(slack, config):
    for each in (page(["U1", "U2"], "1"), page(["U2", "U3"], "2"), page([], "3"), page(["U4"], "")):
        slack.faults.append(each)
    assert names(chosen(config)) == ["U1", "U2", "U3", "U4"]


def test_pages_in_a_circle_fail_rather_than_end_too_soon(slack, config):
    for _ in range(2):
        slack.faults.append(page(["U1"], "1"))
    with pytest.raises(ResponseLost, match="cannot be read whole"):
        chosen(config)


def test_a_rate_limit_in_the_middle(slack, config):
    slack.workspace.add_crowd(450)
    slack.faults.append(Fault.rate_limited(5, after=1))
    client = make_client(config)
    assert len(user_filter.filter_users(client)) == 456
    assert client.clock.slept == [5.0]
    slack.faults.append(Fault.rate_limited(500, after=1))
    with pytest.raises(RateLimited, match="asked to wait 500 s.*page 2 of the list"):
        chosen(config)


def test_a_result_that_stackstorm_cannot_store_is_told(slack, config, monkeypatch):
    monkeypatch.setattr(user_filter, "RESULT_LIMIT", 2000)
    with pytest.raises(ResultTooLarge, match="`fields`"):
        chosen(config)
    assert len(chosen(config, fields=["id"])) == 6


def test_a_long_walk_says_how_far_it_is(slack, config):
    slack.workspace.add_crowd(450)
    said = []
    user_filter.filter_users(make_client(config), progress=lambda *told: said.append(told))
    assert said == [(200, 1), (400, 2), (456, 3)]


# --- memory -------------------------------------------------------------------------------------

ALONE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import users_filter_by
config = json.loads(sys.argv[2])
action = users_filter_by.FilterBy(config)
found = action.run(attributes={"name": sys.argv[3]}, fields=["id"], limit=1000)
# Not ru_maxrss: that remembers the process which started this one.
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(json.dumps([found, int(peak)]))
"""


def alone(config, name):
    """What is found, and the most memory the process ever had, in KB."""
    paths = [str(ROOT / each) for each in ("actions/lib", "actions", "sandbox/stackstorm/stubs")]
    paths.insert(0, str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", ALONE, json.dumps(paths), json.dumps(config), name],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux: /proc")
def test_a_hundred_thousand_users_take_no_more_memory_than_some_pages(slack, config):
    """All of them kept would be 170 MB more (tried)."""
    slack.workspace.add_crowd(5_000)
    found, before = alone(config, "crowd4999")
    assert [each["id"] for each in found] == ["U900004999"]
    slack.workspace.add_crowd(100_000)
    found, after = alone(config, "crowd9999[89]")
    assert [each["id"] for each in found] == ["U900099998", "U900099999"]
    assert len(calls(slack, "users.list")) == 6 + 101
    assert after - before < 20_000, "%d KB more" % (after - before)


# --- 2.x ----------------------------------------------------------------------------------------

TOKEN = {"action_token": "xoxb-1"}


@pytest.mark.parametrize("place", ["requests", "users_filter_by.requests"])
@pytest.mark.parametrize(("verb", "function"), [("GET", "get"), ("POST", "post")])
def test_tests_of_2x_users_can_patch_the_call(place, verb, function):
    members = [{"id": "U1", "name": "a"}, {"id": "U2", "name": "b"}]
    with mock.patch("%s.%s" % (place, function)) as patched:
        patched.return_value.json.return_value = {"ok": True, "members": members}
        found = users_filter_by.FilterBy(TOKEN).run(
            end_point="users.list", http_method=verb, attributes={"name": "b"}, token="xoxb-2"
        )
    assert found == [{"id": "U2", "name": "b"}]
    assert patched.call_count == 1 and patched.call_args[0][0].endswith("/api/users.list")


def test_a_bare_magic_mock_is_an_empty_list():
    with mock.patch("requests.get", return_value=mock.MagicMock()):
        assert users_filter_by.FilterBy(TOKEN).run(attributes={}) == []


def test_the_default_is_get_and_the_token_is_in_no_url(slack, config):
    done = run_action("slack.users_filter_by", {"attributes": '{"is_admin": true}'}, config)
    assert names(done.result) == ["mara"]
    (request,) = slack.requests
    assert request.verb == "GET" and "token" not in dict(request.query)
    assert config["action_token"] not in request.path
