/**
 * The log's key: what this browser saw first is what it compares with later.
 *
 * A key that comes from the server it is to check proves nothing by itself; a person compares it with
 * one that reached him another way, and may say so here.
 */
import { hex, sha256, utf8 } from '@/verify/bytes'

const STORE = 'liuhen.keys'

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

function read(storage: Storage): Record<string, Kept> {
  try {
    return JSON.parse(storage.getItem(STORE) ?? '{}') as Record<string, Kept>
  } catch {
    return {}
  }
}

/** What is known of the key of this origin; a first one is remembered, another never replaces it. */
export function meet(origin: string, vkey: string, now: Date, storage: Storage = localStorage): Known {
  const all = read(storage)
  const kept = all[origin]
  if (kept === undefined) {
    all[origin] = { vkey, since: now.toISOString(), compared: false }
    storage.setItem(STORE, JSON.stringify(all))
    return { seen: 'first', compared: false, since: null }
  }
  return { seen: kept.vkey === vkey ? 'same' : 'changed', compared: kept.compared && kept.vkey === vkey, since: kept.since }
}

/** The person compared this key with one that he has from elsewhere. */
export function compared(origin: string, vkey: string, now: Date, storage: Storage = localStorage): void {
  const all = read(storage)
  all[origin] = { vkey, since: all[origin]?.since ?? now.toISOString(), compared: true }
  storage.setItem(STORE, JSON.stringify(all))
}

/** Forty digits in groups, to be read out and compared. */
export function fingerprint(vkey: string): string {
  return hex(sha256(utf8(vkey))).slice(0, 40).replace(/(.{4})(?=.)/g, '$1 ')
}
