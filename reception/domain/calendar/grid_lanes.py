"""Who stands beside whom in a column: blocks that overlap share its width in lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

MOST_LANES = 6
"""So many stand side by side; who comes above that is counted only. Two lanes up to six divide LANE_UNITS."""
LANE_UNITS = 60
AS_WIDE_AS_CAPACITY = 4
"""Up to this capacity every place has its lane, so that a free one is seen; above, one more than are taken."""


@dataclass(slots=True)
class Block:
    """An appointment, or a place that is kept, in its column: minutes from the top, its lane of so many, and the row it is
    drawn from.
    """

    row: Any
    at: int
    to: int
    is_beyond: bool = False
    is_gone: bool = False
    is_held: bool = False
    lane: int = 0
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class More:
    """So many stand here that no lane is left for."""

    at: int
    to: int
    count: int


def lay(blocks: Iterable[Block], capacity_in: Callable[[int, int], int]) -> tuple[list[Block], list[More]]:
    """Give each block its lane; `capacity_in(at, to)`: the greatest capacity of the slots there.

    A greatest group of blocks of which each overlaps another shares one number of lanes. Who did not come is drawn where
    nobody else stands.
    """
    shown: list[Block] = []
    more: list[More] = []
    waiting = sorted(blocks, key=lambda block: (block.is_gone, block.at, -block.to))
    standing = [block for block in waiting if not block.is_gone]
    for group in _groups(standing):
        kept, left = _lay_group(group, capacity_in(group[0].at, max(block.to for block in group)))
        shown += kept
        more += left
    for block in (block for block in waiting if block.is_gone):
        beside = [other for other in shown if other.at < block.to and other.to > block.at]
        block.lanes = beside[0].lanes if beside else _lanes(1, capacity_in(block.at, block.to))
        free = set(range(block.lanes)) - {other.lane for other in beside}
        if free:
            block.lane = min(free)
            shown.append(block)
    return sorted(shown, key=lambda block: (block.at, block.lane)), more


def _groups(blocks: list[Block]) -> list[list[Block]]:
    groups: list[list[Block]] = []
    reached = -1
    for block in blocks:
        if block.at < reached:
            groups[-1].append(block)
        else:
            groups.append([block])
        reached = max(reached, block.to)
    return groups


def _lay_group(group: list[Block], capacity: int) -> tuple[list[Block], list[More]]:
    until: list[int] = []  # the minute up to which each lane is taken
    for block in group:
        lane = next((n for n, end in enumerate(until) if end <= block.at), len(until))
        until[lane : lane + 1] = [block.to]
        block.lane = lane
    lanes = _lanes(len(until), capacity)
    for block in group:
        block.lanes = lanes
    if len(until) <= MOST_LANES:
        return group, []
    left = [block for block in group if block.lane >= MOST_LANES - 1]
    return [block for block in group if block.lane < MOST_LANES - 1], _counted(left)


def _counted(left: list[Block]) -> list[More]:
    """Those without a lane of their own, in the last one: a number for each stretch."""
    return [More(part[0].at, max(block.to for block in part), len(part)) for part in _groups(left)]


def _lanes(used: int, capacity: int) -> int:
    wanted = capacity if capacity <= AS_WIDE_AS_CAPACITY else min(used + 1, capacity)
    return min(max(used, wanted, 1), MOST_LANES)
