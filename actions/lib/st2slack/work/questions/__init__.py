"""Questions of workflows that people answer in Slack: from an inquiry to exactly one outcome.

    question   what is asked, of whom, until when: from the parameters of slack.ask, or from the
               schema of a core.ask in somebody's own workflow
    ballot     votes, and what they come to
    form       what is typed: inputs from a schema, and back
    message    how it looks in Slack, open and locked
    votes      what is kept in StackStorm's datastore
    runs       runs whose action runner was killed
    look       how an inquiry stands in StackStorm: question, workflows around it, state
    post, answer, conclude, sweep   what the actions do

StackStorm takes two answers within some 50 ms, and then the workflow may hang for good; cancelling
tells the inquiry nothing. So every answer goes through slack.answer_question, which runs one at a
time per question (policies/answer_question.one_at_a_time.yaml), and what the inquiry says
afterwards is the outcome.
"""
