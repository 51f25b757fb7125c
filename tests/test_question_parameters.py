"""The parameters of slack.ask are written in actions/ask.yaml; what passes them on has the same."""

from pathlib import Path

import yaml

ACTIONS = Path(__file__).resolve().parents[1] / "actions"


def load(name):
    return yaml.safe_load((ACTIONS / name).read_text(encoding="utf-8"))


PARAMETERS = load("ask.yaml")["parameters"]


def test_the_check_of_a_question_takes_the_parameters_of_ask():
    assert load("prepare_question.yaml")["parameters"] == PARAMETERS


def test_the_workflow_takes_them_and_hands_each_to_the_check():
    workflow = load("workflows/ask.yaml")
    assert workflow["input"] == list(PARAMETERS)
    handed = workflow["tasks"]["check"]["input"]
    assert handed == {name: "<%% ctx().%s %%>" % name for name in PARAMETERS}


def test_positions_count_from_0_in_the_order_of_the_file():
    assert [each["position"] for each in PARAMETERS.values()] == list(range(len(PARAMETERS)))
