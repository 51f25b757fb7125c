"""What it costs to look at a command: steps of the patterns, counted, and how they grow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regex_steps import Matcher
from test_command_text import COMMANDS
from test_rules import on_stackstorm

from sandbox.stackstorm.server import alias_match
from st2slack.chatops import command_text

PATTERNS = {
    name: value
    for name, value in vars(command_text).items()
    if isinstance(value, re.Pattern) and not value.flags & re.IGNORECASE
}
SIZES = (250, 500, 1000, 2000)
# What people, and those who mean harm, can write: each as long as it is asked for.
SHAPES = {
    "blanks": lambda size: "x" + " " * (size - 2) + "y",
    "blanks and a pair": lambda size: "say x" + " " * (size - 9) + "a=b",
    "blanks behind a pair": lambda size: "say a=b" + " " * (size - 8) + "y",
    "line breaks": lambda size: "x" + "\n" * (size - 2) + "y",
    "odd blanks": lambda size: "x" + "\u00a0\u2003" * (size // 2 - 1) + "y",
    "a word": lambda size: "say " + "x" * (size - 4),
    "words": lambda size: ("say " + "ab " * size)[:size],
    "quotes": lambda size: ("say " + '" ' * size)[:size],
    "open quotes": lambda size: ("say " + ' "a' * size)[:size],
    "quoted blanks": lambda size: ("say " + ('"a' + " " * 16 + 'b" ') * size)[:size],
    "quoted blanks, long word": lambda size: 'say "' + " " * 16 + "x" * (size - 22) + '"',
    "dashes": lambda size: ("say " + "\u2014" * size)[:size],
    "dashed words": lambda size: ("say " + " \u2014a" * size)[:size],
    "brackets": lambda size: ("say " + "<" * size)[: size - 2] + " x",
    "forms": lambda size: ("say " + "<@U1|x> " * size)[:size],
    "backslashes": lambda size: ("say " + "\\u00" * size)[:size],
    "braces": lambda size: ("say " + "{ " * size)[: size - 2] + " x",
    "a long value": lambda size: "say a=" + "x" * (size - 6),
    "a long quoted value": lambda size: 'say a="' + "x " * (size // 2 - 4) + '"',
    "an open quoted value": lambda size: 'say a="' + "x " * (size // 2 - 4),
    "a URL": lambda size: "open https://x.example/?a=" + "x" * (size - 30) + "&b=c",
}


def steps(pattern, text, everywhere=True):
    matcher = Matcher(pattern)
    matcher.search_all(text) if everywhere else matcher.match(text)
    return matcher.steps


def grows_linearly(counts):
    """Twice the length, twice the steps; what there is at the start does not count."""
    return all(more <= 2.2 * less + 2000 for less, more in zip(counts, counts[1:]))


@given(st.sampled_from(sorted(PATTERNS)), COMMANDS)
def test_the_matcher_finds_what_re_finds(name, text):
    expected = [found.span() for found in PATTERNS[name].finditer(text)]
    assert Matcher(PATTERNS[name].pattern).search_all(text) == expected


def test_the_matcher_sees_what_is_cubic():
    """The pattern before: 800 blanks took seconds."""
    old = r"(?:^|\s+)\s*(\S+?)\s*=(\S+)"
    counts = [steps(old, "x" + " " * size + "y") for size in (25, 50, 100)]
    assert counts[1] > 6 * counts[0] and counts[2] > 6 * counts[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_pattern_of_ours_takes_long(shape):
    """`plain` looks at what was written, all others at what `plain` made of it."""
    for name, pattern in PATTERNS.items():
        first = name in ("_FORM", "_ODD_SPACE", "_GAP_OR_OPENING", "_CLOSING", "_DASHES")
        texts = [SHAPES[shape](size) for size in SIZES]
        texts = texts if first else [command_text.normalize(text) for text in texts]
        whole = name == "_ENDING"
        assert grows_linearly([steps(pattern.pattern, text, not whole) for text in texts]), name


@pytest.mark.parametrize("shape", SHAPES)
def test_what_goes_to_stackstorm_costs_it_little(shape):
    """The search for pairs as the stand-in has it, and on StackStorm its own (below)."""
    texts = [command_text.normalize(SHAPES[shape](size)) for size in SIZES]
    assert [
        command_text.unusable_reason(each) for each in texts if len(each) <= command_text.MAX_LENGTH
    ] == ["" for each in texts if len(each) <= command_text.MAX_LENGTH]
    assert grows_linearly([steps(alias_match._PAIRS.pattern, text) for text in texts])


FORMATS = ("say {{text}}", "say {{text}} to {{name=x}}")


@on_stackstorm
@pytest.mark.parametrize("shape", SHAPES)
def test_what_goes_to_stackstorm_costs_its_parser_little(shape):
    from st2common.models.utils.action_alias_utils import ActionAliasFormatParser

    texts = [command_text.normalize(SHAPES[shape](size)) for size in SIZES]
    ending = ActionAliasFormatParser()._snippets["ending"]
    assert grows_linearly([steps(ending, text, False) for text in texts])
    for each in FORMATS:
        parsers = [ActionAliasFormatParser(each, text) for text in texts]
        counts = [steps(one._regex.pattern, one._param_stream, False) for one in parsers]
        assert grows_linearly(counts), each


@on_stackstorm
@given(COMMANDS)
def test_nothing_that_is_let_through_takes_stackstorm_long(command):
    from st2common.models.utils.action_alias_utils import ActionAliasFormatParser

    command = command_text.normalize(command)
    if not command_text.unusable_reason(command):
        assert steps(ActionAliasFormatParser()._snippets["ending"], command, False) < 20_000
