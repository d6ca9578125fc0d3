"""A publication by DOI, address or path: downloaded, compared with its digests, recorded with its origin."""
