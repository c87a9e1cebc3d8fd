"""The precision that a training computes in: what `auto` means for this network on this processor."""

from __future__ import annotations

from dataclasses import dataclass

from catscan.common.progress import say
from catscan.networks.registry import Build
from catscan.networks.session import Compute, resolve_precision
from catscan.stages.train.checkpoints import Checkpoints


@dataclass(frozen=True)
class Shapes:
    """What the shapes of a training's convolutions follow from; as `repeatability.convolutions` takes it."""

    build: Build
    sample_shape: tuple[int, ...]
    classes: int
    batch: int
    tflearns_own: bool = False


def settled(wanted: str, shapes: Shapes, earlier: Checkpoints, *, threads: int, gpu: bool) -> str:
    """ "fp32" or "bf16" for `train.precision`.

    Where `auto` may take bf16, a training that goes on keeps what it began with; a new one computes the convolutions
    that are at risk 50 times, and takes fp32 when one of them is not the same bytes each time. `DNN.fit`, whose layers
    compute taps that no pixel ever meets, takes fp32 for any that is at risk: batches of other sizes are among its own.

    Parameters
    ----------
    earlier
        This training's checkpoints, of any precision.

    Raises
    ------
    CatscanError
        See `resolve_precision` and `Checkpoints.newest`.
    """
    precision = resolve_precision(wanted, gpu=gpu)
    if wanted != "auto" or precision == "fp32":
        return precision
    begun, _ = earlier.newest()
    if begun is not None:
        return str(begun.manifest["identity"]["precision"])
    changing = _changing(shapes, Compute(threads, precision))
    if changing:
        say(f"fp32, not {precision}: {changing} may not be computed to the same bytes each time on this processor")
    return "fp32" if changing else precision


def _changing(shapes: Shapes, compute: Compute) -> str:
    """The first of the network's convolutions that is at risk and not repeatable; "" when there is none."""
    from catscan.networks.repeatability import convolutions, is_repeatable

    found = convolutions(**vars(shapes))
    at_risk = (shape for shape in found if shape.is_at_risk)
    changing = (shape for shape in at_risk if shapes.tflearns_own or not is_repeatable(shape, compute))
    return str(next(changing, ""))
