"""Which recordings of the list somebody may see, as a condition on rows of `item`.

Guarantee: an item is seen here exactly if it would be by its own address without an approval: by
its attribution, else by its device, or by a case that it is linked to; a private one, or one of a
private case, only by its officers, named viewers and heads.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true

from storage import tables
from storage.access import Visible

_I, _A, _D = tables.item.c, tables.attribution.c, tables.device.c
_F, _L, _C, _P, _H = (
    tables.flag.c, tables.link.c, tables.case.c, tables.case_person.c, tables.custody.c,
)  # fmt: skip
Where = ColumnElement[bool]


def seen(visible: Visible) -> Where:
    """Whether the row of an item is visible."""
    near: list[Where] = [true() if visible.everything else false()]
    near += _placed(visible.organs, visible.units)
    if visible.person is not None:
        near.append(_mine(visible.person))
    if visible.unowned:
        near.append(_nobodys())
    if visible.private:
        return or_(*near)
    apart = or_(
        exists().where(_F.item == _I.id, _F.private.is_(True)), _in_case(_C.private.is_(True))
    )
    open_ = [~apart, *_placed(visible.headed_organs, visible.headed_units)]
    if visible.person is not None:
        quoted = f'"{visible.person}"'
        open_ += [
            _mine(visible.person),
            exists().where(_F.item == _I.id, _F.private.is_(True), _F.viewers.contains(quoted)),
            _in_case(_C.private.is_(True), _C.viewers.contains(quoted)),
        ]
    return and_(or_(*near), or_(*open_))


def _placed(organs: frozenset[str], units: frozenset[str]) -> Sequence[Where]:
    """Of one of these organs or units."""
    found: list[Where] = []
    for names, attributed, device, case in (
        (organs, _A.organ, _D.organ, _C.organ), (units, _A.unit, _D.unit, _C.unit),
    ):  # fmt: skip
        if names:
            found += [
                _attributed(attributed.in_(names)),
                and_(~_known(), exists().where(_D.id == _I.source, device.in_(names))),
                _in_case(case.in_(names)),
            ]
    return found


def _mine(person: str) -> Where:
    return or_(
        _attributed(_A.person == person),
        and_(~_known(), _last(_H.person) == person, _last(_H.what) == "issued"),
        _in_case(exists().where(_P.case == _C.id, _P.person == person)),
    )


def _last(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Of the last time that its device changed hands."""
    return (
        select(column)
        .where(_H.device == _I.source, _H.what.in_(("issued", "returned", "lost")))
        .order_by(_H.at_ms.desc(), _H.index.desc())
        .limit(1)
        .scalar_subquery()
    )


def _attributed(*where: Where) -> Where:
    return exists().where(_A.item == _I.id, *where)


def _known() -> Where:
    """Whether its attribution names anybody."""
    return _attributed(or_(_A.person.is_not(None), _A.unit.is_not(None), _A.organ.is_not(None)))


def _in_case(*where: Where) -> Where:
    return exists().where(_L.item == _I.id, _L.unlinked_index.is_(None), _C.id == _L.case, *where)


def _nobodys() -> Where:
    placed = or_(_D.organ.is_not(None), _D.unit.is_not(None))
    owned = or_(_C.organ.is_not(None), _C.unit.is_not(None), exists().where(_P.case == _C.id))
    return and_(
        ~_known(), ~exists().where(_D.id == _I.source, placed), ~_in_case(owned),
        ~exists().where(_H.device == _I.source, _H.what == "issued"),
    )  # fmt: skip
