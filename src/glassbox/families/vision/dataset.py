"""Image datasets: the images of train with labels and folds."""

from dataclasses import dataclass
from functools import cached_property

from glassbox.families.classification.dataset import ClassificationDataset, LabelledRows
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.files import hash_value


@dataclass(frozen=True)
class VisionDataset(ClassificationDataset):
    """The training images in canonical order.

    Attributes
    ----------
    data
        Row ids, labels and folds.
    images
        The images as models receive them, with the backbones of the request.
    """

    data: LabelledRows
    images: ImageCollection

    @cached_property
    def _bare(self) -> str:
        data = self.data
        return hash_value([self.images.digests, data.row_ids, data.y.tolist(), data.classes, data.fold.tolist()])

    def digest(self, kind: str) -> str:
        """Hash the inputs of a model of this kind, as part of the cache key."""
        uses_backbones = kind not in ("majority", "small_network")
        backbones = [backbone.digest for backbone in self.images.backbones] if uses_backbones else []
        return hash_value([self._bare, backbones, self.images.recipe.augmentation.model_dump()])
