"""Kinds of stores: a directory, a bucket of S3, a web server, and whatever else fsspec reaches."""
