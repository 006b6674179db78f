"""Distances on the earth, computed without the database."""

import math


def haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres over the sphere, by the formula of that name."""
    (lat1, lon1), (lat2, lon2) = [(math.radians(x), math.radians(y)) for x, y in (a, b)]
    h = math.sin((lat2 - lat1) / 2) ** 2
    h += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371008.8 * math.asin(math.sqrt(h))
