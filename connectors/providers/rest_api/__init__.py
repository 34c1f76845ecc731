"""A REST API that a person declares on our pages, without code."""
