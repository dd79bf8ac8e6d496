"""The network of the detector: stages of a backbone, a pyramid of their maps, and the head of FCOS; torchvision's own parts.

FCOS (Tian et al. 2019) says at each place of each map which label stands there, how far the edges of its box are, and how near
the place is to the middle of it. No sizes of boxes have to be chosen beforehand.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torchvision.models.detection import FCOS
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOSHead
from torchvision.ops import FeaturePyramidNetwork

from glassbox.families.vision.models import resize

WIDTH, CONVOLUTIONS = 64, 2  # of the pyramid and the head: small, for two cores
FIRST_DISTANCE = 2.0  # before the softplus, which makes 2.13 strides of it
PROBED = 128  # pixels a side of the picture by which strides are found
MIN_SCORE, NMS_IOU, MAX_BOXES = 0.1, 0.7, 100  # least score of a box that is kept, IoU of those nms_all out at once, boxes of a picture
Maps = list[torch.Tensor]
Target = dict[str, torch.Tensor]


def small_stages() -> list[nn.Module]:
    """A small network, learnt from nothing: eight convolutions, four halvings."""

    def block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    stages = [block(3, 16, 2)]
    for inputs, outputs in ((16, 32), (32, 64), (64, 128)):
        stages += [nn.Sequential(block(inputs, outputs, 2), block(outputs, outputs))]
    return stages


def segments_of(stages: Sequence[nn.Module]) -> list[tuple[nn.Sequential, int, int]]:
    """Stages put together by how often they have halved the picture from the third time on, with stride and number of maps."""
    with torch.no_grad():
        x, found = torch.zeros(1, 3, PROBED, PROBED), []
        for stage in stages:
            x = stage.eval()(x)
            found.append((stage, _stride(PROBED, x.shape[-1]), int(x.shape[1])))
    made: list[tuple[nn.Sequential, int, int]] = []
    held: list[nn.Module] = []
    for i, (stage, stride, width) in enumerate(found):
        held.append(stage)
        last = i + 1 == len(found) or found[i + 1][1] > stride
        if last and stride >= 8:
            made.append((nn.Sequential(*held), stride, width))
            held = []
    return made


def _stride(side: int, places: int) -> int:
    """How often a side was halved, as a stride; edges that a network leaves out do not matter."""
    return int(2 ** round(math.log2(side / places)))


class Detector(nn.Module):
    """Pictures (n, 3, side, side), 0 to 1, to what the head says of each place.

    Parameters
    ----------
    stages, colours
        Of a backbone, and the mean and spread of the colours that it expects.
    labels
        How many.
    finest
        The stride of the finest maps that boxes are read from: 8 for small objects.
    frozen
        How many of the segments do not learn.
    """

    def __init__(
        self, stages: Sequence[nn.Module], colours: tuple[list[float], list[float]], labels: int, finest: int, frozen: int = 0
    ) -> None:
        super().__init__()
        found = segments_of(stages)
        self.frozen = min(frozen, len(found))
        self.segments = nn.ModuleList(segment for segment, _, _ in found)
        self.read = [stride >= min(finest, found[-1][1]) for _, stride, _ in found]
        self.register_buffer("mean", torch.tensor(colours[0]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(colours[1]).view(1, 3, 1, 1), persistent=False)
        strides = [stride for _, stride, _ in found if stride >= min(finest, found[-1][1])]
        widths = [width for (_, _, width), read in zip(found, self.read, strict=True) if read]
        self.model = _fcos(widths, strides, labels)

    def early(self, x: torch.Tensor) -> Maps:
        """What the segments that do not learn hand on: the maps that are read, and the last."""
        x = (x - self.mean) / self.spread
        found = []
        for i, segment in enumerate(self.segments[: self.frozen]):
            x = segment(x)
            if self.read[i] or i + 1 == self.frozen:
                found.append(x)
        return found if self.frozen else [x]

    def late(self, maps: Maps) -> dict[str, list[torch.Tensor]]:
        """What the head says, a tensor a level, (n, places, …), from what `early` handed on."""
        x = maps[-1]
        read = [own for own, wanted in zip(maps, self._handed(), strict=True) if wanted]
        for i in range(self.frozen, len(self.segments)):
            x = self.segments[i](x)
            if self.read[i]:
                read.append(x)
        levels = list(self.model.backbone(OrderedDict((str(i), one) for i, one in enumerate(read))).values())
        said = [self.model.head([level]) for level in levels]
        return {name: [one[name] for one in said] for name in said[0]}

    def _handed(self) -> list[bool]:
        """Of what `early` hands on, which maps are read."""
        kept = [self.read[i] for i in range(self.frozen) if self.read[i] or i + 1 == self.frozen]
        return kept or [False]

    def forward(self, x: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        return self.late(self.early(x))


class TrainableLayers(nn.Module):
    """What of a detector learns."""

    def __init__(self, net: Detector) -> None:
        super().__init__()
        self.segments = net.segments[net.frozen :]
        self.model = net.model
        self._late = net.late

    def forward(self, maps: Maps) -> dict[str, list[torch.Tensor]]:
        return self._late(maps)


def _fcos(widths: Sequence[int], strides: Sequence[int], labels: int) -> FCOS:
    neck: Any = FeaturePyramidNetwork(list(widths), WIDTH)
    neck.out_channels = WIDTH
    anchors = AnchorGenerator(tuple((stride,) for stride in strides), ((1.0,),) * len(strides))
    head = FCOSHead(WIDTH, 1, labels, CONVOLUTIONS)
    # torchvision cuts distances off at zero, where an edge that starts below it never learns; these come near zero and no further,
    # and begin at two strides, where boxes lie over one another and so learn from the first step on.
    distances = head.regression_head.bbox_reg
    nn.init.constant_(distances.bias, FIRST_DISTANCE)
    head.regression_head.bbox_reg = nn.Sequential(distances, nn.Softplus())
    return FCOS(
        neck, labels, anchor_generator=anchors, head=head, score_thresh=MIN_SCORE, nms_thresh=NMS_IOU, detections_per_img=MAX_BOXES
    )


def anchors_of(net: Detector, said: dict[str, list[torch.Tensor]], side: int) -> tuple[torch.Tensor, list[int]]:
    """The place that each prediction is made at, as a square of its map's stride, and how many there are a level."""
    counts = [one.shape[1] for one in said["cls_logits"]]
    like, sides = said["cls_logits"][0], [math.isqrt(count) for count in counts]
    made = net.model.anchor_generator
    made.set_cell_anchors(torch.float32, like.device)
    strides = [torch.tensor(_stride(side, places), device=like.device) for places in sides]
    grids = made.grid_anchors([[places, places] for places in sides], [[stride, stride] for stride in strides])
    return torch.cat(grids), counts


def loss_of(net: Detector, said: dict[str, list[torch.Tensor]], targets: list[Target], side: int) -> torch.Tensor:
    """The loss of FCOS: focal loss of labels, generalised IoU of boxes, and how near the middle."""
    anchors, counts = anchors_of(net, said, side)
    joined = {name: torch.cat([one.float() for one in levels], dim=1) for name, levels in said.items()}
    found = net.model.compute_loss(targets, joined, [anchors] * len(targets), counts)
    total: torch.Tensor = torch.stack(list(found.values())).sum()
    return total


def flip_average(net: Detector, x: torch.Tensor) -> dict[str, list[torch.Tensor]]:
    """What the head says of a picture and of its mirror image, at the same places, as they say together."""
    said, other = net(x), net(x.flip(3))
    return {name: [_mean(name, *pair) for pair in zip(said[name], other[name], strict=True)] for name in said}


def _mean(name: str, own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The mean over both. A place stands at the left of its cell, so a mirrored one stands a cell further on; the first column has none."""
    side = math.isqrt(own.shape[1])
    grid, back = (one.view(1, side, side, -1) for one in (own, other))
    back = back.flip(2).roll(1, dims=2)
    if name == "bbox_regression":
        back = back[..., [2, 1, 0, 3]]  # left is right
    made = torch.cat([grid[:, :, :1], ((grid + back) / 2)[:, :, 1:]], dim=2)
    return made.reshape(own.shape)


def decode_boxes(net: Detector, said: dict[str, list[torch.Tensor]], side: int) -> Target:
    """The boxes on one picture: ``boxes`` as left, top, right and bottom, ``scores``, ``labels``; nms_all out, best first."""
    anchors, counts = anchors_of(net, said, side)
    plain = {name: [one.float() for one in levels] for name, levels in said.items()}
    [found] = net.model.postprocess_detections(plain, [list(anchors.split(counts))], [(side, side)])
    return dict(found)


class RawOutputs(nn.Module):
    """What a detector says of one picture (1, 3, any side, the same side), 0 to 1, at each place, before anything is nms_all out.

    Gives boxes (places, 4), left, top, right and bottom as shares of the side, and scores (places, labels): the geometric mean of
    how likely the label is and how near the place is to the middle of its object, as torchvision's FCOS has it.
    """

    anchors: torch.Tensor

    def __init__(self, net: Detector, side: int) -> None:
        super().__init__()
        self.net, self.side = net.eval(), side
        with torch.no_grad():
            anchors, _ = anchors_of(net, net(torch.zeros(1, 3, side, side)), side)
        self.register_buffer("anchors", anchors, persistent=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        said = {name: torch.cat(levels, dim=1)[0] for name, levels in flip_average(self.net, resize(x, self.side)).items()}
        boxes = self.net.model.box_coder.decode(said["bbox_regression"], self.anchors)
        scores = torch.sqrt(torch.sigmoid(said["cls_logits"]) * torch.sigmoid(said["bbox_ctrness"]))
        return boxes / self.side, scores
