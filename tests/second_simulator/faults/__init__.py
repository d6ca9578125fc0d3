"""Every fault of a scan that is known to happen, each as a pure function of a sound one."""

from second_simulator.faults import (
    contract,
    detector,
    order,
    pattern,
    pixel,
    position,
    stored_object,
    stored_probe,
    value,
)
from second_simulator.faults.fault import DOSES, ScanFault, counts_of

FAULTS: tuple[ScanFault, ...] = (
    *pixel.FAULTS,
    *pattern.FAULTS,
    *order.FAULTS,
    *detector.FAULTS,
    *value.FAULTS,
    *position.FAULTS,
    *stored_probe.FAULTS,
    *stored_object.FAULTS,
    *contract.FAULTS,
)

__all__ = ["DOSES", "FAULTS", "ScanFault", "counts_of"]
