"""Options of the pipelines: frozen, checked when they are given, and written beside the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from harness.core.errors import UnreadableError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION_FILE = "configuration.json"

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(ge=0)]
Gridsize = Annotated[int, msgspec.Meta(ge=1, le=2)]


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options that all pipelines share.

    Parameters
    ----------
    seed : int
        Seed of all that is drawn: weights, the order of the batches. The quasi-Newton method draws nothing.
    threads : int
        Threads of torch. Results may differ in the last digits between thread counts.
    defocus : float
        Error of the start probe: the stored probe is defocused by this phase, in radians at the
        root-mean-square radius of its spectrum. With 0, learning the probe could not be tested.
    """

    seed: NotNegative = 0
    threads: Positive = 1
    defocus: float = 0.3


class BatchConfiguration(Configuration, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of the pipelines that draw batches.

    Parameters
    ----------
    gridsize : int
        1 draws patterns one by one; 2 draws groups of four neighbours.
    batch : int
        Smallest number of patterns in a batch; at most a third of the scan. Groups are never split.
    """

    gridsize: Gridsize = 2
    batch: Positive = 8


class NetworkConfiguration(BatchConfiguration, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of the unrolled network.

    Parameters
    ----------
    steps : int
        Descent steps in a round, of a scan of up to ``steps * batch`` patterns; of a larger scan, a round is
        a pass over its patterns. Each round is unrolled, and the loss is differentiated through its steps.
    rounds, inference_rounds : int
        Rounds in an epoch and in inference; both start from a flat object.
    epochs : int
        Passes through all rounds.
    learning_rate : float
        Adam's learning rate for the logits of the steps' sizes and inertias.
    """

    batch: Positive = 16
    steps: Positive = 16
    rounds: Positive = 4
    inference_rounds: Positive = 20
    epochs: Positive = 2
    learning_rate: Rate = 0.4


class IterativeConfiguration(BatchConfiguration, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of the iterative reconstruction.

    Parameters
    ----------
    epochs : int
        Most passes over the data, half of them in each of two processes; at least 2. There are fewer if the
        loss settles earlier.
    object_rate, probe_rate : float
        Adam's learning rates, for a flat object of 1 and a probe whose brightest pixel is 1.
    """

    epochs: Annotated[int, msgspec.Meta(ge=2)] = 80
    object_rate: Rate = 0.02
    probe_rate: Rate = 0.01


class QuasiNewtonConfiguration(Configuration, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of the quasi-Newton reconstruction.

    Parameters
    ----------
    iterations : int
        Most steps, half of them in each of two processes; at least 2. There are fewer if the misfit settles
        earlier.
    memory : int
        Former steps that the curvature is estimated from.
    """

    iterations: Annotated[int, msgspec.Meta(ge=2)] = 100
    memory: Positive = 8


AnyConfiguration = TypeVar("AnyConfiguration", bound=Configuration)


def make_configuration(kind: type[AnyConfiguration], options: dict[str, Any]) -> AnyConfiguration:
    """Return *options* as a configuration of this *kind*.

    Raises
    ------
    UsageError
        An option is unknown, of the wrong type or out of range; the message names it.

    Examples
    --------
    >>> make_configuration(IterativeConfiguration, {"epochs": 10}).epochs
    10
    """
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:
        raise UsageError(
            "pipeline options",
            expected=f"some of {', '.join(kind.__struct_fields__)}",
            found=f"{options} ({error})",
            remedy="Correct the option; the classes in harness.ptycho.pipeline.configuration describe each.",
        ) from None


def write_configuration(configuration: Configuration, output: Path) -> Path:
    """Write *configuration* as JSON into the folder *output*, and return the file's path."""
    path = output / CONFIGURATION_FILE
    path.write_bytes(msgspec.json.format(msgspec.json.encode(configuration), indent=2) + b"\n")
    return path


def read_configuration(kind: type[AnyConfiguration], output: Path) -> AnyConfiguration:
    """Return the configuration that the folder *output* holds.

    Raises
    ------
    UnreadableError
        The file is missing, or is not a configuration of this *kind*.
    """
    path = output / CONFIGURATION_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise UnreadableError(
            str(path), expected=f"a {kind.__name__}", found=str(error), remedy="Run the pipeline again."
        ) from None
