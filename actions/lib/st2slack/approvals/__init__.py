"""Questions of workflows that people answer in Slack: from an inquiry to exactly one outcome.

    question       what is asked, of whom, until when: from the parameters of slack.ask, or from the
                   schema of a core.ask in another workflow
    votes          votes, and what they decide
    form           inputs of a modal from a JSON schema, and back
    blocks         how a question looks in Slack, open and locked
    requester      whether the voter is the person who started the workflow
    store          records of questions in StackStorm's datastore
    inquiry        state of an inquiry in StackStorm: question, workflows around it
    shared_roots   workflows with several open questions at a time
    stuck_runs     executions whose action runner was killed
    context        what the actions share: StackStorm, Slack, authorization, clock
    post, answer, conclude, sweep   what the actions do

StackStorm takes two answers within some 50 ms, and then the workflow can hang for good; cancelling
does not reach the inquiry. So every answer goes through slack.answer_question, which runs one at a
time per question (policies/answer_question.one_at_a_time.yaml), and the inquiry's state afterwards
is the outcome.
"""
