"""What somebody wrote in Slack → a command (pure), and answers to one person."""

import json

import pytest
from helpers import calls, make_client
from hypothesis import example, given
from hypothesis import strategies as st
from test_rules import on_stackstorm

from sandbox.slack import Fault
from sandbox.stackstorm.server.alias_match import extract
from st2slack.base.errors import InputError, SlackApiError
from st2slack.base.templates import has_template
from st2slack.chatops import command_text
from st2slack.chatops.incoming import IncomingCommand, check_format, clock_for, normalized
from st2slack.messages import reply
from st2slack.messages.reply import Addressee
from st2slack.settings.slack import read_settings
from st2slack.stackstorm.alias import Alias

TOMASZ, DEPLOYS, RANDOM = "U0HARBOUR02", "C0DEPLOYS01", "C0RANDOM001"

# --- plain --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ("deploy x", "deploy x"),
        ("  deploy x\n", "deploy x"),
        ("say \u201chello\u201d", 'say "hello"'),
        ("say \u201ehello\u201f \u2018you\u2019 \u201aand\u201b", "say \"hello\" 'you' 'and'"),
        ("a\u00a0b\u2003c\u202fd\u3000e", "a b c d e"),
        ("a\u200bb\u2060c\ufeffd\u00ade\x00f", "abcdef"),
        ("a\rb\u2028c\u2029d\u0085e", "a\nb\nc\nd\ne"),
        ("a\tb\nc", "a\tb\nc"),
        ("deploy  berth \t now", "deploy berth now"),
        ("x" + " " * 800 + "y", "x y"),
        ("a\u00a0\u2003 b", "a b"),
        ("two\n\n  lines", "two\nlines"),
        ("<@U1|mara>  now", "<@U1> now"),
        ("say \"two  blanks\"  and  'two  more'", "say \"two  blanks\" and 'two  more'"),
        ("say \u201ctwo  blanks\u201d  and", 'say "two  blanks" and'),
        ('run a="b  c"  {"d":  "e  f"}', 'run a="b  c" {"d": "e  f"}'),
        ("don't  do  it's  late", "don't do it's late"),
        ('say "open  end', 'say "open end'),
        ("run \u2014force web1", "run --force web1"),
        ("run \u2013f \u2212n=3 \u2010x", "run -f -n=3 -x"),
        ("\u2014zone=eu a=\u2014b \u201c\u2014c\u201d", '--zone=eu a=--b "--c"'),
        ("\u2013\u2013all \u2013-all", "--all --all"),
        ("1\u20132 a \u2014 b c\u2014d \u2014", "1\u20132 a \u2014 b c\u2014d \u2014"),
        ("say \u0645\u06cc\u200c\u062e", "say \u0645\u06cc\u200c\u062e"),
        (
            "\u0915\u094d\u200d\u0937 \U0001f468\u200d\U0001f469",
            "\u0915\u094d\u200d\u0937 \U0001f468\u200d\U0001f469",
        ),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt; &amp;amp;", "&lt; &amp;"),
        ("page <@U0HARBOUR01|mara>", "page <@U0HARBOUR01>"),
        ("page <@U0HARBOUR01>", "page <@U0HARBOUR01>"),
        ("in <#C0DEPLOYS01|deploys> <#C0DEPLOYS01|>", "in <#C0DEPLOYS01> <#C0DEPLOYS01>"),
        ("<!subteam^S0ONCALL001|@on-call>", "<!subteam^S0ONCALL001>"),
        ("<@UHEKCRWKV|lettie> <#CHWKVRQTZ|a, b>", "<@UHEKCRWKV> <#CHWKVRQTZ>"),
        ("<@LEA|lea> <#general|x>", "<@LEA|lea> <#general|x>"),
        ("<!here> <!channel> <!everyone|all>", "@here @channel @everyone"),
        ("<https://x.example/a?b=1&amp;c=2>", "https://x.example/a?b=1&c=2"),
        ("<https://x.example|x.example>", "x.example"),
        ("<https://x.example/|click here>", "https://x.example/"),
        ("<mailto:a@x.example|a@x.example>", "a@x.example"),
        ("<tel:+4712345|+47 12345>", "tel:+4712345"),
        ("1 < 2 <x> <>", "1 < 2 <x> <>"),
        ("<@U1|&lt;@U2&gt;>", "<@U1>"),
        ("<@u1|x>", "<@u1|x>"),
    ],
)
def test_plain(text, expected):
    assert command_text.normalize(text) == expected


@given(st.text())
def test_plain_takes_any_text(text):
    found = command_text.normalize(text)
    assert found == found.strip()
    assert not any(each in found for each in "\u201c\u201d\u2018\u2019\u00a0\u200b\r\x00")


@pytest.mark.parametrize(
    "text, prefix, expected",
    [
        ("!st2 deploy", "!st2", "deploy"),
        ("!st2", "!st2", ""),
        ("!st2\ndeploy", "!st2", "deploy"),
        ("!st2x deploy", "!st2", None),
        ("!deploy", "!", "deploy"),
        ("st2 deploy", "!st2", None),
        ("say !st2", "!st2", None),
        ("deploy", "", None),
        ("", "!st2", None),
    ],
)
def test_the_prefix(text, prefix, expected):
    assert command_text.strip_prefix(text, prefix) == (expected is not None, expected or "")


@pytest.mark.parametrize(
    "text, bot, expected",
    [
        ("<@U1> deploy", "U1", "deploy"),
        ("<@U1>: deploy", "U1", "deploy"),
        ("<@U1>", "U1", ""),
        ("<@U12> deploy", "U1", None),
        ("hi <@U1> deploy", "U1", None),
        ("<@U1> deploy", "", None),
        ("<@U1> deploy", ".*", None),
    ],
)
def test_the_mention(text, bot, expected):
    assert command_text.strip_mention(text, bot) == (expected is not None, expected or "")


# --- what StackStorm makes of it ----------------------------------------------------------------

NAMES = [
    ("deploy {{service}} to {{ zone }}", ["service", "zone"]),
    ("deploy {{service=x}}( in {{ zone = 'a b' }})?", ["service", "zone"]),
    ("(?P<verb>start|stop) {{service}}", ["verb", "service"]),
    ("deploy", []),
    ("", []),
]


@pytest.mark.parametrize("text, expected", NAMES)
def test_which_parameters_a_format_names(text, expected):
    assert command_text.parameter_names(text) == expected


@pytest.mark.parametrize(
    "command, expected, rest",
    [
        ("deploy x", [], "deploy x"),
        ("deploy x a=b", [("a", "b")], "deploy x"),
        ("deploy x a=b c", [], "deploy x a=b c"),
        ("deploy x a='b c' d={\"e\": 1}", [("a", "b c"), ("d", '{"e": 1}')], "deploy x"),
        ("say see https://x.example/?a=b", [("https://x.example/?a", "b")], "say see"),
        ("a=b", [("a", "b")], ""),
        ("say { a=b{ x a=b", [("a", "b")], "say {{ x"),
        ("say { to=me{ x to=me", [("to", "me")], "say {{ x"),
        ("deploy x a=b\n", [("a", "b")], "deploy x"),
    ],
)
def test_what_a_command_ends_with(command, expected, rest):
    assert command_text.parse_pairs(command) == (expected, rest)


PIECES = st.sampled_from(
    ["a=b", " ", "  ", "\n", "x", "=", '"', "'", "{", "}", '""', "''", 'k="v w"', "k='v w'", "\t"]
    + ['{"a": "b=c"}', 'env={"A":"b"}', " a=b", "\\", "a = b", "a =b", "\u00a0", "text=y", "say "]
)
COMMANDS = st.lists(PIECES, max_size=9).map("".join)


@on_stackstorm
@given(command=COMMANDS)
@example(command="say { to=me{ x to=me")
def test_pairs_are_those_of_stackstorm(command):
    from st2common.models.utils.action_alias_utils import ActionAliasFormatParser

    if command_text.unusable_reason(command):
        return
    parser = ActionAliasFormatParser("say {{text}}", command)
    found, rest = command_text.parse_pairs(command)
    assert found == [(pair[0], "".join(pair[2:])) for pair in parser._kv_pairs]
    assert " %s " % rest == parser._param_stream


@on_stackstorm
@given(command=COMMANDS, text=st.sampled_from([text for text, _ in NAMES]))
def test_nothing_extra_gets_into_what_stackstorm_extracts(command, text):
    from st2common.exceptions.content import ParseException
    from st2common.models.utils.action_alias_utils import extract_parameters

    if command_text.unusable_reason(command) or command_text.extra_keys(command, text):
        return
    if command_text.unsafe_join_reason(command, text):
        return
    try:
        found = extract_parameters(text, command)
    except ParseException:
        return
    assert set(found) <= set(command_text.parameter_names(text))
    assert not has_template([value for value in found.values() if value])


@given(command=COMMANDS)
def test_nothing_extra_gets_into_what_the_stand_in_extracts(command):
    if command_text.unusable_reason(command) or command_text.extra_keys(command, "say {{text}}"):
        return
    assert set(extract("say {{text}}", command) or {}) <= {"text"}


FORMATS = [
    "say {{text}}",
    "say {{text}} now",
    "say {{a}} {{b}}",
    "say {{a}} to {{b}}",
    "say {{a}}x{{b}}",
]


@given(command=COMMANDS, text=st.sampled_from(FORMATS))
@example(command="say x{ {st2kv.system.x}", text="say {{a}} {{b}}")
@example(command="say 'x{' now", text="say {{text}} now")
@example(command='say "x <"', text="say {{text}}")
def test_no_value_that_is_cut_out_of_a_command_ends_in_half_a_template(command, text):
    if command_text.unusable_reason(command) or command_text.unsafe_join_reason(command, text):
        return
    assert not has_template([each for each in (extract(text, command) or {}).values() if each])


@pytest.mark.parametrize(
    "command, said",
    [
        ("say " + "x" * 2000, "longer than 2000"),
        ("say x" + ' a="b"' * 8, "too many"),
        ("say x" + " a=b" * 11, "too many"),
        ("say x" + " " * 400 + "a=b", "too many"),
        ('say "x' + " " * 17 + 'y"', "too many spaces in a row"),
        ("say x a=" + '"' * 1000 + "b=c d=e f=g h=i", "too many"),
        ("say {{ x }}", "`{{`"),
        ("say {% x %}", "`{%`"),
        ("say {# x #}", "`{#`"),
        ("say <% st2kv('system.x') %>", "`<%`"),
        ("say < to=me% x to=me", "`<%`"),
        ('say {"a": "\\u003c% x"}', "escape sequence"),
        ("say {'a': '\\74% x'}", "escape sequence"),
        ("say { to=me{ x to=me", "`{{`"),
        ('say {"a": "\\u007b{"}', "escape sequence"),
        ("say {'a': '\\x7b{'}", "escape sequence"),
        ("say {'a': '\\N{LEFT CURLY BRACKET}{'}", "escape sequence"),
        ("say {'a': '\\173{'}", "escape sequence"),
        ("say {'a': '\\U0000007b{'}", "escape sequence"),
        ("say {'a': '{\\x23'}", "escape sequence"),
        ("say x {", "`{` at the end"),
        ("say x < \t", "`<` at the end"),
        ('say "x {"', "`{` at the end"),
        ("say 'x <'", "`<` at the end"),
        ("say y a='x {'", "`{` at the end"),
        ("say y a={ b=c", "`{` at the end"),
        ("say y a={ a=c", "`{` at the end"),
    ],
)
def test_what_stackstorm_must_not_read(command, said):
    assert said in command_text.unusable_reason(command)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "deploy x to y",
        "say " + "x" * 1990,
        'run x env={"A": {"B": "c=d"}} timeout=5 note="a b" who=me on=now',
        "say x" + " a=b" * 8,
        "say a = b, c == d and e != f",
        "say 100 % { x } C:\\temp\\new",
        "say #deploys",
        "say % of all",
        'say {"a": {"b": "#c"}}',
        'say { "a": [ {"b": 1} ] }',
        "say a < b and b > c",
    ],
)
def test_what_it_may(command):
    assert command_text.unusable_reason(command) == ""


@pytest.mark.parametrize(
    "value, expected",
    [
        ("x", False),
        (1, False),
        (None, False),
        ({"a": {"b": ["c", 1]}}, False),
        ("{{ x }}", True),
        ({"a": ["{% x %}"]}, True),
        ("<% ctx() %>", True),
        ({"{{": 1}, True),
        ({"a {": 1}, True),
        ([{"a": {"b <": 1}}], True),
        (["a", ("b", {"c": ["d {\n "]})], True),
        ("a {\u200b", True),
        ("a <\u00a0", True),
        ("a {\x00", True),
        ("{", True),
        ("a {#", True),
        (b"a {", True),
        ("#deploys", False),
        ("% of it", False),
        ("} a", False),
        ('{"a": {"b": []}}', False),
        ("a { b", False),
        ("a <b> c", False),
        ("", False),
        ({}, False),
    ],
)
def test_templates_in_a_value(value, expected):
    assert has_template(value) is expected


@pytest.mark.parametrize(
    "command, text, unsafe",
    [
        ("deploy x{ { st2kv.system.x }", "deploy {{a}} {{b}}", True),
        ("deploy 'x {' '{ st2kv.system.x }'", "deploy {{a}} {{b}}", True),
        ("deploy x< %st2kv.system.x%", "deploy {{a}} {{b}}", True),
        ("deploy x{ to y", "deploy {{a}} to {{b}}", True),
        ("deploy x{;y", "deploy {{a}};{{b}}", True),
        ("say x{ now", "say {{text}} now", True),
        ("say { x } now", "say {{text}}", False),
        ('deploy {"a":1} to <@U0123456789>', "deploy {{a}} to {{b}}", False),
        ("deploy #x to %y", "deploy {{a}} to {{b}}", False),
        ("deploy", "deploy", False),
    ],
)
def test_values_that_could_be_joined_to_a_template(command, text, unsafe):
    assert bool(command_text.unsafe_join_reason(command, text)) is unsafe


# --- aliases ------------------------------------------------------------------------------------

ALIAS = {
    "name": "deploy",
    "pack": "demo",
    "description": "Deploy a service.",
    "formats": [
        "deploy {{service}}",
        {"display": "ship SERVICE", "representation": ["ship {{service}}", "put {{service}} out"]},
        {"display": "only shown"},
        {"representation": "release {{service}}"},
    ],
}


def test_the_forms_of_an_alias():
    assert [
        (form.display, form.format) for form in command_text.command_formats(Alias.from_json(ALIAS))
    ] == [
        ("deploy {{service}}", "deploy {{service}}"),
        ("ship SERVICE", "ship {{service}}"),
        ("", "put {{service}} out"),
        ("", "release {{service}}"),
    ]
    assert list(command_text.command_formats(Alias.from_json({"formats": None}))) == []


@pytest.mark.parametrize(
    "command, expected",
    [
        ("deplyo x", ["deploy {{service}}"]),
        ("SHIP", ["ship SERVICE"]),
        ("relaese y to z", ["release {{service}}"]),
        ("make coffee", []),
        ("", []),
        ("x" * 100_000, []),
    ],
)
def test_the_nearest(command, expected):
    assert nearest(command, command_text.command_formats(Alias.from_json(ALIAS))) == expected


def nearest(command, formats):
    return list(command_text.nearest_formats(command, formats))


def form(text):
    return command_text.CommandFormat(Alias(), text, text)


BY_NAME = [
    ("open https://x.example/?a=b&c=d", "open {{url}}", "open - url=https://x.example/?a=b&c=d"),
    ("deploy abcd1234==", "deploy {{ service }}", "deploy - service=abcd1234=="),
    ("open it https://x.example/?a=b", "open {{url}}", ""),
    ("deploy a=b", "deploy {{service}} to {{zone}}", ""),
    ("deploy a=b c=d", "deploy {{service}}", ""),
    ("deploy a=b", "deploy {{service}} now", ""),
    ("deploy x", "deploy {{service}}", ""),
]


@pytest.mark.parametrize("command, text, expected", BY_NAME)
def test_a_value_that_looks_like_a_pair_is_given_by_name(command, text, expected):
    assert command_text.rewrite_by_name(command, form(text)) == expected


@on_stackstorm
@pytest.mark.parametrize("command, text, expected", [each for each in BY_NAME if each[2]])
def test_stackstorm_takes_a_value_given_by_name(command, text, expected):
    from st2common.models.utils.action_alias_utils import extract_parameters

    (name,) = command_text.parameter_names(text)
    assert extract_parameters(text, expected) == {name: command.split(" ", 1)[1]}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("restart {{host}} n={{n}}", True),
        ("restart {{host}} n = {{ n }}", True),
        ("restart {{host}} n={{n}} now", False),
        ("restart {{host}} {{n=3}}", False),
        ("restart {{host}}", False),
    ],
)
def test_a_format_that_never_fits(text, expected):
    assert command_text.is_never_matched(form(text)) is expected
    assert expected is False or extract(text, "restart web1 n=3") is None


def test_no_more_than_a_few_are_near():
    forms = [
        command_text.CommandFormat(Alias(), "deploy%d" % number, "deploy%d" % number)
        for number in range(9)
    ]
    assert len(nearest("deploy", forms)) == command_text.MAX_SUGGESTIONS


def test_help_of_a_word():
    forms = list(command_text.command_formats(Alias.from_json(ALIAS)))
    assert command_text.help_lines(forms, "SHIP") == [("ship SERVICE", "Deploy a service.")]
    assert len(command_text.help_lines(forms, "")) == 2
    assert command_text.help_lines(forms, "coffee") == []


def test_what_fits_into_an_answer():
    assert command_text.fit_lines(["ab", "cd", "ef"], room=6) == (["ab", "cd"], 1)
    assert command_text.fit_lines([]) == ([], 0)


# --- what came ----------------------------------------------------------------------------------


def test_null_of_a_template_is_nothing():
    incoming_command = normalized(
        IncomingCommand("x", TOMASZ, DEPLOYS, "None", "None", "None", "None", None)
    )
    assert incoming_command == IncomingCommand("x", TOMASZ, DEPLOYS)


@pytest.mark.parametrize(
    "url, told", [("https://slack.com/api/", True), ("http://127.0.0.1:5/api/", False)]
)
def test_the_clock_that_tells_what_is_late(url, told):
    assert (clock_for(read_settings({"api_url": url}))() is not None) is told


IDS = st.text() | st.from_regex(r"\{\{.*\}\}") | st.just(TOMASZ) | st.just(DEPLOYS)


@given(user=IDS, channel=IDS, trigger_id=IDS, thread_ts=IDS)
def test_what_is_let_through_holds_no_template(user, channel, trigger_id, thread_ts):
    incoming_command = IncomingCommand("x", user, channel, "/st2", trigger_id, thread_ts=thread_ts)
    try:
        check_format(incoming_command, "")
    except InputError:
        return
    assert not has_template([user, channel, trigger_id, thread_ts])
    assert (user, channel) == (TOMASZ, DEPLOYS) or user != channel


# --- answers ------------------------------------------------------------------------------------


def to(slack, channel=DEPLOYS, **more):
    url = slack.api_url[: -len("/api/")] + "/commands/T0123456789/1/x"
    return Addressee(channel, TOMASZ, **{"response_url": url, **more})


def responses(slack):
    return [each.json for each in slack.requests if each.path.startswith("/commands/")]


def test_an_answer_to_one_person(slack, config):
    reply.answer_privately(make_client(config), to(slack), "No.", [{"type": "divider"}])
    (call,) = calls(slack, "chat.postEphemeral")
    assert (call.args["user"], call.args["text"]) == (TOMASZ, "No.")
    assert json.loads(call.args["blocks"]) == [{"type": "divider"}]
    assert responses(slack) == []


@pytest.mark.parametrize("code", reply.NOT_THERE)
def test_an_answer_where_the_app_is_not(slack, config, code):
    for method in ("chat.postEphemeral", "chat.postMessage"):
        slack.faults.append(Fault.refuse(code, method=method))
    client = make_client(config)
    reply.answer_privately(client, to(slack), "No.")
    assert reply.answer_openly(client, to(slack), "Yes.") is None
    assert responses(slack) == [
        {"response_type": "ephemeral", "replace_original": False, "text": "No."},
        {"response_type": "in_channel", "replace_original": False, "text": "Yes."},
    ]


@pytest.mark.parametrize("answer", [reply.answer_privately, reply.answer_openly])
def test_an_answer_that_no_way_is_open_for(slack, config, answer):
    with pytest.raises(SlackApiError, match="not_in_channel|user_not_in_channel"):
        answer(make_client(config), to(slack, RANDOM, response_url=""), "No.")
    slack.faults.append(Fault.refuse("fatal_error", method="*"))
    with pytest.raises(SlackApiError, match="fatal_error"):
        answer(make_client(config), to(slack), "No.")
    assert responses(slack) == []


def test_an_answer_for_all_to_see(slack, config):
    parent = slack.workspace.channels[DEPLOYS].messages[0]["ts"]
    ts = reply.answer_openly(make_client(config), to(slack, thread_ts=parent), "Yes.")
    posted = [each for each in slack.workspace.channels[DEPLOYS].messages if each["ts"] == ts]
    assert [(each["text"], each["thread_ts"]) for each in posted] == [("Yes.", parent)]


def test_somebodys_text_does_nothing_in_a_message():
    assert reply.in_code("a`b\nc <!channel> &") == "`a'b c &lt;!channel&gt; &amp;`"
    assert reply.in_code("x" * 1000) == "`%s...`" % ("x" * reply.MAX_QUOTE)
    assert reply.in_code(" \n") == ""


def test_a_response_url_is_in_no_repr(slack):
    assert "commands" not in repr(to(slack))
    assert "secret" not in repr(IncomingCommand("x", TOMASZ, DEPLOYS, response_url="secret"))
