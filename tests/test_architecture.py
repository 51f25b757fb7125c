"""Who may import whom (the house rules), read from the imports themselves."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "actions/lib/st2slack"
MODULES = sorted(LIBRARY.rglob("*.py"))

TABLE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def is_pure(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.startswith("PURE:")


def module_name(path):
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts)


def allowed_imports():
    """Folder of the library -> the folders that it is allowed to import, from the documentation."""
    rows = re.findall(r"^\| `(\w+)` \|((?: `\w+`,?)*) \|$", TABLE.split("## Imports")[1], re.M)
    return {name: set(re.findall(r"\w+", others)) for name, others in rows}


ALLOWED = allowed_imports()
PURE = {module_name(path) for path in MODULES if is_pure(path)}
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


def test_the_table_knows_every_folder_and_no_other():
    folders = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").exists()}
    assert set(ALLOWED) == folders | {"action"}
    assert set().union(*ALLOWED.values()) <= folders


def test_the_table_has_no_circle_and_names_no_import_that_is_not_there():
    order, left = [], dict(ALLOWED)
    while left:
        ready = [name for name, others in left.items() if others <= set(order)]
        assert ready, "a circle among %s" % sorted(left)
        order.extend(ready)
        left = {name: others for name, others in left.items() if name not in ready}
    used = {(folder_of(path), other) for path in MODULES for other in library_imports(path)}
    unused = {(name, other) for name, others in ALLOWED.items() for other in others} - used
    assert not unused, sorted(unused)


def folder_of(path):
    return module_name(path).split(".")[0]


def library_imports(path):
    """Folders of the library that a file imports."""
    folders = {each.split(".")[1] for each in imports(path) if each.startswith("st2slack.")}
    return folders - {folder_of(path)}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_one_way(path):
    allowed = ALLOWED.get(folder_of(path), set())
    assert library_imports(path) <= allowed


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_what_the_library_does_not_import(path):
    name = module_name(path)
    for imported in imports(path):
        top = imported.split(".")[0]
        assert top not in ("sandbox", "tests", "tools", "catalogue", "generate_actions", "run")
        if top in ("st2common", "st2tests", "st2client", "st2reactor"):
            assert name == "action", "only action.py knows StackStorm"
        if top in ("ldap", "st2auth_ldap", "st2auth"):
            raise AssertionError("imported by name where LDAP is asked, for it may be missing")
        assert top != "yaml", "YAML costs every execution 40 to 180 ms"


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_do_no_io(name):
    path = LIBRARY / (name.replace(".", "/") + ".py")
    folders = {"st2slack." + each for each in ALLOWED}  # what is imported from them counts
    allowed = PURE_MAY | folders | {"st2slack." + each for each in PURE | SETTINGS}
    for imported in imports(path):
        parent = imported.rpartition(".")[0]
        parents = {imported} if parent in folders else {imported, parent}
        assert parents & allowed, "%s imports %s" % (name, imported)


def test_only_settings_reads_config_keys():
    keys = ("action_token", "user_token", "config_token", "max_wait", "ca_bundle", "workspaces")
    keys += ("ldap_usernames", "base_ou", "cacert", "group_pattern")
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
