"""Cycles in a graph of orders, as Elle looks for them."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping

Graph = Mapping[str, Collection[str]]


def knots(graph: Graph) -> Iterator[tuple[set[str], list[str]]]:
    """Each strongly connected component of more than one node, with one of its shortest cycles."""
    for knot in _components(graph):
        if len(knot) > 1:
            yield knot, _shortest_cycle(graph, knot)


def _components(graph: Graph) -> Iterator[set[str]]:
    """Kosaraju's algorithm: walk the reversed graph from the nodes that were finished last."""
    reverse: dict[str, list[str]] = {}
    for node, followers in graph.items():
        for follower in followers:
            reverse.setdefault(follower, []).append(node)
    seen: set[str] = set()
    order = [node for start in graph for node in _finished(graph, start, seen)]
    seen = set()
    for start in reversed(order):
        found = set(_finished(reverse, start, seen))
        if found:
            yield found


def _finished(graph: Graph, start: str, seen: set[str]) -> list[str]:
    """The nodes reached from `start` and not seen before, each after all that it leads to; adds them to `seen`."""
    if start in seen:
        return []
    seen.add(start)
    order, path = [], [(start, iter(graph.get(start, ())))]
    while path:
        node, followers = path[-1]
        follower = next((one for one in followers if one not in seen), None)
        if follower is None:
            order.append(node)
            path.pop()
        else:
            seen.add(follower)
            path.append((follower, iter(graph.get(follower, ()))))
    return order


def _shortest_cycle(graph: Graph, knot: set[str]) -> list[str]:
    """A shortest cycle through one of up to 50 of its nodes, which is short enough to read."""
    found = (_back_to(graph, knot, node) for node in sorted(knot)[:50])
    return min(found, key=len)


def _back_to(graph: Graph, knot: set[str], start: str) -> list[str]:
    """A shortest way from `start` back to itself, breadth first, inside the component."""
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for follower in graph.get(node, ()):
            if follower == start:
                return _way(came_from, start, node)
            if follower in knot and follower not in came_from:
                came_from[follower] = node
                waiting.append(follower)
    raise AssertionError("every node of a strongly connected component lies on a cycle")


def _way(came_from: dict[str, str], start: str, end: str) -> list[str]:
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
