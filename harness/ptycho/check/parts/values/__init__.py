"""What the stored numbers may be instead of amplitudes."""
