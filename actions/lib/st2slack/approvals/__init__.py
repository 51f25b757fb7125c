"""Questions of workflows that people answer in Slack: from an inquiry to exactly one outcome.

    question         what is asked, of whom, until when
    ask_parameters   the parameters of slack.ask, checked
    form             inputs of a modal from a JSON schema, and what people enter
    votes            votes, and what they decide
    press            a press of a button, or the submission of a form
    blocks           how a question looks in Slack, open and locked
    requester        whether the voter is the person who started the workflow
    store            records in StackStorm's datastore
    inquiry          state of an inquiry in StackStorm: question, workflows around it
    context          what the actions share: StackStorm, Slack, authorization, settings, a clock
    approvers        who is allowed to answer
    message          the question's message: votes, then the outcome
    shared_roots     workflows with several open questions at a time
    stuck_runs       executions whose action runner was killed
    post, open_form, answer, deliver, conclude, sweep   what the actions do

StackStorm accepts two answers within some 50 ms, and then the workflow can hang forever; to cancel
a workflow does not cancel its inquiry. So every answer goes through slack.answer_question, which
runs one at a time per question (policies/answer_question.one_at_a_time.yaml), and the state of the
inquiry afterwards is the outcome.
"""
