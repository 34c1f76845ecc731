"""Files as a source: where they lie, which table each belongs to, which are new, and their rows as feeds.

What all providers of files share. A provider's own package says what a person fills in, and opens its kind of `Store`.
"""
