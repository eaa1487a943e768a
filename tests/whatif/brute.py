# SPDX-License-Identifier: GPL-2.0-or-later
"""The same model once more, in plain Python and without a thought for speed.

Who runs has work left; each step lets all of them work until the first is done, at the rate that
the CPUs allow. A customer is a generator that yields what it wants: work, a lock, a sleep.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal

What = Literal["stays", "new", "copy", "goes"]
#: What a customer wants next: to work for so many ns, or to wait until it is given a lock.
Wish = tuple[Literal["work", "wait"], float]
Steps = Generator[Wish, None, None]
#: What lasts always as long, on one node and to another, or by chance, told whether it is another.
Gaps = tuple[float, float] | Callable[[bool], float]


@dataclass(frozen=True)
class Acquisition:
    """`vmas`: what becomes of each; a copy is in the tree of the one before. `walk`: its side."""

    think: float
    hold: float
    cpu: int = 0
    file: int = 0
    walk: Literal["read", "write"] | None = None
    one_by_one: bool = False
    vmas: tuple[tuple[What, int], ...] = ()


@dataclass(frozen=True)
class Policy:
    """`choice` gives a new VMA's tree from its CPU and number, None for the emptiest."""

    layout: Literal["one", "each", "inverted"]
    trees: int
    choice: Callable[[int, int], int] | None = None


@dataclass(frozen=True)
class Done:
    """An acquisition that is over, by the chain of that number; `spun`: ns of its wait."""

    chain: int
    what: Acquisition
    asked: float
    wait: float
    spun: float
    released: float


@dataclass
class Lock:
    """`inside`: whether each of those who have it writes. `queue`: who sleeps; `line`: who spins.
    `waking`: whether who sleeps longest is; `promised`: to that one; `noticing`: who spins longest;
    `left_on`: the node of the last release.
    """

    inside: list[bool] = field(default_factory=list)
    queue: deque[tuple[Customer, bool]] = field(default_factory=deque)
    line: deque[Customer] = field(default_factory=deque)
    waking: bool = False
    promised: bool = False
    noticing: bool = False
    left_on: int = 0


@dataclass(eq=False)
class Customer:
    """`left`: its work; `wakes`: when it does; `tires`: when, of spinning; none of them where it
    sleeps for a lock.

    `looks`: that it runs while it waits. `serial`: of two that are done at once the one that began
    first comes first; `turn`: likewise of two that tire.
    """

    steps: Steps
    waits: list[float]
    left: float | None = None
    wakes: float | None = None
    tires: float | None = None
    looks: bool = False
    spun: float = 0.0
    gap: float = 0.0
    given: bool = False
    sees: bool = False
    away: bool = False
    cpu: int = 0
    serial: int = 0
    turn: int = 0


class Simulation:
    """`starts`: when each chain asks first; `log`: what is done, in the order of releases."""

    log: list[Done]

    def __init__(
        self,
        chains: Sequence[Sequence[Acquisition]],
        starts: Sequence[float],
        policy: Policy,
        cpus: int,
        gaps: Gaps = (0.0, 0.0),
        node_of_cpu: Sequence[int] = (0,) * 4096,
        patience: float = 4e6,
        spin_gaps: Gaps = (0.0, 0.0),
        spins: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.policy, self.cpus, self.node_of_cpu = policy, cpus, node_of_cpu
        self.gaps, self.spin_gaps = gaps, spin_gaps
        self.patience, self.spins = patience, spins
        self.now = 0.0
        self.locks: dict[tuple[int, int], Lock] = {}
        self.tree_of: dict[int, int] = {}
        self.population: dict[tuple[int, int], int] = {}
        #: ns that each lock was taken for write: hand-overs and holds, waits for others left out.
        self.taken: dict[tuple[int, int], float] = {}
        self.handovers = self.remote = self.serial = 0
        self.customers: list[Customer] = []
        self.log = []
        for chain, start in zip(chains, starts, strict=True):
            customer = Customer(iter(()), [0.0] * len(chain), wakes=start)  # type: ignore[arg-type]
            customer.steps = self._life(customer, chain)
            self.customers.append(customer)
        while self._step():
            pass

    @property
    def wait(self) -> float:
        """In all."""
        return sum(sum(customer.waits) for customer in self.customers)

    def _step(self) -> bool:
        running = [one for one in self.customers if one.left is not None or one.looks]
        rate = min(1.0, self.cpus / len(running)) if running else 1.0
        due = [(self.now + one.left / rate, one, "left") for one in running if one.left is not None]
        for what in ("wakes", "tires"):
            at = [(getattr(one, what), one, what) for one in self.customers]
            due += [one for one in at if one[0] is not None]
        if not due:
            return False
        when, first, what = min(due, key=_order)
        for one in running:
            if one.left is not None:
                one.left = max(0.0, one.left - (when - self.now) * rate)
        self.now = when
        setattr(first, what, None)
        self._advance(first)
        return True

    def _advance(self, customer: Customer) -> None:
        step = next(customer.steps, None)
        if step is None:
            return
        wish, ns = step
        if wish == "work":
            self._works(customer, ns)

    def _works(self, customer: Customer, ns: float) -> None:
        customer.left = ns
        self.serial += 1
        customer.serial = self.serial

    def _life(self, customer: Customer, chain: Sequence[Acquisition]) -> Steps:
        for number, one in enumerate(chain):
            if number:
                yield "work", one.think
            customer.cpu = one.cpu
            customer.spun = 0.0
            asked = self.now
            yield from self._acquire(customer, number, one)
            wait, chain_ = customer.waits[number], self.customers.index(customer)
            self.log.append(Done(chain_, one, asked, wait, customer.spun, self.now))
            for what, vma in one.vmas:
                if what != "stays" and self.policy.layout != "one":
                    place = (one.file, self.tree_of[vma])
                    self.population.setdefault(place, 0)
                    self.population[place] += -1 if what == "goes" else 1

    def _take_for(self, key: tuple[int, int], ns: float) -> None:
        self.taken[key] = self.taken.get(key, 0.0) + ns

    def _acquire(self, customer: Customer, number: int, one: Acquisition) -> Steps:
        writes = one.walk != "read"
        held: list[tuple[int, int]] = []
        written: list[tuple[int, int]] = []

        def take(lock: int, write: bool) -> Steps:
            key = (one.file, lock)
            held.append(key)
            if write:
                written.append(key)
            if not self._free(self.locks.setdefault(key, Lock()), write):
                asked = self.now
                spins = self.spins() if write else 0.0
                readers = self.locks[key].inside
                if write and readers and not any(readers):
                    spins = min(spins, (20 + min(len(readers), 30)) * 500)
                if write and not spins and not readers:
                    readers.append(True)
                    return
                if spins:
                    had = yield from self._spin(self.locks[key], customer, spins)
                    customer.spun += self.now - asked
                    if had:
                        customer.waits[number] += self.now - asked
                        return
                self.locks[key].queue.append((customer, write))
                queued = self.now
                customer.given = customer.looks = False
                while not customer.given:
                    yield "wait", 0.0
                    if not customer.given and self._found_free(key, customer, queued):
                        customer.waits[number] += self.now - asked
                        return
                customer.looks = False
                gap = customer.gap
                customer.waits[number] += self.now - asked + gap
                if write:
                    self._take_for(key, gap)
                yield "work", gap
            else:
                self.locks[key].inside.append(write)

        if self.policy.layout == "one":
            yield from take(0, writes)
            yield "work", one.hold
        elif one.walk and self.policy.layout == "inverted":
            yield from take(-1, True)
            yield "work", one.hold
        elif one.walk:
            for tree in range(self.policy.trees):
                yield from take(tree, writes)
            yield "work", one.hold
        else:
            trees = self._trees(one)
            if self.policy.layout == "inverted":
                yield from take(-1, False)
            if one.one_by_one:
                for tree, count in _runs(trees):
                    yield from take(tree, True)
                    yield "work", one.hold * count / len(trees)
                    self._take_for(written.pop(), one.hold * count / len(trees))
                    self._release(held.pop(), customer)
            else:
                for tree in sorted(set(trees)):
                    yield from take(tree, True)
                yield "work", one.hold
        # What is handed over is taken at this very moment, but after all of it was given back.
        for key in written:
            self._take_for(key, one.hold)
        for key in held:
            self._release(key, customer)

    def _trees(self, one: Acquisition) -> list[int]:
        found: list[int] = []
        for what, vma in one.vmas:
            if what == "new":
                self.tree_of[vma] = self._choose(one, vma)
            elif what == "copy":
                self.tree_of[vma] = found[-1]
            found.append(self.tree_of[vma])
        return found

    def _choose(self, one: Acquisition, vma: int) -> int:
        if self.policy.choice is not None:
            return self.policy.choice(one.cpu, vma)
        trees = range(self.policy.trees)
        return min(trees, key=lambda tree: self.population.get((one.file, tree), 0))

    def _free(self, lock: Lock, write: bool) -> bool:
        if not lock.inside:
            return not (write and lock.queue and lock.line)
        return not write and not any(lock.inside) and not lock.queue

    def _spin(self, lock: Lock, customer: Customer, spins: float) -> Generator[Wish, None, bool]:
        """In line until it has the lock or tires of that: whether it has it."""
        lock.line.append(customer)
        self.serial += 1
        customer.turn = self.serial
        customer.tires, customer.looks, customer.given = self.now + spins, True, False
        customer.sees = False
        while True:
            yield "wait", 0.0
            if customer.given:
                break
            if customer.sees and customer.left is None:
                customer.sees = lock.noticing = False
            elif customer.sees:
                continue
            if not lock.inside:
                self.handovers += 1
                self.remote += self.node_of_cpu[customer.cpu] != lock.left_on
                lock.inside.append(True)
                customer.given = True
                # Who tires queues first, if only for a moment.
                customer.spun -= customer.tires is None
                break
            if customer.tires is None:
                break
        lock.line.remove(customer)
        customer.looks, customer.tires = False, None
        return customer.given

    def _release(self, key: tuple[int, int], customer: Customer) -> None:
        lock = self.locks[key]
        lock.inside.pop()
        lock.left_on = self.node_of_cpu[customer.cpu]
        if lock.inside:
            return
        if lock.queue and not lock.waking and self._served(lock, customer):
            return
        if lock.line and not lock.noticing:
            first = lock.line[0]
            first.away = self._is_away(first, customer)
            gap = self._gap(self.spin_gaps, first.away)
            if gap:
                lock.noticing = first.sees = True
                self._works(first, gap)
                return
            lock.inside.append(True)
            self.handovers += 1
            self.remote += first.away
            first.given = True
            self._advance(first)

    def _is_away(self, one: Customer, other: Customer) -> bool:
        return self.node_of_cpu[one.cpu] != self.node_of_cpu[other.cpu]

    def _served(self, lock: Lock, customer: Customer) -> bool:
        """Whether those who sleep have it now; else the first of them wakes."""
        first, writes = lock.queue[0]
        gaps = self.spin_gaps if lock.promised and first.looks else self.gaps
        away = self._is_away(first, customer)
        gap = self._gap(gaps, away)
        if writes and not lock.promised and gap:
            lock.waking, first.away = True, away
            self._works(first, gap)
            return False
        lock.promised = False
        if writes:
            served = [lock.queue.popleft()]
        else:
            served = [one for one in lock.queue if not one[1]]
            lock.queue = deque(one for one in lock.queue if one[1])
        for other, write in served:
            lock.inside.append(write)
            away = self._is_away(other, customer)
            self.handovers += 1
            self.remote += away
            other.gap, other.given = gap if other is first else self._gap(gaps, away), True
            self._advance(other)
        return True

    def _gap(self, gaps: Gaps, away: bool) -> float:
        return gaps[away] if isinstance(gaps, tuple) else gaps(away)

    def _found_free(self, key: tuple[int, int], customer: Customer, queued: float) -> bool:
        """Takes the lock as it wakes, if nobody did before; who slept long is promised it."""
        lock = self.locks[key]
        lock.waking = False
        if lock.inside:
            lock.promised |= self.now - queued > self.patience
            customer.looks = lock.promised and any(lock.inside)
            return False
        lock.promised = False
        lock.queue.popleft()
        lock.inside.append(True)
        self.handovers += 1
        self.remote += customer.away
        return True


def _order(due: tuple[float, Customer, str]) -> tuple[float, int, int]:
    when, customer, what = due
    return (
        when,
        ("wakes", "tires", "left").index(what),
        (customer.turn if what == "tires" else customer.serial),
    )


def _runs(trees: Sequence[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for tree in trees:
        if found and found[-1][0] == tree:
            found[-1] = (tree, found[-1][1] + 1)
        else:
            found.append((tree, 1))
    return found
