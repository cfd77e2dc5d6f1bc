"""Examples against networks of two zoos: parameters, buffers and MACs of torchvision 0.29 and timm 1.0.31, as those count.

The MACs are half of the FLOPs of `torch.utils.flop_counter`; with their random weights the examples give the same outputs.
"""

from __future__ import annotations

import pytest
from conftest import ROOT

import netspec

ZOO = {
    # name: parameters, MACs, buffers
    "coatnet_0": (25_036_820, 4_546_507_776, 13_712),
    "convmixer_768_32": (21_110_248, 20_676_851_712, 99_905),
    "crossvit_9": (8_553_296, 1_840_796_160, 0),
    "cspdarknet53": (27_642_184, 6_533_652_480, 35_395),
    "deit_small": (22_050_664, 4_598_882_304, 0),
    "dla34": (15_742_104, 3_060_043_776, 15_525),
    "dpn68": (12_611_602, 2_326_163_456, 65_188),
    "efficientnet_b4": (19_341_616, 4_393_771_024, 125_296),
    "ghostnet": (5_182_508, 141_150_512, 22_048),
    "gmlp_s16": (19_422_656, 4_392_060_928, 0),
    "inception_resnet_v2": (55_843_464, 13_155_794_016, 60_748),
    "inception_v4": (42_679_816, 12_253_974_624, 63_317),
    "mnasnet0_5": (2_218_512, 104_455_968, 20_676),
    "mobilenet_v3_small": (2_542_856, 56_510_400, 12_146),
    "mvit_v2_s": (34_537_744, 64_223_815_872, 0),
    "regnet_x_400mf": (5_495_976, 413_812_608, 37_927),
    "repvgg_a0": (9_108_968, 1_512_581_120, 23_709),
    "res2net50": (25_699_120, 4_255_166_464, 59_577),
    "resmlp_12": (15_350_872, 3_009_739_776, 0),
    "shufflenet_v2_x0_5": (1_366_792, 40_476_448, 8_008),
    "volo_d1": (26_632_040, 6_918_741_504, 387),
    "vovnet39": (24_568_936, 7_074_193_408, 20_455),
    "xception": (22_855_952, 8_357_403_496, 54_568),
    # the zoo has a table of sines and cosines of 32,768 values, and the biases of keys, which are 0
    "eva02_tiny": (5_695_144, 1_697_710_080, 544),
    # the zoo multiplies the queries also with the 2,883,584 values of its tables of positions that it then cuts off
    "halonet26t": (12_480_288, 3_172_810_752 - 2_883_584, 30_991),
}


@pytest.mark.parametrize("name", ZOO)
def test_figures_are_those_of_the_zoo(name: str) -> None:
    model = netspec.load(ROOT / "examples" / f"{name}.net")
    assert (model.params, model.macs, model.totals.buffers) == ZOO[name]
