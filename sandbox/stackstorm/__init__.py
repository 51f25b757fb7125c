"""What the pack needs of StackStorm, on any machine.

    server/              StackStorm's API on loopback, and what is behind it (its layers: there)
    sensor/              the process of a sensor: its service, trigger dispatcher, message bus
    runner/              one execution: parameters, a process of its own, the result
    rules                which payload a rule matches, and the parameters of its action
    rendering            Jinja, as StackStorm renders it
    config               the pack's settings with the defaults of config.schema.yaml
    metadata             actions/*.yaml
    datastore            keys and values
    coercion             values to the types of their parameters
    schema masking       PURE: StackStorm's dialect of JSON schema; what is secret
    validation_errors    what is wrong with the input, all of it at once
    package_path         where StackStorm's own classes come from: the real ones or stubs/

Those above import those below, never the other way round.
"""
