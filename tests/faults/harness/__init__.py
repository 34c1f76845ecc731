"""What the faults need: a running Patchbay to break, proxies between its parts, and checks of what happened."""
