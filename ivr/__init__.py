"""The controller: speaks ARI, runs call flows, owns live calls."""
