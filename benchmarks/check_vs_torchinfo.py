"""`netspec check examples/vgg16.net`, cold, against `torchinfo.summary` of a hand-written VGG-16, in one run.

Wanted: at least 10 times as fast, in at most a tenth of the memory.
"""

from __future__ import annotations

import sys
from pathlib import Path

from measure import compare

ROOT = Path(__file__).resolve().parent.parent
PEER = """
import torchinfo
from torch import nn

class VGG16(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for v in [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]:
            if v == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, v, 3, padding=1), nn.ReLU()]
                channels = v
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
            nn.Linear(4096, 1000), nn.Softmax(dim=1))
    def forward(self, x):
        return self.classifier(self.features(x))

print(torchinfo.summary(VGG16(), input_size=(1, 3, 224, 224), verbose=0))
"""

if __name__ == "__main__":
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    ours = ("netspec check", [sys.executable, "-m", "netspec", "check", str(ROOT / "examples" / "vgg16.net")])
    theirs = ("torchinfo.summary", [sys.executable, "-c", PEER])
    sys.exit(0 if compare(ours, theirs, repeats=repeats, speed=10, memory=0.1) else 1)
