"""YAQL in workflows of the fake StackStorm: the real library, with the functions of Orquesta."""

import pytest

from sandbox.stackstorm.server import yaql_expressions
from sandbox.stackstorm.server.workflow_spec import render

CONTEXT = {"x": 1, "t": "a b", "o": {"k": [1, 2], "n": None}, "rows": [{"n": 1}, {"n": 2}]}
FUNCTIONS = {
    "ctx": lambda name=None: CONTEXT if name is None else CONTEXT[name],
    "result": lambda: {"result": {"ok": True}},
    "succeeded": lambda: True,
    "failed": lambda: False,
    "st2kv": lambda key, default=None, decrypt=False: (key, default, decrypt),
}


KNOWN = [
    ("ctx().x", 1),
    ("ctx(x)", 1),
    ("ctx('x')", 1),
    ("ctx().o.k[1]", 2),
    ("ctx().o['k'][0]", 1),
    ("ctx().rows.n", [1, 2]),
    ("ctx().o.get('absent')", None),
    ("ctx().o.get('absent', 'd')", "d"),
    ("ctx().o.k.len()", 2),
    ("len(ctx().t)", 3),
    ("ctx().o.keys()", {"k", "n"}),
    ("result().result.ok", True),
    ("succeeded() and ctx().x = 1", True),
    ("failed() or not ctx().x != 1", True),
    ("not (failed() or succeeded())", False),
    ("ctx().x in [1, 2]", True),
    ("ctx().x + 2 >= 3", True),
    ("'a\\'b'", "a'b"),
    ("dict(a => ctx().x, b => 'c')", {"a": 1, "b": "c"}),
    ("list(1, 2.5)", [1, 2.5]),
    ("[1, null, true]", [1, None, True]),
    ("coalesce(ctx().o.n, 'd')", "d"),
    ("str(ctx().x) + '!'", "1!"),
    ("st2kv('system.x', decrypt => true)", ["system.x", None, True]),
    ("'and' = 'or'", False),
    ("ctx().rows.where($.n > 1)", [{"n": 2}]),
    ("ctx().rows.select($.n * 10).sum()", 30),
    ("ctx().t.split(' ')", ["a", "b"]),
    ("ctx().o.values()", [[1, 2], None]),
    ("switch(ctx().x > 5 => 'much', true => 'little')", "little"),
    ("let(n => ctx().x) -> $n + 1", 2),
    ("ctx().x / 2", 0),
    ("ctx().t.replace('a', 'c').toUpper()", "C B"),
    ("range(3).toList().reverse()", [2, 1, 0]),
    ("regex('b$').search(ctx().t)", "b"),
]


@pytest.mark.parametrize("expression, value", KNOWN)
def test_what_is_known(expression, value):
    assert yaql_expressions.evaluate(expression, FUNCTIONS) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "'it''s'",
        "ctx().x |",
        "unknown()",
        "ctx().x + 'text'",
        "ctx().x / 0",
        "ctx().o.n.deeper",
        "ctx().x.y",
        "1 2",
    ],
)
def test_what_yaql_cannot_compute(expression):
    with pytest.raises(yaql_expressions.ExpressionError):
        yaql_expressions.evaluate(expression, FUNCTIONS)


def test_text_that_comes_out_is_computed_again():
    functions = {**FUNCTIONS, "ctx": lambda: {"text": "say <% 1 + 1 %> {{ 1 }}"}}
    assert render({"a": ["<% ctx().text %>"]}, functions) == {"a": ["say 2 {{ 1 }}"]}
    assert render("so: <% ctx().text %>", functions) == "so: say 2 {{ 1 }}"


def test_a_name_that_leads_nowhere():
    for expression in ("ctx().absent", "ctx().o['absent']", "result().result.absent"):
        with pytest.raises(yaql_expressions.UndefinedKey, match="'absent'"):
            yaql_expressions.evaluate(expression, FUNCTIONS)
