"""The functions of generated PyTorch that cut feature maps into windows and put them back together."""

from __future__ import annotations

__all__ = ["FOLD", "GRID_PARTITION", "MERGE", "OVERLAPPING", "PARTITION"]

PARTITION = (
    "partition",
    '''
def partition(x: Tensor, window: tuple[int, ...], shift: tuple[int, ...] = ()) -> Tensor:  #? shift
def partition(x: Tensor, window: tuple[int, ...]) -> Tensor:  #! shift
    """The windows of feature maps, one after another in the batch."""
    sizes, rank = x.shape[2:], len(window)
    if any(n % w for n, w in zip(sizes, window)):
        x = F.pad(x, [p for n, w in zip(sizes[::-1], window[::-1]) for p in (0, -n % w)])
    if any(shift):  #? shift
        x = x.roll([-s if n > w else 0 for n, w, s in zip(sizes, window, shift)], list(range(2, rank + 2)))  #? shift
    for axis, w in enumerate(window, 2):
        x = x.unfold(axis, w, w)
    return x.movedim(1, rank + 1).flatten(0, rank)
''',
)
MERGE = (
    "merge",
    '''
def merge(
    x: Tensor,
    sizes: tuple[int, ...],
    shift: tuple[int, ...] = (),  #? shift
    spread: bool = False,  #? spread
) -> Tensor:
    """Feature maps of the given sizes from their windows: what `partition` took apart."""
    rank, channels, window = len(sizes), x.shape[1], x.shape[2:]
    grid = [-(-n // w) for n, w in zip(sizes, window)]
    order = [axis for i in range(1, rank + 1) for axis in (i, i + rank + 1)[:: -1 if spread else 1]]  #? spread
    order = [axis for i in range(1, rank + 1) for axis in (i, i + rank + 1)]  #! spread
    x = x.unflatten(0, (-1, *grid)).permute(0, rank + 1, *order)
    x = x.reshape(-1, channels, *[n * w for n, w in zip(grid, window)])
    if any(shift):  #? shift
        x = x.roll([s if n > 1 else 0 for n, s in zip(grid, shift)], list(range(2, rank + 2)))  #? shift
    return x[(..., *[slice(n) for n in sizes])]
''',
)
OVERLAPPING = (
    "overlapping_windows",
    '''
def overlapping_windows(x: Tensor, window: tuple[int, ...], stride: tuple[int, ...], pad: tuple[int, ...]) -> Tensor:
    """Windows of feature maps that begin `stride` apart, one after another in the batch."""
    x = F.pad(x, [end for p in pad[::-1] for end in (p, p)])
    for axis, (w, s) in enumerate(zip(window, stride), 2):
        x = x.unfold(axis, w, s)
    return x.movedim(1, len(window) + 1).flatten(0, len(window))
''',
)
FOLD = (
    "fold",
    '''
def fold(x: Tensor, sizes: tuple[int, ...], stride: tuple[int, ...], pad: tuple[int, ...]) -> Tensor:
    """Feature maps of the given sizes from windows that overlap: the sum of what they have at each position."""
    rank, window = len(sizes), x.shape[2:]
    grid = [(n + 2 * p - w) // s + 1 for n, w, s, p in zip(sizes, window, stride, pad)]
    x = x.unflatten(0, (-1, *grid)).movedim(rank + 1, 1)
    for axis, (n, w, s, p) in enumerate(zip(sizes, window, stride, pad)):
        x = x.movedim((2, 2 + rank - axis), (-2, -1))
        strips = F.pad(x, (0, -w % s)).unflatten(-1, (-1, s)).unbind(-2)
        last = len(strips) - 1
        x = sum(F.pad(strip.flatten(-2), (i * s, (last - i) * s)) for i, strip in enumerate(strips))
        x = x[..., p : p + n]
    return x.contiguous()
''',
)
GRID_PARTITION = (
    "grid_partition",
    '''
def grid_partition(x: Tensor, window: tuple[int, ...]) -> Tensor:
    """Windows whose positions are spread evenly over feature maps, one after another in the batch."""
    sizes, rank = x.shape[2:], len(window)
    if any(n % w for n, w in zip(sizes, window)):
        x = F.pad(x, [p for n, w in zip(sizes[::-1], window[::-1]) for p in (0, -n % w)])
    for axis, w in enumerate(window, 2):
        n = x.shape[axis] // w
        x = x.unfold(axis, n, n)
    return x.permute(0, *range(rank + 2, 2 * rank + 2), *range(1, rank + 2)).flatten(0, rank)
''',
)
