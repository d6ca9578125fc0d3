"""What tests have, as named plain arrays: mappings, tensors, tables, labelled and sparse arrays."""
