"""Chance that comes out the same for the same seed."""

from random import Random


class Dice(Random):
    """A seeded generator."""

    def happens(self, likely: float) -> bool:
        """Say whether something happens that is this likely."""
        return self.random() < likely
