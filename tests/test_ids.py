"""The grammar of IDs, mentions, handles, addresses and names."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st2slack.base import ids
from st2slack.base.errors import InputError
from st2slack.base.ids import Kind, Mention, Reference, parse_mention, parse_reference

LETTERS = {Kind.PERSON: "UW", Kind.CONVERSATION: "CDG", Kind.USERGROUP: "S"}
CAPITALS = string.ascii_uppercase + string.digits
BLANK = ["", " ", "\t\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "\u2066 \u2069"]

KINDS = st.sampled_from(list(Kind))


@st.composite
def mentions(draw, smallest=1):
    kind = draw(KINDS)
    rest = draw(st.text(CAPITALS, min_size=smallest, max_size=12))
    label = draw(st.none() | st.text(st.characters(exclude_characters="<>")))
    return Mention(kind, draw(st.sampled_from(LETTERS[kind])) + rest, label)


@given(mentions(), st.sampled_from(BLANK), st.sampled_from(BLANK))
def test_a_mention_reads_as_it_was_written(mention, before, after):
    assert parse_mention(before + str(mention) + after) == mention
    assert ids.mentions_in("x %s, <%s> y" % (mention, mention)) == [mention, mention]
    assert ids.plain_id(before + str(mention) + after) == mention.id
    assert parse_mention(mention.bare) == Mention(mention.kind, mention.id)


@given(mentions())
def test_what_a_mention_holds_is_an_id_and_nothing_else(mention):
    found = parse_reference(str(mention), mention.kind, "x")
    assert found == Reference(id=mention.id, is_mention=True)
    for kind in set(Kind) - {mention.kind}:
        with pytest.raises(
            InputError, match="`x`: .* is %s, not %s" % (mention.kind.value, kind.value)
        ):
            parse_reference(str(mention), kind, "x")


SIGNS = st.sampled_from(["@", "#", "!subteam^", "!", "", "@#", "!here", "mailto:", "http://"])


@given(SIGNS, st.text(max_size=14), st.sampled_from(["", "|", "|x"]))
def test_what_holds_no_id_is_no_mention(sign, target, label):
    text = "<%s%s%s>" % (sign, target, label)
    found = parse_mention(text)
    if found is None:
        return
    assert sign + target + label == str(found)[1:-1], "nothing was left out"
    assert found.id[0] in LETTERS[found.kind] and set(found.id[1:]) <= set(CAPITALS)
    assert str(found).startswith("<" + {"@": "@", "#": "#"}.get(sign, "!subteam^"))


@given(st.text())
def test_no_text_breaks_anything(text):
    ids.fold(text), ids.trim(text), ids.mentions_in(text), ids.plain_argument("x", text, "user")
    for kind in Kind:
        try:
            found = parse_reference(text, kind, "x")
        except InputError:
            continue
        assert bool(found.id) or bool(found.email) != bool(found.name)


@given(KINDS, st.text(CAPITALS, min_size=6, max_size=12), st.sampled_from(["", "@", "#"]))
def test_the_form_of_an_id_is_asked_for_as_an_id(kind, rest, sign):
    for first in LETTERS[kind]:
        found = parse_reference(sign + first + rest, kind, "x")
        assert found.id == first + rest and not found.email and not found.is_mention
        if kind is Kind.PERSON:
            assert found.name == "", "people give themselves the names they like"
        if found.name:
            assert found.name == found.id and found.name.isalpha()


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("UHEKCRWKV", Kind.PERSON, Reference(id="UHEKCRWKV")),
        ("@UHEKCRWKV", Kind.PERSON, Reference(id="UHEKCRWKV")),
        ("USLACKBOT", Kind.PERSON, Reference(id="USLACKBOT")),
        ("uhekcrwkv", Kind.PERSON, Reference(name="uhekcrwkv")),
        ("URSULA", Kind.PERSON, Reference(name="URSULA")),
        ("CHARLOTTE", Kind.PERSON, Reference(name="CHARLOTTE")),
        ("a.b@c.example", Kind.PERSON, Reference(email="a.b@c.example")),
        ("<mailto:a@c.example|A>", Kind.PERSON, Reference(email="a@c.example")),
        ("\u00a0@mara\u2003", Kind.PERSON, Reference(name="mara")),
        ("DEPLOYS", Kind.CONVERSATION, Reference(id="DEPLOYS", name="DEPLOYS")),
        ("#DEPLOYS", Kind.CONVERSATION, Reference(id="DEPLOYS", name="DEPLOYS")),
        ("CHWKVRQTZ", Kind.CONVERSATION, Reference(id="CHWKVRQTZ", name="CHWKVRQTZ")),
        ("C0GENERAL01", Kind.CONVERSATION, Reference(id="C0GENERAL01")),
        ("#C0GENERAL01", Kind.CONVERSATION, Reference(id="C0GENERAL01")),
        ("#general", Kind.CONVERSATION, Reference(name="general")),
        ("RELEASES", Kind.CONVERSATION, Reference(name="RELEASES")),
        ("@SUPPORT", Kind.USERGROUP, Reference(id="SUPPORT", name="SUPPORT")),
        ("@on-call", Kind.USERGROUP, Reference(name="on-call")),
    ],
)
def test_what_a_text_names(text, kind, found):
    assert parse_reference(text, kind, "x") == found


@pytest.mark.parametrize(
    "text",
    [
        "<@lea>",
        "<@u0harbour01>",
        "<lea>",
        "<mailto:lea>",
        "<!here>",
        "<!subteam^lea>",
        "<@B0HARBOUR01>",
    ]
    + [
        "<https://x.example>",
        "<@U0HARBOUR01|<@U0HARBOUR02>",
        "<@U0HARBOUR01 >",
        "<>",
        "<<@U0HARBOUR01>>",
    ],
)
def test_brackets_around_anything_else_are_refused(text):
    for kind in Kind:
        with pytest.raises(InputError, match="`x` has something in angle brackets"):
            parse_reference(text, kind, "x")


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "@", "#", "@#", None, 7, [], "\u200b@"])
def test_nothing_is_refused(text):
    with pytest.raises(InputError, match="`x` is empty"):
        parse_reference(text, Kind.PERSON, "x")


@pytest.mark.parametrize("space", [each for each in BLANK if each])
def test_names_compare_without_the_kind_of_white_space(space):
    assert ids.fold(space + "Mara" + "\u00a0\u2009 " + "LINDQVIST" + space) == "mara lindqvist"


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("a,b", ["a", "b"]),
        (" a ,\u00a0b,", ["a", "b", ""]),
        ("<@U1|Lindqvist, Mara>, <@U2>", ["<@U1|Lindqvist, Mara>", "<@U2>"]),
        ("<a,b", ["<a", "b"]),
        ("", [""]),
        (None, [""]),
    ],
)
def test_lists(text, entries):
    assert ids.split_list(text) == entries


@pytest.mark.parametrize(
    ("form", "value", "sent"),
    [
        ("channel", "<#C0GENERAL01|general>", "C0GENERAL01"),
        ("channel", "<@U0HARBOUR01>", "U0HARBOUR01"),
        ("channel", "#general", "#general"),
        ("channel", "\u00a0C0GENERAL01 ", "C0GENERAL01"),
        ("channel", "<#general>", "<#general>"),
        ("channel", "<#C1|>,  <#CHWKVRQTZ|a, b>", "C1,CHWKVRQTZ"),
        ("channel", ["<#C1|x>", "C2", {"a": "<#C1>"}, 7], ["C1", "C2", {"a": "<#C1>"}, 7]),
        ("user", "<@UHEKCRWKV|lettie>", "UHEKCRWKV"),
        ("usergroup", "<!subteam^S0ONCALL001|@on-call>", "S0ONCALL001"),
        ("entity", "T1,<#C1>,<@U1>", "T1,C1,U1"),
        ("user", {"a": "<@U1>"}, {"a": "<@U1>"}),
        ("user", None, None),
    ],
)
def test_arguments(form, value, sent):
    assert ids.plain_argument("x", value, form) == sent


@pytest.mark.parametrize(
    ("form", "value", "why"),
    [
        ("user", "U1,<#C1|x>", "`x`: <#C1> is a channel, not a person"),
        ("usergroup", "<@U1>", "`x`: <@U1> is a person, not a user group"),
        ("channel", ["<!subteam^S1>"], "`x`: .* is a user group, not a channel or a person"),
    ],
)
def test_a_mention_of_another_kind_is_refused(form, value, why):
    with pytest.raises(InputError, match=why):
        ids.plain_argument("x", value, form)
