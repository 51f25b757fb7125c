"""A stub of st2-auth-ldap, which comes with StackStorm and is not on PyPI."""
