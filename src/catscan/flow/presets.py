"""The presets: which models a budget of time buys, by name.

A preset stands for `models:`, and no stage knows of it. Its members were chosen by the log loss of out-of-fold
predictions alone: docs/accuracy.md.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from catscan.common.errors import CatscanError
from catscan.kinds.registry import kind_named

Config = dict[str, Any]

NONE = "none"


@dataclass(frozen=True)
class Preset:
    """What stands under `models:`, by name, as a config would say it: pretrained, or from scratch.

    `size` is the height and width of the pictures that those from scratch learn from.
    """

    pretrained: Config
    from_scratch: Config
    size: list[int]

    def models(self, *, pretrained: bool) -> Config:
        """The models of either variant."""
        return deepcopy(self.pretrained if pretrained else self.from_scratch)


def _on(*networks: str) -> Config:
    """A model on the features of pretrained networks, side by side.

    Its labels are smoothed, since a few are wrong; how sure the blend may be is learnt from predictions of samples that
    it did not see.
    """
    return {"features": list(networks), "label_smoothing": 0.1}


# Pictures that are seen three times need not be changed as much as by the network's own recipe.
THREE_EPOCHS: Config = {"epochs": 3, "augment": {"scale": 0, "rotation": 0}}
SMALL, LARGE = "efficientnet-lite0-288", "efficientnet-lite2-320"
STANDARD = {"lite0-288": _on(SMALL), "lite2-320": _on(LARGE)}
PRESETS = {
    "quick": Preset({"lite0": _on("efficientnet-lite0")}, {"resnet": THREE_EPOCHS}, size=[64, 64]),
    "standard": Preset(STANDARD, {"resnet": {"epochs": 8}}, size=[96, 96]),
    "strong": Preset({**STANDARD, "both": _on(SMALL, LARGE)}, {"resnet": {"epochs": 40}}, size=[96, 96]),
}


def expand(config: Config) -> None:
    """Put the models of each competition's preset under its `models:`, in place, and their size of pictures.

    A size that the config says comes first.

    Raises
    ------
    CatscanError
        Where a competition has both.
    """
    for name, competition in config["competitions"].items():
        preset = competition.get("preset", NONE)
        if preset == NONE:
            continue
        if "models" in competition:
            raise CatscanError(
                "A preset stands for `models`, and this competition has both.",
                where=f"config key competitions.{name}.preset",
                found=f"`preset: {preset}`, and the models {', '.join(competition['models'])}",
                do="Leave one of them out; for models in place of the preset of a ready file add `preset: none`.\n"
                "Descriptions of one name are merged, so that the models may be those of config/config.yaml:\n"
                "give a competition of your own another name.",
            )
        pretrained = competition.get("pretrained", True)
        competition["models"] = PRESETS[preset].models(pretrained=pretrained)
        if not pretrained:
            picture = competition.setdefault("preprocess", {}).setdefault("picture", {})
            picture.setdefault("size", list(PRESETS[preset].size))


def check(competition: Config, where: str) -> None:
    """Refuse a preset for samples that are no pictures.

    Raises
    ------
    CatscanError
        With what to write instead.
    """
    kind = competition["data"]["kind"]
    if competition["preset"] != NONE and not kind_named(kind).picture_files:
        raise CatscanError(
            "Presets are for photographs in files.",
            where=f"config key {where}.preset",
            found=f"`preset: {competition['preset']}`, and `data.kind: {kind}`",
            do="Write the models instead, such as `models: {main: {}}` for a network from scratch, or\n"
            "`models: {main: {features: [efficientnet-lite0]}}` for a pretrained one.",
        )
