"""What may be wrong with a dataset, part by part: each module fits one part of the model."""
