"""Who may import whom (the house rules), read from the imports themselves."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "actions/lib/st2slack"
MODULES = sorted(LIBRARY.rglob("*.py"))

PURE = {
    "redact",
    "errors",
    "ids",
    "mrkdwn",
    "text_length",
    "web.encode",
    "web.filters",
    "web.refusals",
    "web.retry",
    "events.model",
    "events.channel_gaps",
    "events.clock_offset",
    "events.frames",
    "events.interactions",
    "events.json_access",
    "events.history_pass",
    "events.seen",
    "events.spans",
    "events.storable",
    "events.timestamps",
    "events.triggers",
    "checkup.features",
    "checkup.kinds",
    "checkup.rows",
    "work.authorization",
    "work.commands",
    "work.fitting",
    "work.notice",
    "work.outcome",
    "work.readable",
    "work.questions.ballot",
    "work.questions.form",
    "work.questions.message",
    "work.directory_name",
    "work.questions.question",
    "work.questions.starter",
    "work.report",
    "work.templates",
    "work.typed_text",
}
# A pure module may know their shapes and constants; they read only what they are given.
SETTINGS = {"settings." + path.stem for path in (LIBRARY / "settings").glob("*.py")}
# Standard modules that a pure module may use: no file, no socket, no clock, no process.
PURE_MAY = {"__future__", "typing", "re", "json", "urllib.parse", "math", "dataclasses", "enum"}
PURE_MAY |= {"array", "bisect", "collections", "fnmatch", "functools", "hashlib", "textwrap"}
PURE_MAY |= {"types", "difflib", "unicodedata"}
PURE_MAY |= {"calendar", "datetime"}  # of moments that are given
PURE_MAY |= {"slack_sdk.models.blocks", "slack_sdk.models.views"}  # they build objects, no more


def imports(path):
    """Full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield each.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import in %s" % path
            yield node.module
            for each in node.names:
                yield "%s.%s" % (node.module, each.name)


def module_name(path):
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_the_library_knows_its_place(path):
    name = module_name(path)
    for imported in imports(path):
        top = imported.split(".")[0]
        assert top not in ("sandbox", "tests", "bench", "catalogue", "generate_actions", "run")
        if top in ("st2common", "st2tests", "st2client", "st2reactor"):
            assert name == "action", "only action.py knows StackStorm"
        if name.startswith("web."):
            assert not imported.startswith(("st2slack.events", "st2slack.action", "st2slack.work"))
        if name not in ("action", "__init__"):
            assert not imported.startswith("st2slack.action")
        if not name.startswith("checkup."):
            assert not imported.startswith("st2slack.checkup"), "only actions/check.py imports it"
        if not name.startswith(("work.", "checkup.")) and name != "action":
            assert not imported.startswith("st2slack.work"), "only its actions and checkup may"
        if name.startswith("work."):
            assert not imported.startswith("st2slack.events")
        if top in ("ldap", "st2auth_ldap", "st2auth"):
            raise AssertionError("imported by name where LDAP is asked, for it may be missing")
        if name.startswith("settings") or name in ("redact", "errors"):
            assert not imported.startswith("st2slack.web")
        assert top != "yaml", "YAML costs every execution 40 to 180 ms"


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_do_no_io(name):
    path = LIBRARY / (name.replace(".", "/") + ".py")
    allowed = PURE_MAY | {"st2slack." + each for each in PURE | SETTINGS | {"events"}}
    for imported in imports(path):
        parents = {imported, imported.rpartition(".")[0]}
        assert parents & allowed, "%s imports %s" % (name, imported)


def test_only_settings_reads_config_keys():
    keys = ("action_token", "user_token", "config_token", "max_wait", "ca_bundle", "workspaces")
    keys += ("ldap_names", "base_ou", "cacert", "group_pattern")
    for path in MODULES:
        if module_name(path).startswith("settings."):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in keys:
                raise AssertionError("%s:%d reads %r" % (path, node.lineno, node.value))


def entry_files():
    return sorted((ROOT / "actions").glob("*.py")) + sorted((ROOT / "sensors").glob("*.py"))


@pytest.mark.parametrize("path", entry_files(), ids=lambda path: path.name)
def test_entry_files_hold_one_class_and_no_dataclass(path):
    """StackStorm loads them without sys.modules, and runs the first class by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert len(classes) == 1
    assert not any("dataclass" in imported for imported in imports(path))
    assert not any(imported.startswith(("sandbox", "tests")) for imported in imports(path))


def words(path):
    """The texts of a file that are not docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_what_it_says_can_be_printed_anywhere(path):
    """StackStorm's services often run without a locale: then an arrow ends a print, or the run."""
    for text in words(path):
        assert text.isascii(), text
