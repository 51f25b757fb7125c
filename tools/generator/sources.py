"""Facts (etc/slack/web_api.json) and words (etc/words/*.yaml), read and laid beside each other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Set, Tuple

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ROOT = Path(__file__).resolve().parents[2]

# Documented methods that have a hand-written action of the same name instead of a generated one.
HAND_WRITTEN_METHODS = ("files.upload", "users.admin.invite")
# Hand-written metadata files in actions/; a YAML there that is neither generated nor here is a
# fault.
HAND_WRITTEN_ACTIONS: Tuple[str, ...] = (
    "post_message.yaml",
    "post_attachment.yaml",
    "sensor_status.yaml",
    "refresh_token.yaml",
    "check.yaml",
    "files.upload.yaml",
    "files.download.yaml",
    "find_channel.yaml",
    "find_user.yaml",
    "users_filter_by.yaml",
    "users.admin.invite.yaml",
    "send_direct_message.yaml",
    "set_usergroup.yaml",
    "list_usergroup_members.yaml",
    "ask.yaml",
    "prepare_question.yaml",
    "post_question.yaml",
    "open_question_form.yaml",
    "answer_question.yaml",
    "conclude_question.yaml",
    "deliver_answer.yaml",
    "sweep_questions.yaml",
    "run_command.yaml",
    "post_or_update.yaml",
    "post_result.yaml",
)

_WORD_KEYS = {"description", "parameters", "common", "rulings", "secret_answer"}
_RULING_KEYS = {"type", "description", "why", "secret", "sent"}


@dataclass(frozen=True)
class Words:
    """Our words. `methods`: name → its entry; `files`: name → the file it stands in."""

    glossary: Mapping[str, str]
    own_words: Tuple[str, ...]
    secrets: Tuple[str, ...]
    common: Tuple[str, ...]
    rulings: Mapping[str, Any]
    methods: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]
    faults: List[str] = field(default_factory=list)

    def of(self, method: str) -> Mapping[str, Any]:
        """The entry of one method, empty where there is none."""
        return self.methods.get(method) or {}

    def parameter(self, method: str, name: str) -> str:
        """What the argument means in this method: its own words, else the glossary's."""
        method_words = self.of(method).get("parameters") or {}
        return method_words.get(name) or self.glossary.get(name) or ""


@dataclass(frozen=True)
class Catalogue:
    """All there is to know. `methods`: the facts of every method, retired ones too."""

    root: Path
    meta: Mapping[str, Any]
    methods: Mapping[str, Mapping[str, Any]]
    words: Words

    def current(self) -> Iterator[Tuple[str, Mapping[str, Any]]]:
        """Every method that gets a generated action, with its facts, in the order of names."""
        for name in sorted(self.methods):
            facts = self.methods[name]
            if (
                not facts["retired"]
                and not facts["undocumented"]
                and name not in HAND_WRITTEN_METHODS
            ):
                yield name, facts


def load(root: Path = ROOT) -> Catalogue:
    """Read facts and words below `root`. Faults of the words are kept, see `faults_of`."""
    with open(root / "etc/slack/web_api.json", encoding="utf-8") as stream:
        facts = json.load(stream)
    return Catalogue(root, facts["meta"], facts["methods"], _words(root / "etc/words"))


def _words(folder: Path) -> Words:
    general = _yaml(folder / "parameters.yaml")
    methods: Dict[str, Mapping[str, Any]] = {}
    files: Dict[str, str] = {}
    faults: List[str] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name == "parameters.yaml":
            continue
        for name, entry in (_yaml(path).get("methods") or {}).items():
            if name in methods:
                faults.append("%s: %s stands in %s too" % (path.name, name, files[name]))
            if not name.startswith(path.stem + "."):
                faults.append("%s: %s belongs into another file" % (path.name, name))
            methods[name], files[name] = entry or {}, path.name
    return Words(
        glossary=general["parameters"],
        own_words=tuple(general["own_words"]),
        secrets=tuple(general["secrets"]),
        common=tuple(general["common"]),
        rulings=general["rulings"],
        methods=methods,
        files=files,
        faults=faults,
    )


def _yaml(path: Path) -> Dict[str, Any]:
    with open(path, encoding="utf-8") as stream:
        return yaml.load(stream, Loader=LOADER) or {}


def faults_of(catalogue: Catalogue) -> List[str]:
    """All that is missing or wrong in the words, one line each."""
    words = catalogue.words
    faults = list(words.faults)
    for name, facts in catalogue.current():
        faults += _method_faults(name, facts, words)
    current = {name for name, _ in catalogue.current()}
    faults += [
        "%s: %s is no living method" % (words.files[name], name)
        for name in words.methods
        if name not in current
    ]
    return faults + list(_glossary_faults(catalogue))


def _method_faults(name: str, facts: Mapping[str, Any], words: Words) -> Iterator[str]:
    entry = words.of(name)
    if not entry.get("description"):
        yield "etc/words: %s has no description" % name
    for key in sorted(set(entry) - _WORD_KEYS):
        yield "%s: %s: unknown key %r" % (words.files[name], name, key)
    for argument in facts["args"]:
        if not words.parameter(name, argument):
            yield "etc/words: %s: argument %r has no words" % (name, argument)
    for argument in entry.get("parameters") or {}:
        if argument not in facts["args"]:
            yield "%s: %s has no argument %r" % (words.files[name], name, argument)
    for argument in entry.get("common") or ():
        if argument not in facts["args"]:
            yield "%s: %s: common names %r, which it has not" % (words.files[name], name, argument)
    for parameter, ruling in (entry.get("rulings") or {}).items():
        if parameter in facts["args"]:
            yield "%s: %s: the facts know %r by now, the ruling can go" % (
                words.files[name],
                name,
                parameter,
            )
        if not ruling.get("why") or set(ruling) - _RULING_KEYS:
            yield "%s: %s: the ruling over %r lacks its reason or has unknown keys" % (
                words.files[name],
                name,
                parameter,
            )


def form(argument: Mapping[str, Any]) -> Tuple[str, Any]:
    """How an argument is written: what must be the same wherever one glossary entry serves."""
    return argument["type"], argument.get("format")


def _glossary_faults(catalogue: Catalogue) -> Iterator[str]:
    words = catalogue.words
    served: Dict[str, Set[Tuple[str, Any]]] = {}
    for name, facts in catalogue.current():
        method_words = words.of(name).get("parameters") or {}
        for argument, fact in facts["args"].items():
            if argument not in method_words:
                served.setdefault(argument, set()).add(form(fact))
    for argument in words.glossary:
        if argument in words.own_words:
            yield "parameters.yaml: %r changes its meaning and cannot be in the glossary" % argument
        if argument not in served:
            yield "parameters.yaml: %r serves no method" % argument
        elif len(served[argument]) > 1:
            yield "parameters.yaml: %r serves arguments of different forms: %s" % (
                argument,
                sorted(map(str, served[argument])),
            )
