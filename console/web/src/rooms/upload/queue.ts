/**
 * The queue of files that are handed over: what stands where, and what comes next.  Pure.
 *
 * The words mean different things and never take each other's place: *sent* are bytes that left,
 * *received* are durable on the server, *stored* are copies read back, *sealed* has its entry and
 * receipt, *playable* can be looked at.
 */

export type Standing =
  | 'waiting' // for its turn
  | 'hashing'
  | 'ready' // hashed, waits to be sent
  | 'sending'
  | 'paused' // by a person
  | 'broken' // the link; goes on by itself
  | 'away' // after a reload: the file must be chosen again
  | 'received' | 'stored' | 'sealed' | 'playable' | 'unplayable'
  | 'mismatch' // the server's fingerprint is another
  | 'failed' // refused

export interface Entry {
  /** Path, size and time of change: what says that a file chosen again is this one. */
  key: string
  path: string
  name: string
  size: number
  modified: number
  standing: Standing
  hashed: number
  sent: number
  sha256: string | null
  /** Name of the source (device) that hands over. */
  source: string
  caseNumber: string
  url: string | null
  upload: string | null
  item: string | null
  /** Nothing more changes by itself: a copy to play is made when somebody asks for it. */
  settled: boolean
  /** How often it was begun anew; part of its key, so that the server begins anew, too. */
  attempt: number
  /** Words of the server or of a refusal. */
  text: string
  next: string
}

export const keyOf = (path: string, size: number, modified: number): string => `${path}|${size}|${modified}`

export function fresh(path: string, size: number, modified: number, source: string, caseNumber: string): Entry {
  return {
    key: keyOf(path, size, modified), path, name: path.split('/').at(-1) ?? path, size, modified, standing: 'waiting', hashed: 0, sent: 0,
    sha256: null, source, caseNumber, url: null, upload: null, item: null, settled: false, attempt: 0, text: '', next: '',
  }
}

const OPEN: readonly Standing[] = ['waiting', 'hashing', 'ready', 'sending', 'paused', 'broken', 'away']
export const isOpen = (entry: Entry): boolean => OPEN.includes(entry.standing)
export const isMoving = (entry: Entry): boolean => entry.standing === 'hashing' || entry.standing === 'sending'
/** The server has all of it, and it may still change there. */
export const isWatched = (entry: Entry): boolean => ['received', 'stored', 'sealed'].includes(entry.standing) && !entry.settled
export const isSealed = (entry: Entry): boolean => ['sealed', 'playable', 'unplayable'].includes(entry.standing)

/** Which to hash and which to send now: one hashed at a time, `lines` sent at once, in order. */
export function due(entries: readonly Entry[], lines: number): { hash: Entry | null; send: Entry[] } {
  const hashing = entries.some((entry) => entry.standing === 'hashing')
  const free = lines - entries.filter((entry) => entry.standing === 'sending').length
  return {
    hash: hashing ? null : (entries.find((entry) => entry.standing === 'waiting') ?? null),
    send: entries.filter((entry) => entry.standing === 'ready').slice(0, Math.max(0, free)),
  }
}

/** Refused or wrong: a person has to do something. */
export const isBad = (entry: Entry): boolean => entry.standing === 'failed' || entry.standing === 'mismatch'

/** What is kept over a reload: no finished ones, and none without a file is ready. */
export function kept(entries: readonly Entry[]): Entry[] {
  return entries.filter((entry) => isOpen(entry) || isWatched(entry) || isBad(entry)).map((entry) => (isOpen(entry) ? { ...entry, standing: 'away' as const } : entry))
}

/** A file chosen again after a reload goes on where it was; null: it is none of these. */
export function resumed(entry: Entry): Entry {
  if (entry.standing !== 'away') return entry
  return { ...entry, standing: entry.sha256 === null ? 'waiting' : 'ready', hashed: entry.sha256 === null ? 0 : entry.size }
}

export interface Sum {
  files: number
  bytes: number
  sent: number
  sealed: number
  away: number
  failed: number
}

export function sum(entries: readonly Entry[]): Sum {
  return {
    files: entries.length,
    bytes: entries.reduce((all, entry) => all + entry.size, 0),
    sent: entries.reduce((all, entry) => all + (isOpen(entry) ? entry.sent : entry.standing === 'failed' ? entry.sent : entry.size), 0),
    sealed: entries.filter(isSealed).length,
    away: entries.filter((entry) => entry.standing === 'away').length,
    failed: entries.filter(isBad).length,
  }
}

/** Begin anew with a fresh upload: what the server has of it is not this file. */
export const anew = (entry: Entry): Entry => ({ ...entry, standing: entry.sha256 === null ? 'waiting' : 'ready', sent: 0, url: null, upload: null, item: null, settled: false, attempt: entry.attempt + 1, text: '', next: '' })
