"""Every fact has its action, every argument its parameter; files are what facts and words say."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tools.generator import command as generate_actions
from tools.generator import metadata, sources

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = sources.load(ROOT)
LIVING = dict(CATALOGUE.current())
PACK_2X = json.loads((ROOT / "etc/slack/pack_2x.json").read_text(encoding="utf-8"))["actions"]

# Every departure from the facts, with its reason. Nothing else may differ.
NO_ACTION = {
    "files.upload": "hand-written, on the methods that took its place",
    "users.admin.invite": "hand-written, undocumented by Slack",
}
OTHER_TYPE = {}
PLUMBING = {"token", "workspace", "ignore_errors", "http_method", "end_point"}
PAGING = {"all_pages", "max_items", "fields"}
SAVING = {"save_to", "overwrite"}


def read_action(name):
    text = (ROOT / "actions" / (name + ".yaml")).read_text(encoding="utf-8")
    return yaml.load(text, Loader=sources.LOADER)


ACTIONS = {name: read_action(name) for name in LIVING}


def expected_type(fact):
    if fact.get("format") in ("csv", "binary"):
        return "string"
    return fact["type"]


def test_all_documented_methods_are_there():
    documented = {
        name
        for name, facts in CATALOGUE.methods.items()
        if not facts["retired"] and not facts["undocumented"]
    }
    assert documented - set(NO_ACTION) == set(LIVING)
    assert len(LIVING) == 350
    assert sum(len(facts["args"]) for facts in LIVING.values()) == 1211


@pytest.mark.parametrize("name", sorted(LIVING))
def test_action_follows_the_facts(name):
    action, facts = ACTIONS[name], LIVING[name]
    parameters = action["parameters"]
    for argument, fact in facts["args"].items():
        expected = OTHER_TYPE.get((name, argument), expected_type(fact))
        assert parameters[argument]["type"] == expected, argument
        assert parameters[argument]["required"] is fact["required"], argument
        assert "default" not in parameters[argument], argument
        assert "enum" not in parameters[argument], argument
    rulings = CATALOGUE.words.of(name).get("rulings") or {}
    ours = set(parameters) - set(facts["args"]) - set(rulings)
    expected_ours = PLUMBING - (set() if facts["takes_token"] else {"token"})
    paged = facts.get("pagination") and name not in CATALOGUE.words.rulings["not_walked"]
    expected_ours |= PAGING if paged else set()
    expected_ours |= SAVING if name == "admin.analytics.getFile" else set()
    assert ours == expected_ours


@pytest.mark.parametrize("name", sorted(LIVING))
def test_plumbing(name):
    action = ACTIONS[name]
    parameters = action["parameters"]
    assert (action["name"], action["entry_point"], action["runner_type"]) == (
        name,
        "run.py",
        "python-script",
    )
    assert parameters["end_point"]["immutable"] is True
    assert parameters["end_point"]["default"] == name
    assert parameters["http_method"]["default"] == "POST"
    assert parameters["http_method"]["enum"] == ["GET", "POST"]
    assert not parameters["http_method"]["required"]
    if "token" in parameters:
        assert parameters["token"]["secret"] is True
        assert not parameters["token"]["required"]
    positions = [each["position"] for each in parameters.values()]
    assert positions == list(range(len(parameters)))
    required = [each["required"] for each in parameters.values() if each["position"] < 99]
    own = [each for each, value in parameters.items() if each not in PLUMBING | PAGING | SAVING]
    assert [parameters[each]["required"] for each in own] == sorted(
        (parameters[each]["required"] for each in own), reverse=True
    ), required


def test_every_credential_is_secret():
    words = re.compile(r"secret$|password$|(^|_)token$|verifier$|^assertion$|^code$")
    found = {
        (name, parameter)
        for name, action in ACTIONS.items()
        for parameter in action["parameters"]
        if words.search(parameter)
    }
    assert len(found) > 300
    open_ones = [
        each for each in found if not ACTIONS[each[0]]["parameters"][each[1]].get("secret")
    ]
    assert open_ones == []


def test_every_parameter_of_2x_is_accepted():
    missing = [
        (name, parameter)
        for name, old in PACK_2X.items()
        if name in LIVING
        for parameter in old["parameters"]
        if parameter not in ACTIONS[name]["parameters"]
    ]
    assert missing == []
    assert sum(name in LIVING for name in PACK_2X) > 130


def test_answers_with_credentials_are_masked():
    """Every key of an answer that looks like a credential is masked, wherever the facts name it."""
    tokens = re.compile(r"(^|_)token$|_secret$|^external_token$")
    for name, facts in LIVING.items():
        for key in facts.get("response_keys") or ():
            if tokens.search(key):
                schema = ACTIONS[name]["output_schema"]
                assert schema["properties"][key] == {"type": "string", "secret": True}, name
    for name in ("apps.connections.open", "rtm.connect", "rtm.start"):
        assert ACTIONS[name]["output_schema"]["properties"]["url"]["secret"] is True
    nested = ACTIONS["oauth.v2.access"]["output_schema"]["properties"]["authed_user"]
    assert nested["properties"]["access_token"]["secret"] is True
    assert nested["additionalProperties"] is True


# --- words -------------------------------------------------------------------------------------


def test_words_have_no_fault():
    assert sources.faults_of(CATALOGUE) == []


def first_sentence(name):
    return CATALOGUE.words.of(name)["description"]


@pytest.mark.parametrize("name", sorted(LIVING))
def test_a_method_is_described_in_one_imperative_sentence(name):
    text = first_sentence(name)
    assert text.endswith(".") and text[0].isupper() and "\n" not in text
    assert ". " not in text, "one sentence"
    assert 20 <= len(text) <= 120
    first = text.split()[0]
    assert not first.endswith("s") or first in ("Dismiss", "Discuss", "Process"), "imperative"
    assert first not in ("This", "The", "A", "An", "Use", "Method", "TODO")
    # It says more than the words of the name do.
    of_name = set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower()))
    said = set(re.findall(r"[a-z]+", text.lower()))
    small = {"a", "an", "the", "of", "to", "in", "or", "and"}
    stems = {word.rstrip("s") for word in of_name} | small
    assert len({word for word in said if word.rstrip("s") not in stems}) >= 2


def test_no_two_methods_read_the_same():
    texts = [first_sentence(name) for name in LIVING]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", sorted(LIVING))
def test_parameters_are_described(name):
    for argument in LIVING[name]["args"]:
        text = CATALOGUE.words.parameter(name, argument)
        assert text.endswith(".") and len(text.split()) >= 3, argument
        assert "\n" not in text and len(text) <= 240, argument
        assert not re.search(r"TODO|TBD|FIXME|placeholder text", text), argument
        plain = " ".join(re.findall(r"[a-z]+", text.lower()))
        assert plain not in (argument.replace("_", " "), "the " + argument.replace("_", " "))


def test_names_that_change_their_meaning_are_described_by_each_method():
    words = CATALOGUE.words
    assert not set(words.own_words) & set(words.glossary)
    for name in ("file", "message", "error", "before"):
        assert name in words.own_words


def test_a_glossary_entry_serves_one_form_only():
    forms = {}
    for name, facts in LIVING.items():
        for argument, fact in facts["args"].items():
            if argument not in (CATALOGUE.words.of(name).get("parameters") or {}):
                forms.setdefault(argument, set()).add(sources.form(fact))
    assert forms and all(len(each) == 1 for each in forms.values())


def test_json_lists_are_not_described_as_comma_separated():
    for name, facts in LIVING.items():
        for argument, fact in facts["args"].items():
            text = ACTIONS[name]["parameters"][argument]["description"]
            if fact.get("format") == "json":
                assert "omma-separated" not in text, (name, argument)
            if fact.get("format") == "csv":
                assert "Comma-separated." in text, (name, argument)


def test_what_the_facts_know_is_told():
    for name, facts in LIVING.items():
        description = ACTIONS[name]["description"]
        for scope in sum((facts.get("scopes") or {}).values(), []):
            if scope not in ("client", "seamless.user"):  # of Slack's own clients
                assert scope in description
        assert "seamless.user" not in description and "Scope: client" not in description
        for kind in facts.get("token_types") or ():
            assert {"app": "app level"}.get(kind, kind) in description
        if facts.get("rate_tier", "special") != "special":
            assert "tier " + facts["rate_tier"][-1] in description
        for argument, fact in facts["args"].items():
            text = ACTIONS[name]["parameters"][argument]["description"]
            for value in fact.get("enum") or ():
                assert str(value) in text
            if fact.get("max_length"):
                assert str(fact["max_length"]) in text
            if "default" in fact:
                assert "Slack's default: " in text
            if fact.get("required_if"):
                assert "Needed " in text


def test_scopes_that_no_app_can_have_are_not_in_the_list_of_actions():
    rows = (ROOT / "docs/actions.md").read_text(encoding="utf-8").splitlines()
    scopes = [set(row.split("|")[-2].split(", ")) for row in rows if row.startswith("| `slack.")]
    assert len(scopes) > 300
    assert not any({each.strip() for each in row} & {"client", "seamless.user"} for row in scopes)


def test_a_legacy_method_says_what_to_use():
    legacy = {name: facts for name, facts in LIVING.items() if facts.get("legacy")}
    assert {"search.all", "search.files", "search.messages", "rtm.connect"} < set(legacy)
    assert {name for name in LIVING if name.startswith("reminders.")} < set(legacy)
    for name, facts in legacy.items():
        description = ACTIONS[name]["description"]
        assert "Slack calls it legacy" in description
        for other in facts.get("replaced_by") or ():
            assert "slack." + other in description
    without = {name for name, facts in legacy.items() if not facts.get("replaced_by")}
    assert without == {"reminders.complete", "reminders.info"}, "Slack names nothing in their place"


# --- the generator ------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path):
    """A copy of what the generator reads and writes."""
    import shutil

    shutil.copytree(ROOT / "etc", tmp_path / "etc")
    (tmp_path / "actions/lib/st2slack").mkdir(parents=True)
    assert generate_actions.main(["--root", str(tmp_path)]) == 0
    return tmp_path


def check(root, capsys):
    capsys.readouterr()
    code = generate_actions.main(["--check", "--root", str(root)])
    return code, capsys.readouterr().err.splitlines()


def test_the_repository_is_in_step(capsys):
    assert check(ROOT, capsys) == (0, [])


def test_the_generated_tree_is_in_step(tree, capsys):
    assert check(tree, capsys) == (0, [])


def test_check_names_all_faults_at_once(tree, capsys):
    by_hand = tree / "actions/chat.postMessage.yaml"
    edited = by_hand.read_text(encoding="utf-8").replace("Post a", "Send a")
    by_hand.write_text(edited, encoding="utf-8")
    (tree / "actions/chat.delete.yaml").unlink()
    orphan = tree / "actions/channels.list.yaml"
    orphan.write_text(metadata.MARK + "\nname: x\n", encoding="utf-8")
    (tree / "actions/mine.yaml").write_text("name: mine\n", encoding="utf-8")
    (tree / "actions/lib/st2slack/methods.json").write_text("{}", encoding="utf-8")
    words = tree / "etc/words/pins.yaml"
    text = words.read_text(encoding="utf-8").replace("  pins.list:\n", "  pins.lost:\n")
    words.write_text(text, encoding="utf-8")
    code, faults = check(tree, capsys)
    assert code == 1
    assert any("pins.list has no description" in each for each in faults)
    assert any("pins.lost is no living method" in each for each in faults)
    words.write_text(text.replace("  pins.lost:\n", "  pins.list:\n"), encoding="utf-8")
    code, faults = check(tree, capsys)
    assert code == 1
    for part in (
        "chat.postMessage.yaml is not what",
        "chat.delete.yaml is missing",
        "channels.list.yaml is an orphan",
        "mine.yaml is neither generated nor listed",
        "methods.json is not what",
    ):
        assert any(part in each for each in faults), part


def test_missing_words_for_an_argument_are_a_fault(tree, capsys):
    facts_file = tree / "etc/slack/web_api.json"
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    facts["methods"]["pins.add"]["args"]["brand_new"] = {"type": "string", "required": False}
    facts_file.write_text(json.dumps(facts), encoding="utf-8")
    code, faults = check(tree, capsys)
    assert code == 1
    assert "etc/words: pins.add: argument 'brand_new' has no words" in faults


def test_writing_removes_orphans_and_leaves_the_rest(tree):
    orphan = tree / "actions/channels.list.yaml"
    orphan.write_text(metadata.MARK + "\nname: x\n", encoding="utf-8")
    mine = tree / "actions/mine.yaml"
    mine.write_text("name: mine\n", encoding="utf-8")
    assert generate_actions.main(["--root", str(tree)]) == 0
    assert not orphan.exists() and mine.exists()
