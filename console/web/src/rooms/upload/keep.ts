/**
 * The queue on this computer (IndexedDB): one row for each file, written when it changes, and the
 * files that were made here (sound, photos and films taken on this page), which may be nowhere else
 * until sealed.
 *
 * Promised: what was written is there after a reload, for the same person only; what was not kept for
 * want of room is said so.  Not promised: a browser that forbids it (a private window) keeps the
 * queue as long as its page.
 */
import type { Entry } from './queue'

const STORE = 'entries'
const FILES = 'files'
/** Of what is finished; the oldest go. */
const MOST = 20_000
/** Bytes of made files that are kept at a time, and what they leave free of what the browser grants. */
const MOST_BYTES = 4 * 1024 ** 3
const SPARE = 64 * 1024 ** 2
/** On the disk before it counts: a battery may be dead the next moment. */
const DURABLE: IDBTransactionOptions = { durability: 'strict' }

export class Keep {
  private dirty = new Map<string, Entry | null>()

  private constructor(private readonly base: IDBDatabase | null) {}

  /** Whether anything is there after a reload. */
  get lasting(): boolean {
    return this.base !== null
  }

  static async open(person: string): Promise<Keep> {
    try {
      const asked = indexedDB.open(`liuhen-uploads-${person}`, 2)
      asked.onupgradeneeded = (event) => {
        if (event.oldVersion < 1) asked.result.createObjectStore(STORE, { keyPath: 'key' })
        asked.result.createObjectStore(FILES)
      }
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

  /** The files that were made here, by key. */
  async files(): Promise<Map<string, File>> {
    if (this.base === null) return new Map()
    const rows = this.base.transaction(FILES).objectStore(FILES)
    const [keys, files] = await Promise.all([answer(rows.getAllKeys()), answer(rows.getAll())])
    return new Map(keys.map((key, n) => [String(key), files[n] as File]))
  }

  /** Resolves once it is on the disk; false: there is no room for it. Null forgets it. */
  async putFile(key: string, file: File | null): Promise<boolean> {
    if (this.base === null || (file !== null && !(await this.hasRoom(file.size)))) return false
    const rows = this.base.transaction(FILES, 'readwrite', DURABLE).objectStore(FILES)
    const asked: IDBRequest = file === null ? rows.delete(key) : rows.put(file, key)
    await Promise.all([answer(asked), written(rows.transaction)])
    return true
  }

  private async hasRoom(bytes: number): Promise<boolean> {
    let held = 0
    for (const file of (await this.files()).values()) held += file.size
    if (held + bytes > MOST_BYTES) return false
    if (!('storage' in navigator)) return true // an address that is not encrypted: the write itself says
    void navigator.storage.persist() // what is nowhere else is not cleared for other sites' sake
    const { quota, usage } = await navigator.storage.estimate()
    return quota === undefined || bytes + SPARE < quota - (usage ?? 0)
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
    const rows = this.base.transaction(STORE, 'readwrite', DURABLE).objectStore(STORE)
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

const written = (one: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    one.oncomplete = () => resolve()
    one.onabort = one.onerror = () => reject(one.error ?? new Error('not written'))
  })
