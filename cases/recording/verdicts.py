"""Coverage as values: what it is judged from, what it says, and what filing asks of it.

Guarantee: a verdict names its rule, list, version and policy; `unexplained` is all that stands
between a case and its filing without a leader's name.
Not covered: how a verdict is reached (`coverage`).

Format: docs/formats/rules.md, version 1, section "Coverage".
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cases.recording.rules import Rule
from cases.recording.spans import Recordings, Track

VERDICTS = ("complete", "partial", "missing", "exempt", "unjudgeable")
FIRST_OCCASION = "1"
"""That of a point or an exemption whose entry names none."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A time point of the case.  Of several of one code and occasion those count that ask for most:
    the earliest start and the latest end."""

    code: str
    occasion: str
    at_ms: int
    uncertainty_ms: int = 0
    index: int = 0


@dataclass(frozen=True, slots=True)
class Exemption:
    """免予记录 of a rule on one occasion."""

    list_name: str
    code: str
    state: str
    occasion: str = FIRST_OCCASION


@dataclass(frozen=True, slots=True)
class Explanation:
    """中断说明: why nothing was recorded in [start_ms, end_ms)."""

    list_name: str
    code: str
    start_ms: int
    end_ms: int
    state: str


@dataclass(frozen=True, slots=True)
class Case:
    """What coverage is judged from, and the policy it is judged under.

    `aliases` tells under which code the case's procedure notes a point of the lists, where it has
    a code of its own for it (seizure_started: measure_taken).
    """

    points: Sequence[Noted]
    tracks: Sequence[Track] | Recordings
    stages_reached: frozenset[str]
    threshold_ms: int
    policy_version: str
    exemptions: Sequence[Exemption] = ()
    explanations: Sequence[Explanation] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hole:
    """Where nothing was recorded, in [start_ms, end_ms).

    `uncertainty_ms` is how much longer or shorter it may be; `uncertain` says that this could
    carry it across the threshold.  `asked` says that an explanation waits for its approver.
    """

    start_ms: int
    end_ms: int
    state: str  # explained, unexplained or below_threshold
    uncertainty_ms: int
    uncertain: bool
    asked: bool

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule of one list says of one occasion of the case.  `due` is False while the
    rule's stage is not reached and none of its points is noted."""

    list_name: str
    list_version: str
    policy_version: str
    rule: Rule
    occasion: str | None
    verdict: str
    due: bool
    required: tuple[int, int] | None = None
    covered: tuple[tuple[int, int], ...] = ()
    holes: tuple[Hole, ...] = ()
    missing_ms: int = 0
    missing_points: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    met_by: tuple[str, ...] = ()
    uncertainty_ms: int = 0
    reasons: tuple[str, ...] = ()


def unexplained(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts for which filing asks the leader's name (M04): due, 应当, and a recording is
    missing, cannot be judged, or has a hole above the threshold that nobody explained."""
    return tuple(
        v
        for v in verdicts
        if v.due
        and v.rule.must
        and (
            v.verdict in ("missing", "unjudgeable")
            or (
                v.verdict == "partial"
                # A method that must be there and is not leaves no hole to explain.
                and (
                    any(hole.state == "unexplained" for hole in v.holes)
                    or any(reason.startswith("method_missing") for reason in v.reasons)
                )
            )
        )
    )


def narrowed(before: Iterable[Verdict], after: Iterable[Verdict]) -> bool:
    """Whether a rule that 应当 be followed asks for a shorter interval than before, where a hole was."""
    now = {_of(v): _required_ms(v) for v in after}
    return any(
        _required_ms(v) > now.get(_of(v), 0)
        for v in before
        if v.rule.must and any(hole.state != "below_threshold" for hole in v.holes)
    )


def _of(verdict: Verdict) -> tuple[str, str, str | None]:
    return verdict.list_name, verdict.rule.code, verdict.occasion


def _required_ms(verdict: Verdict) -> int:
    start, end = verdict.required or (0, 0)
    return end - start


@dataclass(frozen=True, slots=True)
class Summary:
    """How many verdicts of each kind, over the rules that are due; the seconds that are missing."""

    must: dict[str, int]
    may: dict[str, int]
    not_due: int
    missing_ms: int
    unexplained: int


def summary(verdicts: Sequence[Verdict]) -> Summary:
    """Counts for a list of cases; 可以 and rules not yet due are counted apart."""
    must = Counter(v.verdict for v in verdicts if v.due and v.rule.must)
    may = Counter(v.verdict for v in verdicts if v.due and not v.rule.must)
    return Summary(
        {verdict: must[verdict] for verdict in VERDICTS},
        {verdict: may[verdict] for verdict in VERDICTS},
        sum(not v.due for v in verdicts),
        sum(v.missing_ms for v in verdicts if v.due and v.rule.must and v.verdict != "exempt"),
        len(unexplained(verdicts)),
    )
