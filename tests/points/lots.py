"""Explicit lots, oldest first: what the year marks are compared with. Knows nothing of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Lots:
    """Points of one account as lots with their years; amounts in centipoints."""

    #: What is there, the oldest first: [year, amount].
    live: list[list[int]] = field(default_factory=list)
    #: What went, the last on top.
    gone: list[list[int]] = field(default_factory=list)
    held: int = 0

    @property
    def balance(self) -> int:
        """What is there, held or not."""
        return sum(amount for _, amount in self.live)

    @property
    def free(self) -> int:
        """What can be spent."""
        return self.balance - self.held

    def earn(self, year: int, amount: int) -> None:
        """Add a lot; an older one than others stands before them."""
        place = sum(1 for lot in self.live if lot[0] <= year)
        self.live.insert(place, [year, amount])

    def spend(self, amount: int) -> None:
        """Take the oldest points."""
        while amount:
            year, there = self.live[0]
            taken = min(there, amount)
            self.gone.append([year, taken])
            self.live[0][1] -= taken
            if not self.live[0][1]:
                self.live.pop(0)
            amount -= taken

    def come_back(self, amount: int) -> None:
        """Give back what went last, with the age that it had."""
        while amount:
            year, there = self.gone[-1]
            taken = min(there, amount)
            self.live.insert(0, [year, taken])
            self.gone[-1][1] -= taken
            if not self.gone[-1][1]:
                self.gone.pop()
            amount -= taken

    def take_back(self, year: int, amount: int, lapsed: int = 0) -> None:
        """Be as if so much of what came in a year had never been; of it, some had lapsed.

        The youngest of that year and those before it, whether there or gone; what is younger
        only where there is nothing else. What lapsed may have been fetched from here before, for
        something else: of that, as much as went otherwise.
        """
        went = sum(there for _, there in self.gone)
        lapsed = min(lapsed, went)
        went -= lapsed
        lots = [*self.gone, *self.live]
        left = amount + lapsed
        of_then = [lot for lot in reversed(lots) if lot[0] <= year]
        for lot in [*of_then, *(lot for lot in lots if lot[0] > year)]:
            taken = min(lot[1], left)
            lot[1] -= taken
            left -= taken
        assert not left
        self.gone, self.live = [], [lot for lot in lots if lot[1]]
        self.spend(went)

    def due(self, year: int) -> int:
        """What of a year and those before it is there beyond what is held."""
        old = sum(amount for of, amount in self.live if of <= year)
        return max(0, old - self.held)

    def lapse(self, year: int) -> int:
        """Let it lapse; returns how much."""
        amount = self.due(year)
        self.spend(amount)
        return amount

    def move(self, other: Lots, this_year: int) -> None:
        """Carry all to another account; what that one had spent counts as older than it."""
        moved = [(year, amount) for year, amount in self.live]
        self.spend(self.balance)
        for year, _amount in moved:
            if year < this_year:
                other.gone = [[min(of, year), spent] for of, spent in other.gone]
        for year, amount in moved:
            other.earn(year, amount)
