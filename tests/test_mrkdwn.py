"""Slack's text → plain text, and back."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st2slack.base.mrkdwn import (
    Grammar,
    TokenKind,
    escape,
    labels_of_links,
    to_plain,
    tokens,
    without_pings,
)

NAMES = {"U1": "ada", "C1": "ops", "S1": "oncall"}

# --- the forms, one at a time -------------------------------------------------------------------

FORMS = [
    # people
    ("<@U1>", "@ada"),
    ("<@U1|grace>", "@grace"),
    ("<@U1|@grace>", "@grace"),
    ("<@U1|Grace Hopper>", "@Grace Hopper"),
    ("<@U1|>", "@ada"),
    ("<@U1| >", "@ada"),
    ("<@U9>", "@U9"),
    ("<@U9|>", "@U9"),
    ("<@W9|a &amp; b>", "@a & b"),
    # channels
    ("<#C1>", "#ops"),
    ("<#C1|general>", "#general"),
    ("<#C1|#general>", "#general"),
    ("<#C1|>", "#ops"),
    ("<#C9>", "#C9"),
    ("<#C9|>", "#C9"),
    ("<#C9|größe-日本>", "#größe-日本"),
    # groups and everybody
    ("<!subteam^S1|@sre>", "@sre"),
    ("<!subteam^S1|sre>", "@sre"),
    ("<!subteam^S1>", "@oncall"),
    ("<!subteam^S9>", "@S9"),
    ("<!here>", "@here"),
    ("<!channel>", "@channel"),
    ("<!everyone>", "@everyone"),
    ("<!here|here>", "@here"),
    ("<!here|@here>", "@here"),
    # dates
    ("<!date^1392734382^Posted {date_num} {time_secs}|Posted 2014-02-18>", "Posted 2014-02-18"),
    ("<!date^1392734382^{date}^https://example.com/|18 Feb &amp; on>", "18 Feb & on"),
    ("<!date^1392734382^{date}^https://example.com/>", "1392734382"),
    ("<!date^1392734382^{date}|>", "1392734382"),
    ("<!date^1392734382>", "1392734382"),
    # commands that nobody has told us of
    ("<!new^X1|something>", "something"),
    ("<!new^X1>", "<!new^X1>"),
    # links
    ("<https://example.com>", "https://example.com"),
    ("<https://example.com/?a=1&amp;b=2#c>", "https://example.com/?a=1&b=2#c"),
    ("<https://example.com|the site>", "the site"),
    ("<http://example.com|example.com>", "example.com"),
    ("<https://example.com|>", "https://example.com"),
    ("<https://example.com|a|b>", "a|b"),
    ("<https://example.com|a &lt;b&gt; c>", "a <b> c"),
    ("<https://example.com|two\nlines>", "two\nlines"),
    ("<https://example.com|`x` *y*>", "`x` *y*"),
    ("<HTTPS://EXAMPLE.COM>", "HTTPS://EXAMPLE.COM"),
    ("<slack://user?team=T1&amp;id=U1>", "slack://user?team=T1&id=U1"),
    ("<mailto:ada@example.com|ada@example.com>", "ada@example.com"),
    ("<mailto:ada@example.com|write to Ada>", "write to Ada"),
    ("<mailto:ada@example.com>", "ada@example.com"),
    ("<tel:+15550100|+1 555 0100>", "+1 555 0100"),
    ("<tel:+1 555 0100>", "+1 555 0100"),
]


@pytest.mark.parametrize("text, plain", FORMS)
def test_forms(text, plain):
    assert to_plain(text, NAMES) == plain


@pytest.mark.parametrize("text, plain", FORMS)
def test_forms_stand_anywhere_in_a_text(text, plain):
    assert to_plain("ä\n(%s)%s." % (text, text), NAMES) == "ä\n(%s)%s." % (plain, plain)


ENTITIES = [
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
    ("&amp;lt;", "&lt;"),
    ("&amp;amp;lt;", "&amp;lt;"),
    ("&amp;amp;", "&amp;"),
    ("&lt;@U1&gt;", "<@U1>"),  # typed by a person: no mention
    ("&lt;https://example.com&gt;", "<https://example.com>"),
    ("&am&lt;p;", "&am<p;"),
    ("&l<https://e.com|t>;", "&lt;"),  # what a form gives is not read again
    ("<https://e.com|&amp;lt;>", "&lt;"),
    ("<https://e.com|&lt;@U1&gt;>", "<@U1>"),
    # Slack escapes nothing else
    ("&quot; &nbsp; &#39; &AMP; & &; &lt &amp", "&quot; &nbsp; &#39; &AMP; & &; &lt &amp"),
]


@pytest.mark.parametrize("text, plain", ENTITIES)
def test_entities(text, plain):
    assert to_plain(text, NAMES) == plain


def test_many_in_one_message():
    text = (
        "<!here> <@U1>, <@U9|bob>: deploy &lt;api&gt; &amp; <https://e.com/1|one>,"
        "<https://e.com/2>\n<#C1> *now* _please_ ~later~ `<@U1>` <!subteam^S1|@sre>"
    )
    assert to_plain(text, NAMES) == (
        "@here @ada, @bob: deploy <api> & one,https://e.com/2\n"
        "#ops *now* _please_ ~later~ `<@U1>` @sre"
    )


# --- what is no form stays ----------------------------------------------------------------------

MALFORMED = [
    "",
    " ",
    "<",
    ">",
    "<>",
    "<<>>",
    "><",
    "<|>",
    "<|label>",
    "< >",
    "<@>",
    "<@|name>",
    "<#>",
    "<!>",
    "<! x|y>",
    "<!date^>",
    "<!date^|x y",
    "<!subteam^>",
    "<!subteam^|@sre>",
    "<@ U1>",
    "<@U1",
    "<@U1|ada",
    "<https://example.com",
    "<https://example.com|label",
    "@U1>",
    "a < b > c",
    "if a <b: c> d",
    "List<str>",
    "<b>bold</b>",
    "<example.com>",
    "<http:>",
    "<mailto:>",
    "<tel:|x>",
    "<://x>",
    "*bold* _italic_ ~strike~ `code` ```block``` > quote",
    "@here #general https://example.com",
    "\x00\ud800\u202e🎉e\u0301",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_form_stays(text):
    assert to_plain(text, NAMES) == text


@pytest.mark.parametrize(
    "text, plain",
    [
        ("<<@U1>>", "<@ada>"),
        ("<a<@U1>b>", "<a@adab>"),
        ("<https://e.com|<@U1>>", "<https://e.com|@ada>"),
        ("<https://e.com <@U1>", "<https://e.com @ada"),
        ("<foo &amp; bar>", "<foo & bar>"),
        ("<|&lt;>", "<|<>"),
    ],
)
def test_what_is_no_form_is_text_around_forms(text, plain):
    assert to_plain(text, NAMES) == plain


# --- code ---------------------------------------------------------------------------------------

IN_CODE = [
    ("<@U1> <#C1> <!here> <!date^1^{date}|x>", "<@U1> <#C1> <!here> <!date^1^{date}|x>"),
    ("<@U1|a &amp; b>", "<@U1|a & b>"),
    ("*a* _b_ ~c~", "*a* _b_ ~c~"),
    ("a &lt; b &amp;&amp; c", "a < b && c"),
    ("&lt;@U1&gt; &amp;lt;", "<@U1> &lt;"),
    ("curl <https://e.com/?a=1&amp;b=2>", "curl https://e.com/?a=1&b=2"),
    ("ping <http://example.com|example.com>", "ping example.com"),
    ("git clone <mailto:git@example.com|git@example.com>:a", "git clone git@example.com:a"),
    ("List<str> < >", "List<str> < >"),
]


@pytest.mark.parametrize("fence", ["`%s`", "```%s```", "```\n%s\n```", "```a\n\n`b`%s```"])
@pytest.mark.parametrize("text, plain", IN_CODE)
def test_in_code_only_entities_and_links_are_undone(fence, text, plain):
    code = fence % text
    assert to_plain("<@U1> %s <@U1>" % code, NAMES) == "@ada %s @ada" % (fence % plain)


@pytest.mark.parametrize(
    "text, plain",
    [
        ("` <@U1>", "` @ada"),
        ("`a\n<@U1>`", "`a\n@ada`"),  # code with one backtick ends with its line
        ("``` <@U1>", "``` @ada"),
        ("``` <@U1> ``", "``` @ada ``"),
        ("`` <@U1>", "`` @ada"),
        ("``a`` <@U1> ``b``", "``a`` @ada ``b``"),
        ("`a` <@U1> `b`", "`a` @ada `b`"),
        ("```a``` <@U1> ```b```", "```a``` @ada ```b```"),
        ("`````` <@U1>", "`````` @ada"),
        ("<https://e.com|`> <@U1> <https://e.com|`>", "` @ada `"),
    ],
)
def test_where_code_ends(text, plain):
    assert to_plain(text, NAMES) == plain


# --- names --------------------------------------------------------------------------------------


def test_without_names_the_id_is_shown():
    assert to_plain("<@U1> <#C1> <!subteam^S1>") == "@U1 #C1 @S1"


@pytest.mark.parametrize("names", [{}, {"U1": ""}, lambda _: None, lambda _: ""])
def test_an_unknown_name_is_the_id(names):
    assert to_plain("<@U1>", names) == "@U1"


def test_names_are_asked_only_where_they_are_needed():
    asked = []

    def names(key):
        asked.append(key)
        return NAMES.get(key)

    text = "<@U1> <@U2|bob> <#C1|> <!subteam^S1> `<@U3>` &lt;@U4&gt; <!here> <https://e.com>"
    assert to_plain(text, names) == "@ada @bob #ops @oncall `<@U3>` <@U4> @here https://e.com"
    assert asked == ["U1", "C1", "S1"]


@pytest.mark.parametrize("name", ["<@U2>", "&amp;lt;", "`", "a\\1\\g<0>", "🎉"])
def test_a_name_goes_in_as_it_is(name):
    assert to_plain("<@U1> <@U2>", {"U1": name, "U2": "bob"}) == "@%s @bob" % name


def test_what_names_raises_comes_through():
    with pytest.raises(ZeroDivisionError):
        to_plain("<@U1>", lambda _: str(1 // 0))


# --- properties ---------------------------------------------------------------------------------

ANYTHING = st.text(st.characters())
# Texts that come close to forms and code far more often than chance would.
MARKS = list("<>|`&;^@#!:\n") + ["```", "&amp;", "&lt;", "&gt;"]
STARTS = ["<@U1>", "<#C1|x>", "<!here>", "<!date^", "<!subteam^", "<http://x>", "<mailto:"]
SHREDS = st.lists(st.sampled_from(MARKS + STARTS) | st.text(max_size=3)).map("".join)
TEXT = ANYTHING | SHREDS
# Blank labels count as none; brackets and entities are escape's business.
LABELS = st.text("ab &<>*_~é🎉|\n", min_size=1).filter(str.strip)


@given(TEXT)
def test_escape_and_back(text):
    assert to_plain(escape(text), NAMES) == text


@given(TEXT)
def test_nothing_escaped_is_a_form(text):
    assert not set("<>") & set(escape(text))


@given(TEXT)
def test_any_text_gives_text(text):
    assert isinstance(to_plain(text, NAMES), str)
    assert isinstance(to_plain(text, lambda key: key * 2), str)


@given(TEXT)
def test_text_without_markup_stays(text):
    text = text.replace("<", "").replace("&", "")
    assert to_plain(text, NAMES) == text


@given(TEXT)
def test_entities_are_decoded_with_amp_last(text):
    text = text.replace("<", "")
    expected = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert to_plain(text, NAMES) == expected


@given(LABELS)
def test_a_label_comes_out_as_it_was(label):
    assert to_plain("<https://e.com|%s>" % escape(label)) == label
    assert to_plain("<!date^1^{date}|%s>" % escape(label)) == label
    assert to_plain("<@U1|%s>" % escape(label), NAMES) == "@" + label
    assert to_plain("<#C1|%s>" % escape(label), NAMES) == "#" + label


PARTS = (
    st.sampled_from(FORMS)
    | st.sampled_from(IN_CODE).map(lambda pair: ("`%s`" % pair[0], "`%s`" % pair[1]))
    | st.sampled_from(IN_CODE).map(lambda pair: ("```\n%s```" % pair[0], "```\n%s```" % pair[1]))
    | LABELS.map(lambda words: (escape(words), words))
)


@given(st.lists(PARTS))
def test_a_message_is_the_sum_of_its_parts(parts):
    text = " ".join(source for source, _ in parts)
    assert to_plain(text, NAMES) == " ".join(plain for _, plain in parts)


# --- time ---------------------------------------------------------------------------------------

# Characters → seconds of this process's own time. Linear takes a tenth of it at most; quadratic
# fails at the first length, before the second one would hang the suite.
LIMITS = {10000: 0.3, 100000: 1.5}
ADVERSE = [
    ("", "<"),
    ("", ">"),
    ("", "<>"),
    ("", "`"),
    ("", "``"),
    ("", "```"),
    ("", "` "),
    ("", "`` "),
    ("", "``` "),
    ("", "`\n"),
    ("", "`a"),
    ("", "<`"),
    ("", "<```"),
    ("", "<```>"),
    ("`", "a"),
    ("```", "a"),
    ("```", "``a"),
    ("`````", "`` `"),
    ("<", "a"),
    ("<a|", "|"),
    ("<https:", "//"),
    ("<", "https:"),
    ("", "<https:"),
    ("", "<a|"),
    ("", "<@U1|"),
    ("", "<!date^"),
    ("<!date", "^"),
    ("<!date^", " "),
    ("<!subteam^", "^"),
    ("<", "@"),
    ("<", "a+."),
    ("<mailto:", "tel:"),
    ("<a:x", " \n"),
    ("", "&"),
    ("", "&am"),
    ("", "&amp;"),
    ("", "<@U1>"),
    ("", "`<http://x>` "),
    ("<http://x|", "&amp;"),
]


@pytest.mark.parametrize("end", ["", ">", "`", "\n"], ids=repr)
@pytest.mark.parametrize("start, again", ADVERSE)
def test_no_text_makes_it_slow(start, again, end):
    for length, limit in LIMITS.items():
        text = start + again * (length // len(again)) + end
        before = time.process_time()
        to_plain(text, NAMES)
        assert time.process_time() - before < limit, "%d characters" % length


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("see <http://x.example|x> now", "see x now"),
        ("<http://x.example|x> and <https://y.example/a|y>", "x and y"),
        ("go <http://x.example>", "go <http://x.example>"),
        ("<http://x.example> and <http://y.example|y>", "<http://x.example> and y"),
        ("<http://x.example|x> <#C0DEPLOYS01|deploys>", "x <#C0DEPLOYS01|deploys>"),
        ("<https://x.example/?a=1&amp;b=2|a &amp; b>", "a &amp; b"),
        ("<http://x.example|a|b>", "a|b"),
        ("<http://x.example|>", ""),
        ("`<http://x.example|x>`", "`x`"),
        ("<mailto:a@b.example|a@b.example> <!date^1^x^http://x|y>",) * 2,
        ("<@U1> <@U1|ann> <!here|here> *bold* &lt;http://x|y&gt;",) * 2,
        ("<http://x.example|x\ny>",) * 2,
        ("<http://x.example|x",) * 2,
        ("",) * 2,
    ],
)
def test_links_become_their_labels(text, stripped):
    assert labels_of_links(text) == stripped


def test_a_text_that_is_hostile_to_the_pattern_stays():
    """A pattern that looked back would take hours for these."""
    for hostile in ("<http:" * 100_000, "<http:|" * 100_000, "<http:" + "|" * 400_000):
        assert labels_of_links(hostile) == hostile


@pytest.mark.parametrize(
    "text, expected",
    [
        ("<!channel> <!here|x>", "&lt;!channel&gt; &lt;!here|x&gt;"),
        ("<!subteam^S1|@a &amp; b>", "&lt;!subteam^S1|@a &amp; b&gt;"),
        ("<!date^1^{date}|then> <@U1> <#C1> <https://x|y>",) * 2,
        ("<!date^1^{date}|<!channel>", "<!date^1^{date}|&lt;!channel&gt;"),
        ("<!dat^1> <!dates>", "&lt;!dat^1&gt; &lt;!dates&gt;"),
        ("cut <!chan", "cut &lt;!chan"),
        ("<<!channel>>", "<&lt;!channel&gt;>"),
        ("<!", "&lt;!"),
    ],
)
def test_nothing_calls_a_whole_channel(text, expected):
    assert without_pings(text) == expected


@given(st.lists(st.sampled_from(["<", "!", ">", "channel", "date^", "|", "^", "&"])).map("".join))
def test_whatever_it_is_nothing_calls_a_whole_channel(text):
    shown = without_pings(text)
    assert not re.search(r"<!(?!date\^)", shown)
    assert without_pings(shown) == shown


# --- tokens -------------------------------------------------------------------------------------

MARKUP = st.lists(st.sampled_from(list("<>|&;`!@\n") + ["```", "&amp;", "<@U1|a>", "x, y", "<a|"]))


@given(MARKUP, st.sampled_from(Grammar))
def test_the_tokens_of_a_text_are_the_text(pieces, grammar):
    text = "".join(pieces)
    found = list(tokens(text, grammar))
    assert "".join(each.raw for each in found) == text and all(each.raw for each in found)
    for each in found:
        is_reference = each.raw[0] == "<" and each.raw[-1] == ">" and len(each.raw) > 1
        assert (each.kind is TokenKind.REFERENCE) <= is_reference


@pytest.mark.parametrize(
    "text, grammar, kinds",
    [
        ("a <@U1|b> c", Grammar.REFERENCES, "text reference text"),
        ("a &amp; <x>", Grammar.REFERENCES_AND_ENTITIES, "text entity text reference"),
        ("a &amp; `<x>`", Grammar.REFERENCES_AND_CODE, "text code"),
        ("```<x>", Grammar.REFERENCES_AND_CODE, "code"),
        ("<a <b>", Grammar.REFERENCES, "text reference"),
        ("", Grammar.REFERENCES, ""),
    ],
)
def test_what_is_a_token(text, grammar, kinds):
    assert " ".join(each.kind.value for each in tokens(text, grammar)) == kinds


def test_a_reference_has_a_target_and_maybe_a_label():
    first, _, second = tokens("<https://x|a|b> <@U1>")
    assert (first.target, first.label, first.inner) == ("https://x", "a|b", "https://x|a|b")
    assert (second.target, second.label) == ("@U1", None)
