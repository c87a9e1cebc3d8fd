"""From values to grey levels: the range that is shown, in Hounsfield units (CT) or as percentiles (MR)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catscan.common.errors import CatscanError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HU_WINDOWS = {  # (low, high) HU; the usual width and level of each
    "lung": (-1350.0, 150.0),  # W 1500 L -600
    "mediastinum": (-160.0, 240.0),  # W 400 L 40
    "bone": (-500.0, 1300.0),  # W 1800 L 400
}
AIR_HU = -1024.0  # the lowest value a CT scanner means: anything below is padding


def hu_window(choice: Any) -> tuple[float, float]:
    """The (low, high) HU of a window given by name or by its two ends.

    Raises
    ------
    CatscanError
        For an unknown name, or ends in the wrong order.

    >>> hu_window("mediastinum")
    (-160.0, 240.0)
    """
    where = "preprocess.scan.hu_windows"
    if isinstance(choice, str):
        if choice not in HU_WINDOWS:
            do = did_you_mean(choice, list(HU_WINDOWS))
            raise CatscanError(f"The window {choice!r} is unknown.", where=where, do=do)
        return HU_WINDOWS[choice]
    try:
        low, high = (float(end) for end in choice)
    except (TypeError, ValueError) as error:
        do = "Give a name, or [low, high] in HU."
        raise CatscanError("A window cannot be understood.", where=where, found=repr(choice), do=do) from error
    if not low < high:
        raise CatscanError("A window's low end must be below its high end.", where=where, found=repr(choice))
    return low, high


def percentile_pair(choice: Any) -> tuple[float, float]:
    """The (low, high) percentiles, 0 to 100, that a config gives.

    Raises
    ------
    CatscanError
        When they are none, or in the wrong order.

    >>> percentile_pair([1, 99])
    (1.0, 99.0)
    """
    try:
        low, high = (float(end) for end in choice)
    except (TypeError, ValueError):
        low = high = -1.0
    if not 0 <= low < high <= 100:
        raise CatscanError(
            "Percentiles cannot be understood.",
            where="preprocess.scan.percentiles",
            found=repr(choice),
            do="Give [low, high], such as [1, 99], from 0 to 100.",
        )
    return low, high


def to_levels(
    above: NDArray[np.float32],
    window: tuple[float, float],
    *,
    zero: float = AIR_HU,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Grey levels of one plane: 0 at the window's low end and below, 255 at its high end and above, rounded.

    Parameters
    ----------
    above
        float32, (height, width); how far the values lie above ``zero``.
    window
        (low, high): HU, or the values of an MR scan.
    zero
        The value that 0 stands for.
    out
        uint8 of the same shape, C-contiguous, to be filled.
    """
    import cv2  # not above, nor numpy: the settings are checked by commands that read no scan

    low, high = window
    factor = 255.0 / (high - low)
    offset = (zero - low) * factor
    levels: NDArray[Any] = cv2.addWeighted(above, factor, above, 0.0, offset, dst=out, dtype=cv2.CV_8U)
    return levels
