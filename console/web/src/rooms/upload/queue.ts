/**
 * The queue of files that are handed over: what stands where, and what comes next.  Pure.
 *
 * The words mean different things and never take each other's place: *sent* are bytes that left,
 * *received* are durable on the server, *stored* are copies read back (so many), *sealed* has its
 * entry and receipt, *playable* can be looked at.
 */

export type Standing =
  | 'waiting' // for its turn
  | 'hashing'
  | 'ready' // hashed, waits to be sent
  | 'sending'
  | 'paused' // by a person
  | 'broken' // the link; goes on by itself
  | 'busy' // the server has no room or time now; goes on by itself
  | 'locked' // signed out; goes on after signing in
  | 'away' // after a reload: the file must be chosen again
  | 'received' | 'stored' | 'sealed' | 'playable' | 'unplayable'
  | 'mismatch' // the server's fingerprint is another
  | 'failed' // refused

/** What a person says of a file before it is sent. */
export interface Said {
  /** Name of the source (device) that hands over. */
  source: string
  /** Whom the person names as who recorded it: id and name; none: by ledger and user code. */
  person: { id: string; name: string } | null
  /** User code that the file's name says. */
  user: string | null
  caseNumber: string
}

export interface Entry extends Said {
  /** Path, size and time of change: what says that a file chosen again may be this one; its bytes decide. */
  key: string
  /** Place in the list. */
  order: number
  path: string
  name: string
  size: number
  modified: number
  standing: Standing
  hashed: number
  sent: number
  sha256: string | null
  url: string | null
  upload: string | null
  item: string | null
  /** Stores that gave the bytes back equal, as the server counts them. */
  copies: number
  /** Sealed at, ISO. */
  sealed: string | null
  /** The same bytes were there already; under this name. */
  held: string | null
  /** Nothing more changes by itself: a copy to play is made when somebody asks for it. */
  settled: boolean
  /** Off the list; its receipt stays. */
  cleared: boolean
  /** How often it was begun anew; part of its key, so that the server begins anew, too. */
  attempt: number
  /** Words of the server or of a refusal. */
  text: string
  next: string
}

/** With its fingerprint where another file of this path, size and time stands in the queue. */
export const keyOf = (path: string, size: number, modified: number, sha256?: string): string => `${path}|${size}|${modified}${sha256 === undefined ? '' : `|${sha256}`}`

/** Whether these are entries of one path, size and time: a clock that was reset makes such files. */
export const isNamesake = (key: string, base: string): boolean => key === base || key.startsWith(`${base}|`)

export function fresh(path: string, size: number, modified: number, said: Said): Entry {
  return {
    ...said, key: keyOf(path, size, modified), order: 0, path, name: path.split('/').at(-1) ?? path, size, modified, standing: 'waiting', hashed: 0, sent: 0,
    sha256: null, url: null, upload: null, item: null, copies: 0, sealed: null, held: null, settled: false, cleared: false, attempt: 0, text: '', next: '',
  }
}

const OPEN: readonly Standing[] = ['waiting', 'hashing', 'ready', 'sending', 'paused', 'broken', 'busy', 'locked', 'away']
/** Goes on by itself, or would if one let it: leaving the page would stop it. */
const RUNNING: readonly Standing[] = ['waiting', 'hashing', 'ready', 'sending', 'broken', 'busy', 'locked']
const SEALED: readonly Standing[] = ['sealed', 'playable', 'unplayable']

export const isOpen = (entry: Entry): boolean => OPEN.includes(entry.standing)
export const isRunning = (entry: Entry): boolean => RUNNING.includes(entry.standing)
export const isMoving = (entry: Entry): boolean => entry.standing === 'hashing' || entry.standing === 'sending'
/** The server has all of it, and it may still change there. */
export const isWatched = (entry: Entry): boolean => ['received', 'stored', 'sealed'].includes(entry.standing) && !entry.settled
export const isSealed = (entry: Entry): boolean => SEALED.includes(entry.standing)
/** Refused or wrong: a person has to do something. */
export const isBad = (entry: Entry): boolean => entry.standing === 'failed' || entry.standing === 'mismatch'
/** Waits for something that passes by itself. */
export const isHeldUp = (entry: Entry): boolean => entry.standing === 'broken' || entry.standing === 'busy'

/**
 * Which to hash and which to send now: one hashed at a time, `lines` sent at once, in order.
 * Of two with the same bytes the second waits: the server knows one upload for both.
 */
export function due(entries: readonly Entry[], lines: number): { hash: Entry | null; send: Entry[]; hashing: boolean } {
  let hash: Entry | null = null
  let hashing = false
  let free = lines
  const busy = new Set<string>()
  const same = (entry: Entry): string => `${entry.source}|${entry.sha256 ?? ''}|${entry.size}`
  for (const entry of entries) {
    if (entry.standing === 'hashing') hashing = true
    else if (entry.standing === 'waiting') hash ??= entry
    else if (entry.standing === 'sending') {
      free -= 1
      busy.add(same(entry))
    }
  }
  const send: Entry[] = []
  for (const entry of entries) {
    if (send.length >= free) break
    if (entry.standing !== 'ready' || busy.has(same(entry))) continue
    busy.add(same(entry))
    send.push(entry)
  }
  return { hash: hashing ? null : hash, send, hashing }
}

/** As it is after a reload: nothing without a file is ready. */
export const reopened = (entry: Entry): Entry => (isOpen(entry) ? { ...entry, standing: 'away' } : entry)

/** A file chosen again after a reload goes on where it was; one that was refused begins anew. */
export function resumed(entry: Entry): Entry {
  if (isBad(entry)) return anew(entry)
  if (entry.standing !== 'away') return entry
  return { ...entry, standing: entry.sha256 === null ? 'waiting' : 'ready', hashed: entry.sha256 === null ? 0 : entry.size }
}

/** Begin anew with a fresh upload; fingerprints that differed are taken anew, too: the file may have changed. */
export function anew(entry: Entry): Entry {
  const sha256 = entry.standing === 'mismatch' ? null : entry.sha256
  return {
    ...entry, sha256, standing: sha256 === null ? 'waiting' : 'ready', hashed: sha256 === null ? 0 : entry.hashed, sent: 0, url: null, upload: null, item: null, copies: 0, held: null,
    settled: false, attempt: entry.attempt + 1, text: '', next: '',
  }
}

export interface Sum {
  files: number
  bytes: number
  sent: number
  hashed: number
  sealed: number
  away: number
  failed: number
  running: number
  paused: number
  locked: number
}

export function sum(entries: readonly Entry[]): Sum {
  const all: Sum = { files: entries.length, bytes: 0, sent: 0, hashed: 0, sealed: 0, away: 0, failed: 0, running: 0, paused: 0, locked: 0 }
  for (const entry of entries) {
    all.bytes += entry.size
    all.sent += isOpen(entry) || entry.standing === 'failed' ? entry.sent : entry.size
    all.hashed += entry.sha256 === null ? entry.hashed : entry.size
    if (isSealed(entry)) all.sealed += 1
    if (isBad(entry)) all.failed += 1
    if (isRunning(entry)) all.running += 1
    if (entry.standing === 'away') all.away += 1
    if (entry.standing === 'paused') all.paused += 1
    if (entry.standing === 'locked') all.locked += 1
  }
  return all
}

export type Sight = 'all' | 'open' | 'stopped' | 'done'
/** What a list of thousands is narrowed to. */
export const sights: Record<Sight, (entry: Entry) => boolean> = {
  all: () => true,
  open: (entry) => isOpen(entry) || isWatched(entry),
  stopped: (entry) => isBad(entry) || ['away', 'paused', 'locked'].includes(entry.standing),
  done: isSealed,
}
