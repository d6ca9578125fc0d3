"""A second ptychography simulator for tests, which shares no code with the package that it tests.

It is written from the dataset contract and from physics: another method, other probes, objects and routes.
"""

from second_simulator.sound import UNUSUAL, Variant, drawn_variant, make_scan, other_dose, sound_scan

__all__ = ["UNUSUAL", "Variant", "drawn_variant", "make_scan", "other_dose", "sound_scan"]
