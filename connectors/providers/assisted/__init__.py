"""Files that people upload: an operator declares which ones are awaited, a person delivers them, a sync loads them."""
