"""What a pipeline runs with: frozen, checked at the door, written beside its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from harness.core.errors import UnreadableError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "configuration.json"

Count = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(ge=0)]
Gridsize = Annotated[int, msgspec.Meta(ge=1, le=2)]


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What both pipelines share.

    Parameters
    ----------
    seed : int
        Seeds the weights and the order of the batches.
    threads : int
        Threads of torch; results may differ in the last digits between thread counts.
    gridsize : int
        1: patterns are drawn one by one; 2: in groups of four neighbours.
    batch : int
        Patterns of one gradient, at least: whole groups are drawn until there are as many, or a third of
        the scan.
    defocus : float
        How wrong the start probe is: the stored probe out of focus, in radians at the root-mean-square
        radius of its spectrum. A probe that starts where it should end cannot show that it is learned.
    """

    seed: Whole = 0
    threads: Count = 1
    gridsize: Gridsize = 2
    batch: Count = 8
    defocus: float = 0.3


class NetworkConfiguration(Configuration, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The unrolled network's.

    Parameters
    ----------
    steps : int
        Gradient-fed steps that are unrolled, and learned through, at once.
    rounds, inference_rounds : int
        How often the unrolled steps follow each other, from a flat object on, in an epoch and in inference.
    channels : int
        Width of the convolutions.
    epochs : int
    learning_rate, walk_rate : float
        Adam's, for the convolutions, and for step and momentum of the walk, which have to settle first.
    probe_rate : float
        Of the probe's own gradient descent; 1 is the full step of a probe behind an object of 1.
    """

    batch: Count = 32
    steps: Count = 8
    rounds: Count = 6
    inference_rounds: Count = 12
    channels: Count = 8
    epochs: Count = 3
    learning_rate: Rate = 3e-3
    walk_rate: Rate = 1.5e-2
    probe_rate: Rate = 1.0


class IterativeConfiguration(Configuration, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The iterative reconstruction's.

    Parameters
    ----------
    epochs : int
        Passes over the data, half of them in each of two processes; at least 2.
    object_rate, probe_rate : float
        Adam's learning rates, for a flat object of 1 and a probe whose brightest pixel is 1.
    """

    epochs: Annotated[int, msgspec.Meta(ge=2)] = 80
    object_rate: Rate = 0.02
    probe_rate: Rate = 0.01


Any_ = TypeVar("Any_", bound=Configuration)


def configured(kind: type[Any_], options: dict[str, Any]) -> Any_:
    """Check *options* and freeze them.

    Raises
    ------
    UsageError
        An option is unknown, of the wrong type or out of range; the message names it.
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
    """Write *configuration* into the folder *output* as JSON."""
    path = output / FILE
    path.write_bytes(msgspec.json.format(msgspec.json.encode(configuration), indent=2) + b"\n")
    return path


def read_configuration(kind: type[Any_], output: Path) -> Any_:
    """Read the configuration that *output* holds.

    Raises
    ------
    UnreadableError
        It is missing, or not a configuration of this *kind*.
    """
    path = output / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise UnreadableError(
            str(path), expected=f"a {kind.__name__}", found=str(error), remedy="Run the pipeline again."
        ) from None
