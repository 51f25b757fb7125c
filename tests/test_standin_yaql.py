"""The YAQL that workflows on the stand-in may use, and that the rest of it is refused."""

import pytest

from sandbox.stackstorm.server import yaql
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
    ("ctx().o.keys()", ["k", "n"]),
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
    ("st2kv('system.x', decrypt => true)", ("system.x", None, True)),
    ("'and' = 'or'", False),
]


@pytest.mark.parametrize("expression, value", KNOWN)
def test_what_is_known(expression, value):
    assert yaql.evaluate(expression, FUNCTIONS) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "'it''s'",
        "ctx().x |",
        "ctx().rows.where($.n > 1)",
        "unknown()",
        "ctx().t.split(' ')",
        "1 2",
    ],
)
def test_the_rest_is_refused(expression):
    with pytest.raises(yaql.NotKnown):
        yaql.evaluate(expression, FUNCTIONS)


def test_text_that_comes_out_is_computed_again():
    functions = {**FUNCTIONS, "ctx": lambda: {"text": "say <% 1 + 1 %> {{ 1 }}"}}
    assert render({"a": ["<% ctx().text %>"]}, functions) == {"a": ["say 2 {{ 1 }}"]}
    assert render("so: <% ctx().text %>", functions) == "so: say 2 {{ 1 }}"


def test_a_name_that_leads_nowhere():
    for expression in ("ctx().absent", "ctx().o.n.deeper", "ctx().x.y"):
        with pytest.raises(yaql.Undefined):
            yaql.evaluate(expression, FUNCTIONS)
