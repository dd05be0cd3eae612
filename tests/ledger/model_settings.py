"""Roles and retired currencies in the second ledger, and the rules that set them."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledgerd.ledger.commands import CreateHold, Fund, Submit, Transfer
from ledgerd.ledger.roles import Grant, RoleKind
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles
from tests.ledger.making import EUR, JPY, PACKED, USD
from tests.ledger.model_accounts import OWN
from tests.ledger.model_rails import RailModel

PEOPLE = ("anna", "ben", "root")
SETTING_TIMER = 64
LATER_US = [0, 0, 3_000, 10**12]


class SettingModel(RailModel):
    """The second ledger with roles and currencies: whole lists, the newest time wins."""

    def __init__(self) -> None:
        super().__init__()
        self.role_sets: list[tuple[int, int, dict[str, set[int]]]] = []
        self.retired_sets: list[tuple[int, int, set[int]]] = []
        self.handlers |= {
            SetRoles: self._set_roles,
            SetCurrencies: self._set_currencies,
        }

    def _set_roles(self, c: SetRoles) -> str:
        if c.expected_version is not None and c.expected_version != len(self.role_sets):
            return "VERSION_MISMATCH"
        granted = {one.principal: set(map(int, one.roles)) for one in c.grants}
        certified = {5} if c.is_certified_admin else set()
        if 5 not in granted.get(c.principal, certified):
            return "ADMIN_LOCKED_OUT"
        from_us = self._begins(c.effective_from_us)
        self.role_sets.append((from_us, len(self.role_sets), granted))
        return "CREATED"

    def _set_currencies(self, c: SetCurrencies) -> str:
        expected = c.expected_version
        if expected is not None and expected != len(self.retired_sets):
            return "VERSION_MISMATCH"
        from_us = self._begins(c.effective_from_us)
        self.retired_sets.append((from_us, len(self.retired_sets), set(c.retired)))
        return "CREATED"

    def _begins(self, asked_us: int) -> int:
        """From when a version holds; log time is brought there if it is later."""
        if asked_us <= self.now_us + 1:
            return self.now_us + 1
        timer = (asked_us, (self.index, self.ordinal), SETTING_TIMER)
        self.timers[timer] = lambda _: None
        return asked_us

    def is_retired(self, currency: int) -> bool:
        past = [one for one in self.retired_sets if one[0] <= self.now_us]
        return bool(past) and currency in max(past)[2]

    def roles_of(self, principal: str, next_us: int) -> set[int] | None:
        """What the log grants in the next entry; None: nothing, the certificate says."""
        past = [one for one in self.role_sets if one[0] <= next_us]
        newest = max(past, key=lambda one: one[:2], default=None)
        return None if newest is None else newest[2].get(principal)


grants = st.dictionaries(
    st.sampled_from(PEOPLE), st.sets(st.sampled_from(list(RoleKind))), max_size=3
)


class SettingRules:
    """Commands about roles and currencies for both ledgers."""

    books: Any
    model: Any
    fresh: Callable[[], bytes]
    do: Callable[..., None]
    both: Callable[[list[Submit]], None]

    @rule(
        some=grants,
        is_certified=st.booleans(),
        off=st.sampled_from([None, None, 0, 0, 1]),
        later_us=st.sampled_from(LATER_US),
    )
    def set_roles(
        self,
        some: dict[str, set[RoleKind]],
        is_certified: bool,
        off: int | None,
        later_us: int,
    ) -> None:
        """By root, who may or may not be among them; then both know the same of everybody."""
        chosen = tuple(Grant(one, tuple(sorted(some[one]))) for one in sorted(some))
        seen = None if off is None else len(self.model.role_sets) + off
        from_us = self.books.ts_us + later_us if later_us else 0
        self.do(
            SetRoles(self.fresh(), from_us, "s", "", chosen, "root", is_certified, seen)
        )
        now = self.books.view.policy().roles_at(self.books.ts_us + 1)
        kept = {one.principal: set(one.roles) for one in now.grants} if now else {}
        for one in PEOPLE:
            assert kept.get(one) == self.model.roles_of(one, self.books.ts_us + 1)

    @rule(
        gone=st.sets(st.sampled_from([USD, USD, EUR, JPY]), max_size=2),
        off=st.sampled_from([None, None, 0, 1]),
        amounts=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    )
    def under_retired(
        self, gone: set[int], off: int | None, amounts: list[int]
    ) -> None:
        """New work in currencies of which some are gone; then all are back."""
        seen = None if off is None else len(self.model.retired_sets) + off
        numbers = tuple(sorted(gone))
        self.do(SetCurrencies(self.fresh(), 0, "s", "", numbers, "p", seen))
        self.both(
            [
                Submit(
                    self.fresh(),
                    OWN[n % 3],
                    one,
                    (USD, USD, EUR)[n % 3],
                    (2, 2, 7)[n % 3],
                    "p",
                    PACKED,
                )
                for n, one in enumerate(amounts)
            ]
        )
        self.do(
            Fund(self.fresh(), OWN[0], 1, USD, "a", self.fresh().hex(), "p"),
            Transfer(self.fresh(), OWN[0], OWN[1], 1, USD, "", "p"),
            CreateHold(self.fresh(), OWN[0], 1, USD, 1_000_000, "", "p"),
        )
        self.do(SetCurrencies(self.fresh(), 0, "s", "", (), "p"))
