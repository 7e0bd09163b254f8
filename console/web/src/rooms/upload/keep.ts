/**
 * The queue on this computer (IndexedDB): one row for each file, written when it changes.
 *
 * Promised: what was written is there after a reload, for the same person only.  Not promised: a
 * browser that forbids it (a private window) keeps the queue as long as its page.
 */
import type { Entry } from './queue'

const STORE = 'entries'
/** Of what is finished; the oldest go. */
const MOST = 20_000

export class Keep {
  private dirty = new Map<string, Entry | null>()

  private constructor(private readonly base: IDBDatabase | null) {}

  static async open(person: string): Promise<Keep> {
    try {
      const asked = indexedDB.open(`liuhen-uploads-${person}`, 1)
      asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: 'key' })
      return new Keep(await answer(asked))
    } catch {
      return new Keep(null)
    }
  }

  async all(): Promise<Entry[]> {
    if (this.base === null) return []
    const found = (await answer(this.base.transaction(STORE).objectStore(STORE).getAll())) as Entry[]
    found.sort((one, other) => one.order - other.order)
    const over = new Set(found.filter((one) => one.settled).slice(0, Math.max(0, found.length - MOST)))
    for (const old of over) this.put(old.key, null)
    return found.filter((one) => !over.has(one))
  }

  /** Written before anything else happens, with what changes in the same moment; null forgets it. */
  put(key: string, entry: Entry | null): void {
    if (this.dirty.size === 0) queueMicrotask(() => this.flush())
    this.dirty.set(key, entry)
  }

  private flush(): void {
    if (this.base === null || this.dirty.size === 0) return
    const changed = this.dirty
    this.dirty = new Map()
    const rows = this.base.transaction(STORE, 'readwrite').objectStore(STORE)
    for (const [key, entry] of changed) {
      if (entry === null) rows.delete(key)
      else rows.put(entry)
    }
  }
}

const answer = <T>(asked: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result)
    asked.onerror = () => reject(asked.error ?? new Error('no answer'))
  })
