"""One execution of a Python action: its parameters, a process of its own, its result."""
