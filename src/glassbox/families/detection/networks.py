"""The detection network: the stages of a backbone, a feature pyramid and an FCOS head, from torchvision's building blocks.

FCOS (Tian et al. 2019) predicts at each location of each feature map the label, the distances to the edges of its box, and the
centre-ness. It needs no anchor sizes.
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

WIDTH, CONVOLUTIONS = 64, 2  # of the pyramid and the head: small enough for two CPU cores
INITIAL_DISTANCE = 2.0  # before the softplus, which maps it to 2.13 strides
PROBE_SIDE = 128  # pixels a side of the image that determines the strides
MIN_SCORE, NMS_IOU, MAX_BOXES = 0.1, 0.7, 100  # of the raw boxes of an image
Maps = list[torch.Tensor]
Target = dict[str, torch.Tensor]
Outputs = dict[str, list[torch.Tensor]]


def small_stages() -> list[nn.Module]:
    """Build the stages of a small network that is trained from scratch: seven convolutions, the resolution is halved four times."""

    def block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    stages = [block(3, 16, 2)]
    for inputs, outputs in ((16, 32), (32, 64), (64, 128)):
        stages += [nn.Sequential(block(inputs, outputs, 2), block(outputs, outputs))]
    return stages


def segments_of(stages: Sequence[nn.Module]) -> list[tuple[nn.Sequential, int, int]]:
    """Group stages by stride, from stride 8 on; return each segment with its stride and its number of feature maps."""
    with torch.no_grad():
        x, shapes = torch.zeros(1, 3, PROBE_SIDE, PROBE_SIDE), []
        for stage in stages:
            x = stage.eval()(x)
            shapes.append((stage, _stride(PROBE_SIDE, x.shape[-1]), int(x.shape[1])))
    segments: list[tuple[nn.Sequential, int, int]] = []
    pending: list[nn.Module] = []
    for i, (stage, stride, width) in enumerate(shapes):
        pending.append(stage)
        last = i + 1 == len(shapes) or shapes[i + 1][1] > stride
        if last and stride >= 8:
            segments.append((nn.Sequential(*pending), stride, width))
            pending = []
    return segments


def _stride(side: int, locations: int) -> int:
    """Return the stride of a feature map as a power of two; convolutions without padding do not change it."""
    return int(2 ** round(math.log2(side / locations)))


class Detector(nn.Module):
    """A network from images (n, 3, side, side), 0 to 1, to the outputs of the FCOS head.

    Parameters
    ----------
    stages, normalisation
        The stages of a backbone, and the mean and standard deviation of its colour channels.
    labels
        The number of labels.
    finest
        The smallest stride of a feature map from which boxes are predicted: 8 for small objects.
    frozen
        The number of segments that are not trained.
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        normalisation: tuple[list[float], list[float]],
        labels: int,
        finest: int,
        frozen: int = 0,
    ) -> None:
        super().__init__()
        segments = segments_of(stages)
        self.frozen = min(frozen, len(segments))
        self.segments = nn.ModuleList(segment for segment, _, _ in segments)
        self.read = [stride >= min(finest, segments[-1][1]) for _, stride, _ in segments]
        self.register_buffer("mean", torch.tensor(normalisation[0]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(normalisation[1]).view(1, 3, 1, 1), persistent=False)
        strides = [stride for (_, stride, _), read in zip(segments, self.read, strict=True) if read]
        widths = [width for (_, _, width), read in zip(segments, self.read, strict=True) if read]
        self.model = _fcos(widths, strides, labels)

    def early(self, x: torch.Tensor) -> Maps:
        """Compute the feature maps of the frozen segments that the pyramid uses, and of the last frozen segment."""
        x = (x - self.mean) / self.std
        maps = []
        for i, segment in enumerate(self.segments[: self.frozen]):
            x = segment(x)
            if self.read[i] or i + 1 == self.frozen:
                maps.append(x)
        return maps if self.frozen else [x]

    def late(self, maps: Maps) -> Outputs:
        """Compute the outputs of the head from the maps of `early`: one tensor per level, (n, locations, …)."""
        x = maps[-1]
        pyramid_inputs = [level for level, used in zip(maps, self._early_used(), strict=True) if used]
        for i in range(self.frozen, len(self.segments)):
            x = self.segments[i](x)
            if self.read[i]:
                pyramid_inputs.append(x)
        levels = list(self.model.backbone(OrderedDict((str(i), level) for i, level in enumerate(pyramid_inputs))).values())
        outputs = [self.model.head([level]) for level in levels]
        return {name: [output[name] for output in outputs] for name in outputs[0]}

    def _early_used(self) -> list[bool]:
        """Return a mask of the maps of `early` that the pyramid uses."""
        used = [self.read[i] for i in range(self.frozen) if self.read[i] or i + 1 == self.frozen]
        return used or [False]

    def forward(self, x: torch.Tensor) -> Outputs:
        return self.late(self.early(x))


class TrainableLayers(nn.Module):
    """The layers of a detector that are trained."""

    def __init__(self, net: Detector) -> None:
        super().__init__()
        self.segments = net.segments[net.frozen :]
        self.model = net.model
        self._late = net.late

    def forward(self, maps: Maps) -> Outputs:
        return self._late(maps)


def _fcos(widths: Sequence[int], strides: Sequence[int], labels: int) -> FCOS:
    neck: Any = FeaturePyramidNetwork(list(widths), WIDTH)
    neck.out_channels = WIDTH
    anchors = AnchorGenerator(tuple((stride,) for stride in strides), ((1.0,),) * len(strides))
    head = FCOSHead(WIDTH, 1, labels, CONVOLUTIONS)
    # torchvision clamps distances at zero, where an edge has no gradient; softplus stays positive. The initial distance of two
    # strides lets boxes overlap, so that they have a gradient from the first step on.
    distances = head.regression_head.bbox_reg
    nn.init.constant_(distances.bias, INITIAL_DISTANCE)
    head.regression_head.bbox_reg = nn.Sequential(distances, nn.Softplus())
    return FCOS(
        neck,
        labels,
        anchor_generator=anchors,
        head=head,
        score_thresh=MIN_SCORE,
        nms_thresh=NMS_IOU,
        detections_per_img=MAX_BOXES,
    )


def anchors_of(net: Detector, outputs: Outputs, side: int) -> tuple[torch.Tensor, list[int]]:
    """Return the location of each prediction as a square of its stride, and the number of locations of each level."""
    counts = [level.shape[1] for level in outputs["cls_logits"]]
    like, sides = outputs["cls_logits"][0], [math.isqrt(count) for count in counts]
    generator = net.model.anchor_generator
    generator.set_cell_anchors(torch.float32, like.device)
    strides = [torch.tensor(_stride(side, locations), device=like.device) for locations in sides]
    grids = generator.grid_anchors([[locations, locations] for locations in sides], [[stride, stride] for stride in strides])
    return torch.cat(grids), counts


def loss_of(net: Detector, outputs: Outputs, targets: list[Target], side: int) -> torch.Tensor:
    """Compute the FCOS loss: focal loss of the labels, generalised IoU of the boxes, and cross-entropy of the centre-ness."""
    anchors, counts = anchors_of(net, outputs, side)
    joined = {name: torch.cat([level.float() for level in levels], dim=1) for name, levels in outputs.items()}
    losses = net.model.compute_loss(targets, joined, [anchors] * len(targets), counts)
    total: torch.Tensor = torch.stack(list(losses.values())).sum()
    return total


def flip_average(net: Detector, x: torch.Tensor) -> Outputs:
    """Average the outputs for an image and its mirror image at each location."""
    outputs, mirrored = net(x), net(x.flip(3))
    return {name: [_mean(name, *pair) for pair in zip(outputs[name], mirrored[name], strict=True)] for name in outputs}


def _mean(name: str, output: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    """Average both outputs. Locations are the left edges of cells, so mirrored ones move by one cell; the first column has no partner."""
    side = math.isqrt(output.shape[1])
    grid, flipped = (tensor.view(1, side, side, -1) for tensor in (output, mirrored))
    flipped = flipped.flip(2).roll(1, dims=2)
    if name == "bbox_regression":
        flipped = flipped[..., [2, 1, 0, 3]]  # swap the distances to the left and the right edge
    mean = torch.cat([grid[:, :, :1], ((grid + flipped) / 2)[:, :, 1:]], dim=2)
    return mean.reshape(output.shape)


def decode_boxes(net: Detector, outputs: Outputs, side: int) -> Target:
    """Decode the boxes of one image: ``boxes`` as left, top, right and bottom, ``scores``, ``labels``; after NMS, by descending score."""
    anchors, counts = anchors_of(net, outputs, side)
    floats = {name: [level.float() for level in levels] for name, levels in outputs.items()}
    [boxes] = net.model.postprocess_detections(floats, [list(anchors.split(counts))], [(side, side)])
    return dict(boxes)


class RawOutputs(nn.Module):
    """The outputs of a detector for one image (1, 3, any side, the same side), 0 to 1, before non-maximum suppression.

    Returns boxes (locations, 4), left, top, right and bottom as shares of the side, and scores (locations, labels): the geometric mean
    of the label probability and the centre-ness, as in torchvision's FCOS.
    """

    anchors: torch.Tensor

    def __init__(self, net: Detector, side: int) -> None:
        super().__init__()
        self.net, self.side = net.eval(), side
        with torch.no_grad():
            anchors, _ = anchors_of(net, net(torch.zeros(1, 3, side, side)), side)
        self.register_buffer("anchors", anchors, persistent=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        averaged = flip_average(self.net, resize(x, self.side))
        outputs = {name: torch.cat(levels, dim=1)[0] for name, levels in averaged.items()}
        boxes = self.net.model.box_coder.decode(outputs["bbox_regression"], self.anchors)
        scores = torch.sqrt(torch.sigmoid(outputs["cls_logits"]) * torch.sigmoid(outputs["bbox_ctrness"]))
        return boxes / self.side, scores
