"""All tables.  Two kinds, and the difference matters:

PROJECTED   written only by projectors (`storage.projections`) inside an act; `liuhen rebuild`
            writes them again from entries and disclosures, row for row (a test compares).
OPERATIONAL no evidential meaning: secrets, sessions, upload offsets, jobs, caches.

Ids are 32 hex digits drawn outside the act; times are UTC milliseconds (`_ms`) or the entry's own
text; JSON is canonical text.  No database defaults, no autoincrement in projected tables.

One long file on purpose: it is the list of all that is kept, and nothing else.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(32)
DIGEST = String(64)
Big = BigInteger().with_variant(Integer, "sqlite")

# --- the log itself -------------------------------------------------------------------------

head = Table(  # one row (id = 1): what every act locks first
    "head", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("size", Big, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("edge", LargeBinary, nullable=False),  # the right edge: roots of the perfect subtrees
    Column("last_ms", Big, nullable=False),  # `at` of the last entry
    Column("boot_id", Text, nullable=False),  # clock check: CLOCK_REALTIME - CLOCK_BOOTTIME
    Column("boot_base_ms", Big, nullable=False),
)  # fmt: skip

published = Table(  # one row (id = 1): the checkpoint that receipts rest on
    "published", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", Big, nullable=False),
    Column("note", Text, nullable=False),
    Column("at_ms", Big, nullable=False),
)  # fmt: skip

entry = Table(
    "entry", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("chain", String(36), nullable=False),
    Column("seq", Big, nullable=False),
    Column("type", String(32), nullable=False),
    Column("leaf", LargeBinary, nullable=False),  # 32 bytes
    Column("bytes", LargeBinary, nullable=False),  # canonical JSON, as in the entry bundle
    UniqueConstraint("chain", "seq"),
    Index(None, "leaf"),
    Index(None, "type", "index"),
)  # fmt: skip

disclosure = Table(
    "disclosure", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),  # canonical JSON object {name: field digest}
    Column("disclosed", Text, nullable=False),  # canonical JSON list of [salt, name, value]
)  # fmt: skip

operation = Table(  # operational: answers «did my COMMIT arrive?»
    "operation", metadata,
    Column("id", String(100), primary_key=True),
    Column("first", Big, nullable=False),
    Column("count", Integer, nullable=False),
)  # fmt: skip

mention = Table(  # projected: which entries speak of an item, a case, an upload (for trails)
    "mention", metadata,
    Column("kind", String(8), primary_key=True),  # item, case, upload, source, view, token
    Column("id", ID, primary_key=True),
    Column("index", Big, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,  # the key is the row: half the writes
)  # fmt: skip

erasure = Table(  # projected: which fields of which entry are erased
    "erasure", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),  # of the entry erased from
    Column("name", String(64), primary_key=True),
    Column("by_index", Big, nullable=False),
)  # fmt: skip

# --- projected ------------------------------------------------------------------------------

source = Table(
    "source", metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # device, station, person
    Column("enrolled_index", Big, nullable=False),
    Column("revoked_index", Big),
)  # fmt: skip

upload = Table(
    "upload", metadata,
    Column("id", ID, primary_key=True),
    Column("source", ID, nullable=False),
    Column("name", Text, nullable=False),  # "" once erased
    Column("name_raw", Text),
    Column("size", Big),  # as announced; null when deferred
    Column("mime", Text),
    Column("sha256", DIGEST),  # as announced
    Column("client_key", Text),
    Column("case_number", Text),  # the wish of `push --case`
    Column("device_times", Text),
    Column("manifest", Text),
    Column("opened_index", Big, nullable=False),
    Column("opened_ms", Big, nullable=False),
    Column("state", String(8), nullable=False),  # open, sealed, aborted
    Column("item", ID),  # sealed: its item; aborted as duplicate: the item that was there
    Column("closed_index", Big),
    Column("reason", Text),
    UniqueConstraint("source", "client_key"),
    Index(None, "state", "opened_ms"),
)  # fmt: skip

item = Table(
    "item", metadata,
    Column("id", ID, primary_key=True),
    Column("upload", ID, nullable=False, unique=True),
    Column("source", ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_raw", Text),
    Column("mime", Text, nullable=False),
    Column("size", Big, nullable=False),
    Column("sha256", DIGEST, nullable=False),
    Column("root", DIGEST, nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("device_times", Text, nullable=False),
    Column("clock_offset", Text),
    Column("manifest", Text),
    Column("marks", Text, nullable=False),  # JSON list: manifest-mismatch, incomplete, …
    Column("announced", Text),
    Column("retain_until", Text, nullable=False),
    Column("sealed_index", Big, nullable=False),
    Column("sealed_leaf", DIGEST, nullable=False),
    Column("sealed_ms", Big, nullable=False),
    Index(None, "source", "sha256"),
    Index(None, "source", "root"),
    Index(None, "sealed_index"),
)  # fmt: skip

copy = Table(  # where the bytes of an item lie
    "copy", metadata,
    Column("item", ID, primary_key=True),
    Column("store", String(32), primary_key=True),
    Column("what", String(16), primary_key=True),  # original, tree
    Column("key", String(200), primary_key=True),
    Column("version", Text),
    Column("encoding", String(16), nullable=False),  # "plain"; per-item keys can come later
    Column("index", Big, nullable=False),  # of the entry that says so
)  # fmt: skip

derived = Table(  # the newest derivative of each kind
    "derived", metadata,
    Column("item", ID, primary_key=True),
    Column("what", String(16), primary_key=True),  # playable, poster, peaks
    Column("key", Text, nullable=False),
    Column("sha256", DIGEST, nullable=False),
    Column("size", Big, nullable=False),
    Column("mime", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("input", DIGEST, nullable=False),
    Column("index", Big, nullable=False),
)  # fmt: skip

case = Table(
    "enforcement_case", metadata,
    Column("id", ID, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("officers", Text, nullable=False),  # JSON list of text
    Column("opened_index", Big, nullable=False),
    Column("opened_ms", Big, nullable=False),
    Column("changed_index", Big, nullable=False),  # of the entry that the words above come from
    Column("procedure", Text),  # name@version that the case began with
    Column("procedure_digest", DIGEST),
    Column("organ", ID),
    Column("unit", ID),
    Column("people", Text, nullable=False),  # JSON list of person ids: its officers
    Column("parties", Text, nullable=False),  # JSON list of text
    Column("place", Text),  # JSON {"text", "lat_e7", "lon_e7"}
    Column("private", Boolean, nullable=False),
    Column("viewers", Text, nullable=False),  # JSON list of person ids, where private
    Column("external_system", Text),  # the 办案 system that it came from, and its key there
    Column("external_key", Text),
    Column("closed_index", Big),  # of the newest filing, if it still stands
    UniqueConstraint("external_system", "external_key"),
    Index(None, "organ", "opened_index"),
    Index(None, "unit", "opened_index"),
    Index(None, "opened_index"),
)  # fmt: skip

link = Table(
    "link", metadata,
    Column("linked_index", Big, primary_key=True, autoincrement=False),
    Column("case", ID, nullable=False),
    Column("item", ID, nullable=False),
    Column("stage", Text),
    Column("reason", Text, nullable=False),
    Column("linked_leaf", DIGEST, nullable=False),
    Column("unlinked_index", Big),
    Column("unlink_reason", Text),
    Column("proposal", Text),  # JSON: score and reasons of the proposal that was confirmed
    Index(None, "case"),
    Index(None, "item"),
)  # fmt: skip

view = Table(
    "view", metadata,
    Column("id", ID, primary_key=True),
    Column("item", ID, nullable=False),
    Column("person", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("what", String(16), nullable=False),  # original, playable
    Column("case", ID),
    Column("granted_index", Big, nullable=False),
    Column("granted_ms", Big, nullable=False),
    Column("until_ms", Big, nullable=False),
    Column("closed_index", Big),
    Column("served", Text),  # JSON [[start, end], …), bytes, merged
    Column("unconfirmed", Text),
    Column("clip", ID),  # of which excerpt, where it is one
    Index(None, "item"),
    Index(None, "closed_index", "until_ms"),
)  # fmt: skip

clip = Table(  # excerpts and stills, asked for by a person; made later
    "clip", metadata,
    Column("id", ID, primary_key=True),
    Column("item", ID, nullable=False),
    Column("kind", String(8), nullable=False),  # clip, still
    Column("asked_from_ms", Big, nullable=False),  # in the recording
    Column("asked_to_ms", Big, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("case", ID),
    Column("actor", Text, nullable=False),
    Column("asked_index", Big, nullable=False),
    Column("asked_ms", Big, nullable=False),
    Column("from_ms", Big),  # what was got; null until it is made
    Column("to_ms", Big),
    Column("key", Text),
    Column("sha256", DIGEST),
    Column("size", Big),
    Column("mime", Text),
    Column("name", Text),
    Column("label", Text),
    Column("tool", Text),
    Column("arguments", Text),
    Column("input", DIGEST),
    Column("made_index", Big),
    Column("made_ms", Big),
    Index(None, "item", "asked_index"),
)  # fmt: skip

token = Table(
    "token", metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("rights", Text, nullable=False),  # JSON list
    Column("actor", Text, nullable=False),
    Column("source", ID),
    Column("issued_index", Big, nullable=False),
    Column("issued_ms", Big, nullable=False),
    Column("revoked_index", Big),
    Column("person", ID),  # a person's own token: his roles, and no more than `rights`
    Column("organ", ID),  # a program's token that sees this organ only
)  # fmt: skip

# --- the case, projected --------------------------------------------------------------------

case_person = Table(  # whose cases: from case.opened and case.changed
    "case_person", metadata,
    Column("case", ID, primary_key=True),
    Column("person", ID, primary_key=True),
    Index(None, "person"),
)  # fmt: skip

case_gram = Table(  # pairs of characters in the words of a case, for finding it
    "case_gram", metadata,
    Column("gram", String(2), primary_key=True),
    Column("case", ID, primary_key=True),
    Index(None, "case"),
)  # fmt: skip

case_point = Table(  # something happened at a time; corrections are rows of their own
    "case_point", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("case", ID, nullable=False),
    Column("point", Text, nullable=False),
    Column("occasion", Text, nullable=False),  # "1" where the entry names none
    Column("at_ms", Big, nullable=False),
    Column("uncertainty_ms", Big, nullable=False),
    Column("source", Text, nullable=False),
    Column("text", Text),
    Column("replaces", Big),
    Column("marks", Text, nullable=False),
    Index(None, "case"),
)  # fmt: skip

case_stage = Table(  # transitions, acts and facts alike
    "case_stage", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("case", ID, nullable=False),
    Column("transition", Text, nullable=False),
    Column("stage", Text, nullable=False),  # where the case stands after it
    Column("exit", Text),
    Column("how", String(4), nullable=False),  # act, fact
    Column("at_ms", Big, nullable=False),
    Column("stated", Text, nullable=False),  # JSON list: conditions that the person stated
    Column("other", ID),  # the case that it was merged into or split from
    Column("reason", Text),
    Column("marks", Text, nullable=False),
    Index(None, "case"),
)  # fmt: skip

document = Table(
    "document", metadata,
    Column("id", ID, primary_key=True),
    Column("case", ID, nullable=False),
    Column("kind", Text, nullable=False),  # the document's code in the procedure
    Column("stage", Text),
    Column("how", String(4), nullable=False),  # act (issued here), fact (added)
    Column("at_ms", Big, nullable=False),
    Column("number", Text),
    Column("title", Text),
    Column("source", Text),
    Column("item", ID),
    Column("marks", Text, nullable=False),
    Column("index", Big, nullable=False),
    Index(None, "case"),
    Index(None, "number"),
)  # fmt: skip

judgement = Table(  # verdicts as they were given, with the versions that they were given under
    "judgement", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("case", ID, nullable=False),
    Column("verdicts", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "case"),
)  # fmt: skip

filing = Table(
    "filing", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("case", ID, nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("defects", Text, nullable=False),  # JSON list; it never goes away
    Column("leader", ID),
    Column("leader_name", Text),
    Index(None, "case"),
)  # fmt: skip

approval = Table(  # what somebody asks and somebody else decides
    "approval", metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(16), nullable=False),  # interruption, exemption, access, policy
    Column("case", ID),
    Column("item", ID),
    Column("rule", Text),
    Column("occasion", Text),
    Column("code", Text),  # cause of an interruption, ground of an exemption, version of a policy
    Column("text", Text, nullable=False),
    Column("start_ms", Big),  # of the hole; from when the policy holds
    Column("end_ms", Big),  # of the hole; until when access is asked for; when an exemption was due
    Column("value", Text),  # JSON: the policy
    Column("marks", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_index", Big, nullable=False),
    Column("asked_ms", Big, nullable=False),
    Column("decision", String(12)),  # approved, refused, withdrawn
    Column("decided_by", Text),
    Column("decided_index", Big),
    Column("decided_ms", Big),
    Column("decided_reason", Text),
    Column("until_ms", Big),  # of what was approved
    Index(None, "case"),
    Index(None, "item"),
    Index(None, "kind", "decision"),
)  # fmt: skip

# --- whose recording, projected -------------------------------------------------------------


def _some(name: str, *columns: str, where: str) -> Index:
    """An index over some rows: a walk that names `where` word for word takes it, others cannot."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


LONG = "end_ms - start_ms > 86400000"
"""Recorded for more than a day: looked for apart, so that all others are found by their start."""

attribution = Table(  # the newest of each item
    "attribution", metadata,
    Column("item", ID, primary_key=True),
    Column("device", ID),
    Column("person", ID),
    Column("unit", ID),
    Column("organ", ID),
    Column("start_ms", Big),
    Column("end_ms", Big),
    Column("kind", String(8), nullable=False),  # video, audio, photo, other
    Column("carrier", String(16), nullable=False),
    Column("sound", Boolean, nullable=False),
    Column("time_source", Text),
    Column("offset_ms", Big),
    Column("uncertainty_ms", Big, nullable=False),
    Column("place", Text),
    Column("marks", Text, nullable=False),
    Column("due_ms", Big),  # of the upload clock
    Column("due_basis", Text),  # duty, recording
    Column("policy", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("index", Big, nullable=False),
    Index(None, "person", "start_ms"),
    Index(None, "device", "start_ms"),
    Index(None, "start_ms"),
    Index(None, "kind"),
    _some("ix_attribution_long", "start_ms", where=LONG),
)  # fmt: skip

_unclaimed = "person IS NULL"
_unowned = "person IS NULL AND unit IS NULL AND organ IS NULL"


waiting = Table(  # the inbox: sealed items without a live link
    "waiting", metadata,
    Column("item", ID, primary_key=True),
    Column("person", ID),
    Column("unit", ID),
    Column("organ", ID),
    Column("sealed_index", Big, nullable=False),
    Column("sealed_ms", Big, nullable=False),
    Column("due_ms", Big),
    Column("doubted", Boolean),  # true: its user code means nobody; else null
    Index(None, "organ", "sealed_index"),
    Index(None, "unit", "sealed_index"),
    Index(None, "person", "sealed_index"),
    # All of them; if walks of one owner could use it, planners would let them pass a million rows.
    _some("ix_waiting_all", "sealed_index", where="sealed_ms >= 0"),
    # What nobody is known of is little among much, and NULL is no order to walk along.
    _some("ix_waiting_unclaimed", "sealed_index", where=f"{_unclaimed} AND sealed_ms >= 0"),
    _some("ix_waiting_organ_unclaimed", "organ", "sealed_index", where=_unclaimed),
    _some("ix_waiting_unit_unclaimed", "unit", "sealed_index", where=_unclaimed),
    # Somebody had the device, and its user code means nobody: to be claimed all the same.
    _some("ix_waiting_doubted", "sealed_index", where="doubted IS NOT NULL AND sealed_ms >= 0"),
    _some("ix_waiting_unowned", "sealed_index", where=_unowned),
)  # fmt: skip

late = Table(  # a mark for ever, with both times
    "late", metadata,
    Column("item", ID, primary_key=True),
    Column("ended_ms", Big, nullable=False),
    Column("due_ms", Big, nullable=False),
    Column("sealed_ms", Big, nullable=False),
    Column("basis", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("index", Big, nullable=False),
)  # fmt: skip

flag = Table(  # privacy: who may see the item without a second approval
    "flag", metadata,
    Column("item", ID, primary_key=True),
    Column("private", Boolean, nullable=False),
    Column("viewers", Text, nullable=False),  # JSON list of person ids
    Column("index", Big, nullable=False),
)  # fmt: skip

refusal = Table(  # a proposal that a person refused is not made again
    "refusal", metadata,
    Column("case", ID, primary_key=True),
    Column("item", ID, primary_key=True),
    Column("index", Big, nullable=False),
    Index(None, "item"),
)  # fmt: skip

mark = Table(  # what people marked on the time line; the wording from the newest entry
    "mark", metadata,
    Column("id", ID, primary_key=True),
    Column("case", ID, nullable=False),
    Column("item", ID),
    Column("start_ms", Big, nullable=False),
    Column("end_ms", Big, nullable=False),
    Column("category", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("made_ms", Big, nullable=False),
    Column("made_index", Big, nullable=False),
    Column("text_index", Big, nullable=False),  # of the entry that worded it last
    Column("withdrawn_index", Big),
    Index(None, "case", "start_ms"),
)  # fmt: skip

# --- people, devices, rosters, policy, projected --------------------------------------------

organ = Table(
    "organ", metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("code", Text),
    Column("parent", ID),  # the organ that supervises it
    Column("index", Big, nullable=False),
)  # fmt: skip

unit = Table(
    "unit", metadata,
    Column("id", ID, primary_key=True),
    Column("organ", ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent", ID),
    Column("ended", Boolean, nullable=False),
    Column("index", Big, nullable=False),
    Index(None, "organ"),
)  # fmt: skip

person = Table(
    "person", metadata,
    Column("id", ID, primary_key=True),
    Column("account", Text, unique=True),  # null once erased
    Column("name", Text, nullable=False),
    Column("organ", ID),
    Column("unit", ID),
    Column("roles", Text, nullable=False),  # JSON list
    Column("certificate", Text),  # 执法证号
    Column("certificate_from_ms", Big),
    Column("certificate_until_ms", Big),
    Column("ended_ms", Big),
    Column("subject", Text, unique=True),  # of OIDC
    Column("index", Big, nullable=False),
    Index(None, "organ"),
    Index(None, "unit"),
    Index(None, "certificate"),
)  # fmt: skip

policy = Table(  # approved versions; the shipped one is data of `cases.policy`
    "policy", metadata,
    Column("version", String(64), primary_key=True),
    Column("valid_from_ms", Big, nullable=False),
    Column("value", Text, nullable=False),
    Column("index", Big, nullable=False),
)  # fmt: skip

rule_list = Table(  # 音像记录事项清单
    "rule_list", metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", String(64), nullable=False),
    Column("organ", ID),
    Column("valid_from_ms", Big, nullable=False),
    Column("valid_until_ms", Big),
    Column("rows", Text, nullable=False),
    Column("index", Big, nullable=False),
    UniqueConstraint("name", "version"),
)  # fmt: skip

procedure = Table(
    "procedure", metadata,
    Column("name", String(64), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("text", Text, nullable=False),
    Column("organ", ID),
    Column("index", Big, nullable=False),
)  # fmt: skip

roster = Table(
    "roster", metadata,
    Column("id", ID, primary_key=True),
    Column("organ", ID),
    Column("name", Text, nullable=False),
    Column("set_index", Big, nullable=False),
    Column("withdrawn_index", Big),
)  # fmt: skip

shift = Table(  # of rosters that were not withdrawn
    "shift", metadata,
    Column("roster", ID, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("person", ID, nullable=False),
    Column("start_ms", Big, nullable=False),
    Column("end_ms", Big, nullable=False),
    Column("remote", Boolean, nullable=False),
    Index(None, "person", "start_ms"),
)  # fmt: skip

device = Table(  # what a source is: a camera, a recorder, a station
    "device", metadata,
    Column("id", ID, primary_key=True),
    Column("serial", Text),
    Column("model", Text),
    Column("carrier", String(16), nullable=False),
    Column("organ", ID),
    Column("unit", ID),
    Column("zone", Text),
    Column("ended_ms", Big),
    Column("index", Big, nullable=False),
    Index(None, "serial"),
)  # fmt: skip

custody = Table(
    "custody", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("device", ID, nullable=False),
    Column("what", String(12), nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("person", ID),
    Column("check", Text),  # JSON: battery, storage, clock before use
    Index(None, "device", "at_ms"),
    Index(None, "person", "at_ms"),
)  # fmt: skip

device_user = Table(  # a device knows its user by a code of six characters
    "device_user", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("device", ID),  # null: on every device
    Column("code", Text, nullable=False),
    Column("person", ID, nullable=False),
    Column("valid_from_ms", Big, nullable=False),
    Column("valid_until_ms", Big),
    Index(None, "code"),
)  # fmt: skip

device_offset = Table(  # device clock minus server clock
    "device_offset", metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("device", ID, nullable=False),
    Column("at_ms", Big, nullable=False),
    Column("offset_ms", Big, nullable=False),
    Column("uncertainty_ms", Big, nullable=False),
    Column("way", Text, nullable=False),
    Column("marks", Text, nullable=False),
    Index(None, "device", "at_ms"),
)  # fmt: skip

PROJECTED = (
    mention, erasure, source, upload, item, copy, derived, case, link, view, clip, token,
    case_person, case_gram, case_point, case_stage, document, judgement, filing, approval,
    attribution, waiting, late, flag, refusal, mark,
    organ, unit, person, policy, rule_list, procedure, roster, shift,
    device, custody, device_user, device_offset,
)  # fmt: skip

# --- operational ----------------------------------------------------------------------------

token_secret = Table(
    "token_secret", metadata,
    Column("token", ID, primary_key=True),
    Column("digest", DIGEST, nullable=False, unique=True),  # SHA-256 of 32 random bytes' text
)  # fmt: skip

credential = Table(  # of a local account
    "credential", metadata,
    Column("person", ID, primary_key=True),
    Column("password", Text, nullable=False),  # argon2id
    Column("must_change", Boolean, nullable=False),
    Column("totp", Text),
    Column("totp_last", Big),  # counter of the last code, which is good once
    Column("failed", Integer, nullable=False),
    Column("locked_until_ms", Big),
    Column("changed_ms", Big, nullable=False),
)  # fmt: skip

session = Table(
    "session", metadata,
    Column("digest", DIGEST, primary_key=True),  # SHA-256 of the cookie's value
    Column("token", ID),  # of a program or a person …
    Column("person", ID),  # … or a person who signed in
    Column("csrf", String(64), nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("seen_ms", Big, nullable=False),
    Column("expires_ms", Big, nullable=False),
    Column("agent", Text),  # what the browser called itself, and from where it came: for its owner
    Column("address", Text),
    Index(None, "person"),
)  # fmt: skip

transfer = Table(  # the moving part of an upload
    "transfer", metadata,
    Column("upload", ID, primary_key=True),
    Column("state", String(12), nullable=False),
    # receiving, received, stored, done (sealed or aborted and staging freed)
    Column("length", Big),  # null until a deferred length is known
    Column("offset", Big, nullable=False),  # durable bytes
    Column("metadata", Text, nullable=False),  # Upload-Metadata exactly as the client sent it
    Column("object_key", String(200), nullable=False),  # drawn before the first byte goes out
    Column("expires_ms", Big, nullable=False),
    Column("touched_ms", Big, nullable=False),
    Column("marks", Text, nullable=False),  # JSON list to be sealed with the item
    Column("problem", Text),  # what keeps it from being sealed, for people
    Column("copies", Integer),  # stores that gave the bytes back equal, before the item exists
    Index(None, "state", "touched_ms"),
)  # fmt: skip

job = Table(
    "job", metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("key", String(120), nullable=False, unique=True),  # idempotent enqueueing
    Column("args", Text, nullable=False),
    Column("priority", Integer, nullable=False),  # higher first
    Column("state", String(10), nullable=False),  # queued, running, done, failed, cancelled
    Column("attempt", Integer, nullable=False),
    Column("token", ID),  # fencing token of the attempt that owns it
    Column("cancel", Boolean, nullable=False),
    Column("run_at_ms", Big, nullable=False),
    Column("updated_ms", Big, nullable=False),
    Column("progress", Float),
    Column("error", Text),
    Column("created_ms", Big, nullable=False),
    Column("started_ms", Big),  # of the attempt that runs or ran last
    Index(None, "state", "lane", "run_at_ms"),
)  # fmt: skip

media = Table(  # what the probe found; made again by running it again
    "media", metadata,
    Column("item", ID, primary_key=True),
    Column("verdict", String(12), nullable=False),  # native, remux, transcode, image, none
    Column("reason", Text),  # stable code why it cannot be played
    Column("probe", Text, nullable=False),  # JSON: cleaned facts (duration, streams, tags)
    Column("duration_ms", Big),
)  # fmt: skip

view_range = Table(  # requested before its bytes go out; served at most 5 s behind
    "view_range", metadata,
    Column("id", ID, primary_key=True),
    Column("view", ID, nullable=False),
    Column("start", Big, nullable=False),
    Column("requested_end", Big, nullable=False),  # exclusive
    Column("served_end", Big, nullable=False),
    Column("final", Boolean, nullable=False),  # the response ended and served_end is exact
    Index(None, "view"),
)  # fmt: skip

saved_search = Table(  # a person's own names for filters of a list
    "saved_search", metadata,
    Column("id", ID, primary_key=True),
    Column("person", ID, nullable=False),
    Column("list", String(12), nullable=False),  # cases, items
    Column("name", Text, nullable=False),
    Column("filter", Text, nullable=False),  # JSON
    Column("made_ms", Big, nullable=False),
    UniqueConstraint("person", "list", "name"),
)  # fmt: skip

denial = Table(  # collapses access.denied to one entry per caller, object and minute
    "denial", metadata,
    Column("person", Text, primary_key=True),
    Column("object", String(36), primary_key=True),
    Column("minute", Big, primary_key=True, autoincrement=False),
)  # fmt: skip
