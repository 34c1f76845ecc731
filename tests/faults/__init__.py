"""What breaks, and what must hold all the same: real processes, real servers, faults between them."""
