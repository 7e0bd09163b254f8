/**
 * What this browser remembers of a log: the key it saw first, and the last checkpoint that held.
 *
 * A key that comes from the server it is to check proves nothing by itself; a person compares it with
 * one that reached him another way, and may say so here.
 */
import { hex, sha256, utf8 } from '@/verify/bytes'
import type { Memory, Seen } from './check'

const [KEYS, HEADS] = ['liuhen.keys', 'liuhen.heads']

export interface Known {
  /** Seen before, with the same key? */
  seen: 'first' | 'same' | 'changed'
  /** Whether a person said that he compared it. */
  compared: boolean
  since: string | null
}

interface Kept {
  vkey: string
  since: string
  compared: boolean
}

function read<T>(name: string, storage: Storage): Record<string, T> {
  try {
    const value = JSON.parse(storage.getItem(name) ?? '{}') as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, T>) : {}
  } catch {
    return {}
  }
}

function write(name: string, value: unknown, storage: Storage): void {
  try {
    storage.setItem(name, JSON.stringify(value))
  } catch {
    // a browser that keeps nothing: every key is a first one
  }
}

/** What is known of the key of this origin; a first one is remembered, another never replaces it. */
export function meet(origin: string, vkey: string, now: Date, storage: Storage = localStorage): Known {
  const known = look(origin, vkey, storage)
  if (known.seen === 'first') write(KEYS, { ...read<Kept>(KEYS, storage), [origin]: { vkey, since: now.toISOString(), compared: false } }, storage)
  return known
}

/** The same without remembering: of a key that signed nothing yet. */
export function look(origin: string, vkey: string, storage: Storage = localStorage): Known {
  const all = read<Kept>(KEYS, storage)
  const kept = Object.hasOwn(all, origin) ? all[origin] : undefined
  if (kept === undefined) return { seen: 'first', compared: false, since: null }
  return { seen: kept.vkey === vkey ? 'same' : 'changed', compared: kept.compared && kept.vkey === vkey, since: kept.since }
}

/** The person compared this key with one that he has from elsewhere; it takes the place of another. */
export function compared(origin: string, vkey: string, now: Date, storage: Storage = localStorage): void {
  const all = read<Kept>(KEYS, storage)
  const kept = Object.hasOwn(all, origin) ? all[origin] : undefined
  const since = kept?.vkey === vkey ? kept.since : now.toISOString()
  write(KEYS, { ...all, [origin]: { vkey, since, compared: true } }, storage)
}

/** What the steps ask this browser. */
export const memory = (now: Date, storage: Storage = localStorage): Memory => ({
  key: (origin, vkey, signed) => (signed ? meet(origin, vkey, now, storage) : look(origin, vkey, storage)),
  seen(origin) {
    const all = read<Seen>(HEADS, storage)
    const kept = Object.hasOwn(all, origin) ? all[origin] : undefined
    return kept !== undefined && Number.isSafeInteger(kept.size) && /^[0-9a-f]{64}$/.test(kept.root) ? kept : null
  },
  keep(origin, seen) {
    write(HEADS, { ...read<Seen>(HEADS, storage), [origin]: seen }, storage)
  },
})

/** Forty digits in groups, to be read out and compared. */
export function fingerprint(vkey: string): string {
  return hex(sha256(utf8(vkey))).slice(0, 40).replace(/(.{4})(?=.)/g, '$1 ')
}
