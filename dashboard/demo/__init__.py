"""What the first start puts in: people, real sources and destinations, and connections whose syncs then really run."""
