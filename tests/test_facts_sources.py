"""The facts against what others published: slack_sdk's functions, and the types of Slack's packages
for Node. Where they differ on purpose, etc/slack/rulings.yaml says why."""

import json
import tarfile
from pathlib import Path

import node_clients
import pytest
from slack_sdk.web.client import WebClient

from tools.facts import compare, origins, rulings, sdk, typescript, typings

ROOT = Path(__file__).resolve().parents[1]
FACTS = json.loads((ROOT / "etc/slack/web_api.json").read_text(encoding="utf-8"))["methods"]
EVENTS = json.loads((ROOT / "etc/slack/events.json").read_text(encoding="utf-8"))["events"]
RULINGS = rulings.load(ROOT / "etc/slack/rulings.yaml")
PACKAGES = ROOT / ".node-tests/node_modules/@slack"
# Methods that are functions of a client, not of the Web API.
CLIENTS_OWN = {"files.uploadV2"}


@pytest.fixture(scope="module")
def node_types():
    """Method -> what the types of the installed @slack/web-api say."""
    node_clients.needed()
    return typings.Package(typings.read_package(PACKAGES / "web-api")).methods()


def arguments_of(types):
    return {name: each.arguments for name, each in types.items() if name not in CLIENTS_OWN}


# slack_sdk

SDK = sdk.methods(WebClient)


def test_slack_sdk_is_read():
    assert len(SDK) > 300 and sum(map(len, SDK.values())) > 900
    post = SDK["chat.postMessage"]
    assert post["channel"].is_required and not post["text"].is_required
    assert "array" in post["blocks"].kinds and post["unfurl_links"].kinds == {"boolean"}


def test_the_facts_have_every_method_of_slack_sdk():
    assert compare.unknown_methods(FACTS, SDK) == set()


def test_the_facts_have_every_argument_of_slack_sdk():
    assert compare.unknown_arguments(FACTS, SDK) == rulings.against(RULINGS, "sdk", "argument")


def test_the_facts_require_what_slack_sdk_requires():
    assert compare.required(FACTS, SDK) == rulings.against(RULINGS, "sdk", "required")


# types of the packages for Node


def test_the_types_are_read(node_types):
    assert len(node_types) > 250
    post = node_types["chat.postMessage"].arguments
    assert post["channel"].is_required and not post["text"].is_required
    assert set(post["parse"].values) == {"full", "none"}
    assert node_types["conversations.list"].response["channels"] == "list"
    assert node_types["admin.emoji.list"].response["emoji"] == "map"


def test_the_facts_have_every_method_of_the_types(node_types):
    assert compare.unknown_methods(FACTS, arguments_of(node_types)) == set()


def test_the_facts_have_every_argument_of_the_types(node_types):
    found = compare.unknown_arguments(FACTS, arguments_of(node_types))
    assert found == rulings.against(RULINGS, "node", "argument")


def test_the_facts_require_what_the_types_require(node_types):
    found = compare.required(FACTS, arguments_of(node_types))
    assert found == rulings.against(RULINGS, "node", "required")


def test_pages_hold_what_the_types_say(node_types):
    answers = {name: each.response for name, each in node_types.items()}
    assert compare.containers(FACTS, answers) == rulings.against(RULINGS, "node", "container")


def test_the_facts_have_every_event_of_the_types_and_its_keys():
    """Of `message` the facts have the keys of each subtype apart."""
    node_clients.needed()
    found = typings.Package(typings.read_package(PACKAGES / "types")).events()
    assert len(found) > 80 and "item_user" in found["reaction_added"]
    assert set(found) <= set(EVENTS)
    lacking = {name: keys - set(EVENTS[name].get("keys", ())) for name, keys in found.items()}
    assert {name for name, keys in lacking.items() if keys} == {"message"}


# What the library reads out of an answer: method -> keys.
READ = {
    "auth.test": ["team", "team_id", "user", "user_id", "bot_id", "url"],
    "bots.info": ["bot", "bot.name", "bot.user_id", "bot.app_id"],
    "chat.postMessage": ["channel", "ts", "message"],
    "chat.update": ["channel", "ts"],
    "conversations.history": ["messages", "has_more", "response_metadata.next_cursor"],
    "conversations.info": ["channel", "channel.name", "channel.is_member", "channel.topic"],
    "conversations.list": ["channels", "response_metadata.next_cursor"],
    "conversations.open": ["channel", "channel.id"],
    "conversations.replies": ["messages", "response_metadata.next_cursor"],
    "files.completeUploadExternal": ["files"],
    "files.getUploadURLExternal": ["upload_url", "file_id"],
    "files.info": ["file", "file.url_private_download", "file.size", "file.name"],
    "usergroups.list": ["usergroups"],
    "usergroups.users.list": ["users"],
    "users.conversations": ["channels", "response_metadata.next_cursor"],
    "users.info": ["user", "user.name", "user.profile", "user.is_bot", "user.deleted"],
    "users.list": ["members", "response_metadata.next_cursor"],
    "users.lookupByEmail": ["user", "user.id"],
    "views.open": ["view", "view.id", "view.hash"],
}


@pytest.mark.parametrize("method", sorted(READ))
def test_what_is_read_of_an_answer_is_in_its_type(node_types, method):
    missing = [key for key in READ[method] if key not in node_types[method].response]
    assert not missing


# the reader of TypeScript


def test_every_file_of_the_packages_is_readable():
    node_clients.needed()
    for name in ("web-api", "types"):
        files = typings.read_package(PACKAGES / name)
        assert len(files) > 40
        for path, text in files.items():
            assert isinstance(typescript.parse(text), typescript.Module), path


COMMON = """
export interface Token { token?: string }
export interface Where {
    /** @description in a comment; { not a brace } */
    channel: string;
    ts: string;
}
"""
REQUEST = """
import type { Stream } from 'node:stream';
import type { Token, Where as Place } from './common';
type Choice = { a: string; b?: never } | { b: number; a?: never };
interface Page { limit?: number; cursor?: string }
export interface OneArguments extends Place, Token, Partial<Page> {
    flag: boolean;
    kind?: 'x' | 'y';
    list: [string, ...string[]];
    body: Buffer | Stream;
    map: { [key: string]: string };
    ready: () => void;
}
export type TwoArguments =
    Token & Choice & Pick<Place, 'ts'> & { ts?: string; more: Array<string> };
export type ThreeArguments =
    OptionalArgument<Omit<OneArguments, 'list' | 'body' | 'map' | 'ready'>>;
"""
RESPONSE = """
import type { WebAPICallResult } from '../WebClient';
export type OneResponse = WebAPICallResult & {
    items?: Item[];
    by_name?: { [key: string]: Item };
    groups?: Groups;
    ok?: boolean;
    thing?: Item;
    either?: string | number;
};
interface Item { id?: string; parent?: Item }
interface Groups { a?: Item[]; b?: string[] }
"""
METHODS = """
import type { OneArguments, TwoArguments, ThreeArguments } from './request';
import type { OneResponse } from './response';
export declare abstract class Methods extends EventEmitter {
    protected constructor();
    abstract apiCall(method: string, options?: Record<string, unknown>): Promise<OneResponse>;
    readonly a: {
        one: MethodWithRequiredArgument<OneArguments, OneResponse>;
        b: { two: MethodWithRequiredArgument<TwoArguments, OneResponse> };
    };
    readonly c: { three: MethodWithOptionalArgument<ThreeArguments, OneResponse> };
}
"""
PACKAGE_FILES = {
    "dist/methods.d.ts": METHODS,
    "dist/request.d.ts": REQUEST,
    "dist/common.d.ts": COMMON,
    "dist/response.d.ts": RESPONSE,
}
PACKAGE = typings.Package(PACKAGE_FILES)


def test_a_package_is_read_from_a_folder_and_from_a_tarball_of_npm(tmp_path):
    for name, text in {**PACKAGE_FILES, "dist/methods.js": "skipped"}.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        archive.add(tmp_path / "package", "package")
    for path in (tmp_path / "package", tmp_path / "package.tgz"):
        assert typings.read_package(path) == PACKAGE_FILES


def required_of(method):
    arguments = PACKAGE.methods()[method].arguments
    return {name for name, each in arguments.items() if each.is_required}


def test_names_are_followed_through_imports_and_bases():
    one = PACKAGE.methods()["a.one"].arguments
    assert required_of("a.one") == {"body", "channel", "flag", "list", "map", "ready", "ts"}
    assert set(one) - required_of("a.one") == {"cursor", "kind", "limit"}
    assert one["kind"].values == ("x", "y") and one["list"].kinds == {"array"}
    assert one["body"].kinds == {"file"} and one["map"].kinds == {"object"}
    assert one["flag"].kinds == {"boolean"} and one["limit"].kinds == {"number"}


def test_of_a_union_only_what_every_part_requires_is_required():
    two = PACKAGE.methods()["a.b.two"].arguments
    assert required_of("a.b.two") == {"ts", "more"} and set(two) == {"a", "b", "more", "ts"}
    assert two["b"].kinds == {"number"} and two["more"].kinds == {"array"}


def test_omitted_properties_are_not_there():
    assert required_of("c.three") == {"channel", "flag", "ts"}


def test_containers_of_an_answer():
    response = PACKAGE.methods()["a.one"].response
    kinds = {key: kind for key, kind in response.items() if "." not in key}
    assert kinds == {
        "by_name": "map",
        "either": "value",
        "groups": "lists",
        "items": "list",
        "ok": "value",
        "thing": "object",
    }
    assert response["groups.a"] == "list" and response["thing.id"] == "value"


@pytest.mark.parametrize(
    "text", ["interface A { b: ", "type A = {b: %}", "interface A extends { }"]
)
def test_what_cannot_be_read_is_said(text):
    with pytest.raises(typescript.Unreadable):
        typescript.parse(text)


# rulings


def test_a_ruling_has_a_reason_a_source_and_a_date(tmp_path):
    entry = {"method": "a.b", "name": "c", "about": "required", "ruling": False}
    entry.update(against=["sdk"], reason="why", source="page", date="2026-01-01")
    path = tmp_path / "rulings.yaml"
    path.write_text(json.dumps({"rulings": [entry]}))
    assert rulings.load(path)[0].reason == "why"
    for lacking in ("reason", "source", "date", "against"):
        path.write_text(json.dumps({"rulings": [{**entry, lacking: ""}]}))
        with pytest.raises(rulings.BadRuling, match=lacking):
            rulings.load(path)
    path.write_text(json.dumps({"rulings": [entry, entry]}))
    with pytest.raises(rulings.BadRuling, match="two rulings"):
        rulings.load(path)


# origins


def test_every_fact_of_every_method_has_an_origin():
    for name, facts in FACTS.items():
        found = origins.origins(name, facts, {"slack_sdk": SDK}, RULINGS)
        assert found["method"] and set(found.get("args", {})) == set(facts["args"])
        shown = {key for key in ("scopes", "errors", "pagination", "writes") if key in facts}
        assert shown <= set(found), name


def test_an_argument_that_pages_alone_show():
    argument = {"type": "string", "required": False, "enum": ["a"], "enum_from": "ref-text"}
    facts = {"seen_in": ["docs", "ref", "java"], "args": {"x": argument}}
    found = origins.origins("pins.add", facts, {"slack_sdk": SDK}, [])
    assert found["method"] == ["page of docs.slack.dev", "SDK for Java"]
    assert found["args"] == {"x": "page of docs.slack.dev alone; enum: ref-text"}
