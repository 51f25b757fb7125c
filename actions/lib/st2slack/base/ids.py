"""PURE: the one grammar of what people and Slack write for somebody or something in Slack. No I/O.

| form                | written                                                                   |
|---------------------|---------------------------------------------------------------------------|
| ID                  | capital letters and digits, the first letter tells what it is of:         |
|                     | U, W a person; C, D, G a conversation; S a user group                     |
| mention             | `<@U…>`, `<#C…>`, `<!subteam^S…>`, each also with `|label`: what Slack    |
|                     | puts into a text. What it holds is always an ID                           |
| e-mail address      | `x@y`, also as Slack writes it: `<mailto:x@y|label>`                      |
| handle              | `@name` of a person or a user group                                       |
| name of a channel   | `name`, `#name`; Slack has it in lower case                               |
| name of a person    | anything else                                                             |

An ID need not hold a digit: of nine characters, 1 in 57 holds none. So a word in capitals may be an
ID, and a name that anybody can give themselves may look like one. Hence, without exception:

- what a mention holds is an ID, never a name;
- a bare text in the form of an ID is first asked for as an ID, also behind `@` or `#`;
- it is never compared with the names of people;
- it may be the name of a channel or the handle of a user group where Slack does not know the ID
  and it holds no digit (`DEPLOYS`).

A bare ID has at least seven characters, for shorter ones are words; in a mention any length counts.
Around all of these, white space of any kind and characters without width do not count.
Source: docs.slack.dev, "Formatting message text"; SLACK.md, "Message events" and "Found later".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Any, List, Optional

from st2slack.base.errors import InputError
from st2slack.base.mrkdwn import TokenKind, tokens


class Kind(Enum):
    """What an ID is of. The value is how a message calls it."""

    PERSON = "a person"
    CONVERSATION = "a channel"
    USERGROUP = "a user group"


SLACKBOT = "USLACKBOT"  # the same in every workspace
SHORTEST = 9  # characters of an ID that Slack makes today
PERSON_ID = re.compile(r"[UW][A-Z0-9]{6,}")
CONVERSATION_ID = re.compile(r"[CDG][A-Z0-9]{6,}")
USERGROUP_ID = re.compile(r"S[A-Z0-9]{6,}")
FILE_ID = re.compile(r"F[A-Z0-9]+")
USERGROUP_HANDLE = re.compile(r"@[^\s@=,]+")
EMAIL = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")

_BARE = {
    Kind.PERSON: PERSON_ID,
    Kind.CONVERSATION: CONVERSATION_ID,
    Kind.USERGROUP: USERGROUP_ID,
}
_LETTERS = {
    Kind.PERSON: ("U", "W"),
    Kind.CONVERSATION: ("C", "D", "G"),
    Kind.USERGROUP: ("S",),
}
_SIGNS = {Kind.PERSON: "@", Kind.CONVERSATION: "#", Kind.USERGROUP: "!subteam^"}
_NAMES = {Kind.PERSON: "@", Kind.CONVERSATION: "#", Kind.USERGROUP: "@"}
_TARGET = (
    r"(?:@(?P<PERSON>[UW][A-Z0-9]+)|#(?P<CONVERSATION>[CDG][A-Z0-9]+)"
    r"|!subteam\^(?P<USERGROUP>S[A-Z0-9]+))"
)
_MENTION = re.compile(r"<%s(?:\|(?P<label>[^<>]*))?>" % _TARGET)
_DIGIT = re.compile(r"[0-9]")
_MAILTO = "mailto:"


@dataclass(frozen=True)
class Mention:
    """`<@U…|label>` and its like. `label` is None where there is none; Slack sends empty ones."""

    kind: Kind
    id: str
    label: Optional[str] = None

    @property
    def bare(self) -> str:
        """The mention without its label."""
        return str(Mention(self.kind, self.id))

    def __str__(self) -> str:
        """The mention as Slack writes it."""
        label = "" if self.label is None else "|" + self.label
        return "<%s%s%s>" % (_SIGNS[self.kind], self.id, label)


def kind_of(identifier: str) -> Optional[Kind]:
    """What an ID is of, by its first letter. Whether it is an ID at all is not looked at."""
    return next((kind for kind, letters in _LETTERS.items() if identifier[:1] in letters), None)


def is_certain_id(text: str) -> bool:
    """Whether a bare text is the ID of a conversation, where Slack cannot be asked with certainty.

    A word in capitals that is shorter than the IDs which Slack makes may be a name.
    """
    known = CONVERSATION_ID.fullmatch(text)
    return bool(known) and (len(text) >= SHORTEST or bool(_DIGIT.search(text)))


def is_direct_message(identifier: str) -> bool:
    """Whether the ID of a conversation tells that it is a direct message; C and G tell nothing."""
    return identifier.startswith("D")


@dataclass(frozen=True)
class Reference:
    """What a text names, each part "" where it cannot be that.

    `id` is to be asked for first. Beside an `id`, `name` is what it may be where Slack does not
    know that ID. `is_mention`: Slack wrote it, so the ID exists or existed.
    """

    id: str = ""
    email: str = ""
    name: str = ""
    is_mention: bool = False


def trim(text: str) -> str:
    """`text` without the white space and the characters without width around it."""
    begin, end = 0, len(text)
    while begin < end and _is_blank(text[begin]):
        begin += 1
    while begin < end and _is_blank(text[end - 1]):
        end -= 1
    return text[begin:end]


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def fold(name: Any) -> str:
    """A name as it is compared: without regard to case, to how letters are composed and to which
    white space is in it."""
    composed = unicodedata.normalize("NFC", trim(str(name or "")))
    return unicodedata.normalize("NFC", " ".join(composed.split()).casefold())


def parse_mention(text: str) -> Optional[Mention]:
    """The mention that `text` is, None where it is none."""
    found = _MENTION.fullmatch(trim(text))
    return _mention_of(found) if found else None


def _mention_of(found: re.Match[str]) -> Mention:
    kind = next(each for each in Kind if found[each.name])
    return Mention(kind, found[kind.name], found["label"])


def mentions_in(text: str) -> List[Mention]:
    """The mentions in a text of Slack's, as they come."""
    return [_mention_of(found) for found in _MENTION.finditer(text)]


def plain_id(text: str) -> str:
    """The ID that a mention holds; any other text as it is, without what is blank around it."""
    mention = parse_mention(text)
    return mention.id if mention else trim(text)


def parse_reference(text: Any, kind: Kind, parameter: str) -> Reference:
    """What `text` names, where something of this kind is asked for.

    Raises InputError, naming `parameter`, for an empty text, for a mention of another kind and for
    what stands in angle brackets and is no mention.
    """
    given = trim(text) if isinstance(text, str) else ""
    if not given.strip("#@"):
        raise InputError("Parameter `%s` is empty. Give a name or an ID." % parameter)
    if given.startswith("<") and given.endswith(">"):
        return _in_brackets(given, kind, parameter)
    bare, name = trim(given.lstrip("@#")), trim(given.lstrip(_NAMES[kind]))
    if _BARE[kind].fullmatch(bare):
        return Reference(id=bare, name=name if name == bare and _may_be_name(bare, kind) else "")
    if kind is Kind.PERSON and EMAIL.fullmatch(given):
        return Reference(email=given)
    return Reference(name=name)


def _may_be_name(bare: str, kind: Kind) -> bool:
    """Whether a text in the form of an ID may be a name all the same.

    People give themselves theirs, so for them never. A digit makes an ID far more likely.
    """
    return kind is not Kind.PERSON and not _DIGIT.search(bare)


def _in_brackets(given: str, kind: Kind, parameter: str) -> Reference:
    mention = parse_mention(given)
    if mention:
        _check_kind(mention, (kind,), parameter)
        return Reference(id=mention.id, is_mention=True)
    email = _linked_email(given)
    if kind is Kind.PERSON and EMAIL.fullmatch(email):
        return Reference(email=email)
    raise InputError(
        "Parameter `%s` has something in angle brackets that is no mention of %s (such as %s). "
        "Give a name or an ID without brackets." % (parameter, kind.value, _EXAMPLES[kind])
    )


def _linked_email(given: str) -> str:
    """The address of `<mailto:...>`, "" for anything else."""
    token = next(tokens(given))
    is_link = token.raw == given and token.target.startswith(_MAILTO)
    return trim(token.target[len(_MAILTO) :]) if is_link else ""


_EXAMPLES = {
    kind: str(Mention(kind, first + "0123456789"))
    for kind, first in zip((Kind.PERSON, Kind.CONVERSATION, Kind.USERGROUP), "UCS")
}


def _check_kind(mention: Mention, kinds: Any, parameter: str) -> None:
    if mention.kind not in kinds:
        raise InputError(
            "Parameter `%s`: %s is %s, not %s."
            % (
                parameter,
                mention.bare,
                mention.kind.value,
                " or ".join(each.value for each in kinds),
            )
        )


def split_list(text: Optional[str]) -> List[str]:
    """The entries of a comma-separated list, empty ones too.

    A comma in the label of a mention separates nothing.
    """
    entries = [""]
    for token in tokens(text or ""):
        parts = token.raw.split(",") if token.kind is TokenKind.TEXT else [token.raw]
        entries[-1] += parts[0]
        entries += parts[1:]
    return list(map(trim, entries))


# --- arguments of Slack's methods -----------------------------------------------------------------

# What a method calls an argument of this form → the mentions that it takes. A message can be posted
# to a person, so a person is no mistake where a channel is asked for.
ARGUMENTS = {
    "channel": (Kind.CONVERSATION, Kind.PERSON),
    "user": (Kind.PERSON,),
    "usergroup": (Kind.USERGROUP,),
    "entity": (Kind.PERSON, Kind.CONVERSATION),
}


def plain_argument(name: str, value: Any, form: str) -> Any:
    """An argument whose value is an ID or a list of IDs, with the IDs in place of mentions.

    `form`: a key of ARGUMENTS. Text may be one ID or a comma-separated list; of a list, the texts
    in it are looked at. Whatever is no mention stays as it is, but for what is blank around it.
    Raises InputError for a mention of another kind.
    """
    if isinstance(value, str):
        return ",".join(_argument(name, each, form) for each in split_list(value))
    if isinstance(value, (list, tuple)):
        return [_argument(name, each, form) for each in value]
    return value


def _argument(name: str, value: Any, form: str) -> Any:
    if not isinstance(value, str):
        return value
    mention = parse_mention(value)
    if mention is None:
        return trim(value)
    _check_kind(mention, ARGUMENTS[form], name)
    return mention.id
