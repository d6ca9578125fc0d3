"""Any field: digests, archives, manifests, the registry, comparison, verdicts. No torch, no pytest."""
