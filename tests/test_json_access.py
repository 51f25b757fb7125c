"""base/json_access.py: a value of another type counts as absent."""

import pytest

from st2slack.base import json_access

ANYTHING = [None, True, False, 0, 1, 1.5, "", "text", [], ["a"], [{}], {}, {"a": 1}]


@pytest.mark.parametrize("value", ANYTHING, ids=repr)
def test_each_type_is_told_from_every_other(value):
    values = {"key": value}
    is_text, is_list, is_object = (isinstance(value, each) for each in (str, list, dict))
    is_number = type(value) in (int, float)
    assert json_access.get_text(values, "key") == (value if is_text else "")
    assert json_access.get_number(values, "key") == (value if is_number else None)
    assert json_access.get_object(values, "key") == (value if is_object else {})
    assert json_access.get_list(values, "key") == (value if is_list else [])
    assert json_access.is_true(values, "key") is (value is True)


def test_elements_of_another_type_are_left_out():
    values = {"key": ["a", 1, {"b": 2}, None, [], "c"]}
    assert json_access.get_texts(values, "key") == ["a", "c"]
    assert json_access.get_objects(values, "key") == [{"b": 2}]


def test_a_key_that_is_absent():
    assert json_access.get_text({}, "key") == "" and json_access.get_objects({}, "key") == []
    assert json_access.get_number({}, "key") is None and json_access.is_true({}, "key") is False
