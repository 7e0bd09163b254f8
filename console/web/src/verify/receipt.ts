/** A receipt, checked step by step in the page (docs/formats/receipts.md, "Verifying"). */
import { decode, encode, record, write, type Value } from './canonical'
import { fromBase64, hex, sha256, utf8 } from './bytes'
import { broken, CheckError, incomplete, malformed, type Outcome } from './errors'
import { checkInclusion, leafHash } from './merkle'
import { checkSignature, parseCheckpoint, parseNote, type Checkpoint, type Key, type Note } from './note'

export interface Parsed {
  entry: { [name: string]: Value }
  entryBytes: Uint8Array
  leaf: Uint8Array
  body: { [name: string]: Value }
  disclosed: [string, string, Value][]
  index: number
  proof: Uint8Array[]
  note: Note
  checkpoint: Checkpoint
}

const HEAD = 'c2sp.org/tlog-proof@v1'
const ENTRY = ['actor', 'at', 'body', 'chain', 'prev', 'seq', 'type', 'v']
/** Of which entries a file can be checked, and the names that each must and may commit to. */
const KINDS: Record<string, { required: readonly string[]; allowed: ReadonlySet<string> }> = {}
function kind(type: string, required: string, optional: string): void {
  KINDS[type] = { required: required.split(' '), allowed: new Set(`${required} ${optional}`.split(' ')) }
}
kind('item.sealed', 'chunk device_times item mime name objects retain_until root sha256 size upload', 'announced clock_offset manifest marks name_raw reason')
kind('clip.made', 'clip item from_ms to_ms key sha256 size mime name label tool arguments input', '')
const HIDDEN = new Set(['objects'])
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** What the file says; nothing is checked yet but its form. */
export function parseReceipt(text: string): Parsed {
  const at = text.indexOf('\n\n')
  if (at < 0) throw malformed('receipt: expected a proof, a blank line and a checkpoint, got otherwise')
  const lines = text.slice(0, at).split('\n')
  if (lines[0] !== HEAD) throw malformed(`receipt: expected ${HEAD}, got another first line`)
  if (lines[1]?.startsWith('extra ') !== true) throw malformed('receipt: expected an extra line with the entry, got none')
  const number = /^index (0|[1-9]\d*)$/.exec(lines[2] ?? '')
  if (number === null || !Number.isSafeInteger(Number(number[1]))) throw malformed('receipt: expected an index, got none')
  const proof = lines.slice(3).map((line) => fromBase64(line, 'hash'))
  if (proof.length > 63 || proof.some((one) => one.length !== 32)) throw malformed('receipt: expected hashes of 32 bytes, got otherwise')
  const value = record(decode(fromBase64(lines[1].slice(6), 'extra')), 'receipt')
  if (Object.keys(value).sort().join() !== 'body,disclosed,entry,v' || value.v !== 1) throw malformed('receipt: expected body, disclosed, entry and v 1, got otherwise')
  const entry = record(value.entry as Value, 'entry')
  if (Object.keys(entry).sort().join() !== ENTRY.join() || entry.v !== 1) throw malformed('entry: expected its members, got others')
  for (const name of ['actor', 'at', 'body', 'chain', 'prev', 'type']) if (typeof entry[name] !== 'string') throw malformed(`entry ${name}: expected text, got something else`)
  if (!TIME.test(String(entry.at)) || !/^[0-9a-f]{64}$/.test(String(entry.body)) || !/^[0-9a-f]{64}$/.test(String(entry.prev)) || typeof entry.seq !== 'number' || entry.seq < 0) {
    throw malformed('entry: expected time, digests and a number, got otherwise')
  }
  const { body, disclosed } = value
  if (!Array.isArray(disclosed)) throw malformed('receipt: expected disclosed to be a list, got otherwise')
  const triples = disclosed.map((triple) => {
    if (!Array.isArray(triple) || triple.length !== 3 || typeof triple[0] !== 'string' || typeof triple[1] !== 'string') throw malformed('receipt: expected disclosures [salt, name, value], got otherwise')
    if (!/^[0-9a-f]{32}$/.test(triple[0])) throw malformed(`salt of ${triple[1]}: expected 32 hex digits, got something else`)
    if (HIDDEN.has(triple[1])) throw malformed(`receipt: expected ${triple[1]} to be withheld, got it disclosed`)
    return [triple[0], triple[1], triple[2] as Value] as [string, string, Value]
  })
  const note = parseNote(text.slice(at + 2))
  const entryBytes = encode(entry)
  return { entry, entryBytes, leaf: leafHash(entryBytes), body: record(body as Value, 'body'), disclosed: triples, index: Number(number[1]), proof, note, checkpoint: parseCheckpoint(note.text) }
}

/** The disclosed values by name, after each was found to be the one that the entry committed to. */
export function checkCommitments(parsed: Parsed): { [name: string]: Value } {
  const { body, entry } = parsed
  for (const [name, digest] of Object.entries(body)) if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest)) throw malformed(`body ${name}: expected 64 hex digits, got something else`)
  const actual = hex(sha256(utf8(`liuhen/body/v1\n${write(body)}`)))
  if (actual !== entry.body) throw broken(`body: expected digest ${String(entry.body)}, got ${actual}`)
  const values = Object.create(null) as { [name: string]: Value } // a field may be called __proto__
  for (const [salt, name, value] of parsed.disclosed) {
    if (name in values) throw malformed(`disclosure ${name}: expected once, got twice`)
    if (!(name in body)) throw broken(`disclosure ${name}: expected a name of the body, got another`)
    const digest = hex(sha256(utf8(`liuhen/field/v1\n${write([salt, name, value])}`)))
    if (digest !== body[name]) throw broken(`disclosure ${name}: expected digest ${String(body[name])}, got ${digest}`)
    values[name] = value
  }
  const type = String(entry.type)
  const known = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined
  if (known === undefined) throw incomplete(`entry: expected item.sealed or clip.made, got ${type}`)
  for (const name of known.required) if (!(name in body)) throw malformed(`${type}: expected ${name} to be committed to, got nothing`)
  for (const name of Object.keys(body)) if (!known.allowed.has(name)) throw malformed(`${type}: expected no ${name}, got one`)
  return values
}

export function checkProof(parsed: Parsed): void {
  checkInclusion(parsed.leaf, parsed.index, parsed.checkpoint.size, parsed.proof, parsed.checkpoint.root)
}

export interface Sealed {
  size: number
  sha256: string
  chunk: number
  /** An excerpt has no tree of chunks. */
  root: string | null
}

/** What the entry says of the bytes of the recording, or of an excerpt. */
export function sealedOf(values: { [name: string]: Value }, type = 'item.sealed'): Sealed {
  const { size, sha256: digest, chunk, root } = values
  if (type === 'clip.made' && typeof size === 'number' && typeof digest === 'string') return { size, sha256: digest, chunk: 1 << 20, root: null }
  if (typeof size !== 'number' || typeof digest !== 'string' || typeof chunk !== 'number' || typeof root !== 'string' || chunk < 1) {
    throw incomplete('entry: expected size, sha256, chunk and root to be disclosed, got them withheld')
  }
  return { size, sha256: digest, chunk, root }
}

export type StepCode =
  | 'receipt' | 'item' | 'commitments' | 'inclusion' | 'log-signature' | 'key' | 'consistency'
  | 'file' | 'chunks' | 'file-sample' | 'file-size' | 'file-sha256' | 'file-root'

export interface Step {
  code: StepCode
  outcome: Outcome
  /** What was expected and what was there; empty where it holds. */
  detail: string
  /** Numbers to be told with it. */
  facts?: Record<string, string | number>
}

export interface Checked {
  steps: Step[]
  parsed: Parsed | null
  values: { [name: string]: Value }
}

/** One step; what it throws is its outcome. */
export function run<T>(steps: Step[], code: StepCode, work: () => T): T | null {
  try {
    const found = work()
    steps.push({ code, outcome: 'good', detail: '' })
    return found
  } catch (error) {
    if (!(error instanceof CheckError)) throw error
    steps.push({ code, outcome: error.outcome, detail: error.message })
    return null
  }
}

/** All steps that need no file; without a key the signature is incomplete, and so is the whole. */
export function checkReceipt(text: string, key: Key | null): Checked {
  const steps: Step[] = []
  const parsed = run(steps, 'receipt', () => parseReceipt(text))
  if (parsed === null) return { steps, parsed, values: {} }
  const values = run(steps, 'commitments', () => checkCommitments(parsed)) ?? {}
  run(steps, 'inclusion', () => checkProof(parsed))
  run(steps, 'log-signature', () => {
    if (key === null) throw incomplete('log-signature: expected a trusted key, got none')
    checkSignature(parsed.note, parsed.checkpoint.origin, key)
  })
  return { steps, parsed, values }
}

export function checkFile(sealed: Sealed, found: { size: number; sha256: Uint8Array; root: Uint8Array; differs?: number | null }): Step[] {
  const steps: Step[] = []
  run(steps, 'file-size', () => {
    if (found.size !== sealed.size) throw broken(`file-size: expected ${sealed.size}, got ${found.size}`)
  })
  run(steps, 'file-sha256', () => {
    if (hex(found.sha256) !== sealed.sha256) throw broken(`file-sha256: expected ${sealed.sha256}, got ${hex(found.sha256)}`)
  })
  if (sealed.root === null) return steps
  run(steps, 'file-root', () => {
    const where = found.differs == null ? '' : ` (from chunk ${found.differs}, byte ${found.differs * sealed.chunk})`
    if (hex(found.root) !== sealed.root) throw broken(`file-root: expected ${sealed.root}, got ${hex(found.root)}${where}`)
  })
  return steps
}

const WORST: readonly Outcome[] = ['broken', 'malformed', 'unavailable', 'incomplete', 'good']

/** The receipt is that of the recording that was asked for: another's fits as well, and proves nothing of this one. */
export function checkItem(values: { [name: string]: Value }, item: string): void {
  if (values.item !== item) throw broken(`item: expected ${item}, got ${typeof values.item === 'string' ? values.item : 'none'}`)
}

/** The worst of the steps. */
export const verdictOf = (steps: readonly Step[]): Outcome => WORST.find((one) => steps.some((step) => step.outcome === one)) ?? 'incomplete'
