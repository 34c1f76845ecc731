"""The whole of Patchbay as a person starts it, watched through a real browser and through its databases."""
