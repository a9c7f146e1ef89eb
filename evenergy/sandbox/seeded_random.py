"""Random numbers that are the same for the same seed."""

from random import Random


class SeededRandom(Random):
    """A seeded generator."""

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability
