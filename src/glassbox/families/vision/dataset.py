"""The images of train with their labels and folds: the input of every fit."""

from dataclasses import dataclass
from functools import cached_property

from glassbox.families.classification.dataset import ClassificationDataset, LabelledRows
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.files import hash_value


@dataclass(frozen=True)
class VisionDataset(ClassificationDataset):
    """The images of train in canonical order.

    Attributes
    ----------
    data
        Row ids, labels and folds.
    images
        The images as models see them, with the backbones of the request.
    """

    data: LabelledRows
    images: ImageCollection

    @cached_property
    def _bare(self) -> str:
        data = self.data
        return hash_value([self.images.digests, data.row_ids, data.y.tolist(), data.classes, data.fold.tolist()])

    def digest(self, kind: str) -> str:
        """Hash everything that a model of this kind sees of the images."""
        uses_backbones = kind not in ("majority", "small_network")
        backbones = [backbone.digest for backbone in self.images.backbones] if uses_backbones else []
        return hash_value([self._bare, backbones, self.images.recipe.augmentation.model_dump()])
