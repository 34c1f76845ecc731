"""The one exception of the stack."""


class StackError(Exception):
    """A start that cannot go on. Its text is one line for the person at the terminal: what is wrong, what to do."""
