/**
 * Moves the queue: hashes, sends by tus over links that break, then watches what the server makes of
 * it.  Everything it knows stands in `entries`; files themselves are kept beside, since a reload
 * loses them.
 */
import * as tus from 'tus-js-client'
import { shallowRef } from 'vue'

import { api, ask, asProblem, headers, onSignedOut } from '@/api/client'
import { problemOf } from '@/api/problem'
import { anew, due, fresh, isBad, isOpen, isSealed, isWatched, kept, keyOf, resumed, type Entry, type Standing } from './queue'

const STORE = 'liuhen.uploads'
const LINES = 2
const RETRY_DELAYS = [0, 1000, 3000, 5000, 10_000]
const AGAIN_MS = 15_000
const WATCH_MS = 2000
/** So many are asked about at once; the others have their turn. */
const WATCHED = 20

export class Sender {
  readonly entries = shallowRef<readonly Entry[]>([])
  private readonly files = new Map<string, File>()
  private readonly running = new Map<string, tus.Upload>()
  private worker: Worker | null = null
  private started = false

  constructor(private readonly storage: Storage = localStorage) {
    this.entries.value = this.read()
  }

  // --- life -------------------------------------------------------------------------------------

  /** Once; it goes on in whatever room the person is. */
  start(): void {
    if (this.started) return
    this.started = true
    const online = (): void => this.mend()
    window.addEventListener('online', online)
    onSignedOut(() => this.pauseAll('broken'))
    window.addEventListener('beforeunload', (event) => {
      if (this.unsafe) event.preventDefault()
    })
    setInterval(() => this.mend(), AGAIN_MS)
    setInterval(() => void this.watch(), WATCH_MS)
  }

  /** Whether leaving the site would stop something. */
  get unsafe(): boolean {
    return this.entries.value.some((entry) => ['waiting', 'hashing', 'ready', 'sending', 'broken'].includes(entry.standing))
  }

  private read(): Entry[] {
    try {
      const found: unknown = JSON.parse(this.storage.getItem(STORE) ?? '[]')
      return Array.isArray(found) ? kept(found as Entry[]) : []
    } catch {
      return []
    }
  }

  private write(): void {
    try {
      this.storage.setItem(STORE, JSON.stringify(this.entries.value.filter((entry) => isOpen(entry) || isWatched(entry) || isBad(entry))))
    } catch {
      // a browser without room: the queue lives as long as the page
    }
  }

  private set(key: string, change: Partial<Entry>, save = true): void {
    this.entries.value = this.entries.value.map((entry) => (entry.key === key ? { ...entry, ...change } : entry))
    if (save) this.write()
  }

  private of(key: string): Entry | undefined {
    return this.entries.value.find((entry) => entry.key === key)
  }

  // --- what people do ---------------------------------------------------------------------------

  /** Take files; those that were in the queue go on where they were. How many were known already. */
  add(files: readonly { file: File; path: string }[], source: string, caseNumber: string): number {
    const known = new Map(this.entries.value.map((entry) => [entry.key, entry]))
    const made: Entry[] = []
    let again = 0
    for (const { file, path } of files) {
      const key = keyOf(path, file.size, file.lastModified)
      this.files.set(key, file)
      const entry = known.get(key)
      if (entry === undefined) made.push(fresh(path, file.size, file.lastModified, source, caseNumber))
      else again += 1
    }
    const chosen = new Set(files.map(({ file, path }) => keyOf(path, file.size, file.lastModified)))
    this.entries.value = [...this.entries.value.map((entry) => (chosen.has(entry.key) ? resumed(entry) : entry)), ...made]
    this.write()
    this.go()
    return again
  }

  pause(key: string): void {
    const entry = this.of(key)
    if (entry === undefined || !['waiting', 'hashing', 'ready', 'sending', 'broken'].includes(entry.standing)) return
    this.halt(key)
    this.set(key, { standing: 'paused' })
    this.go()
  }

  resume(key: string): void {
    const entry = this.of(key)
    if (entry === undefined || !['paused', 'broken', 'failed', 'mismatch'].includes(entry.standing)) return
    if (!this.files.has(key)) return this.set(key, { standing: 'away' })
    if (isBad(entry)) {
      this.entries.value = this.entries.value.map((one) => (one.key === key ? anew(one) : one))
      this.write()
      return this.go()
    }
    this.set(key, { standing: entry.sha256 === null ? 'waiting' : 'ready', text: '', next: '' })
    this.go()
  }

  pauseAll(standing: Standing = 'paused'): void {
    for (const entry of this.entries.value) {
      if (!['waiting', 'hashing', 'ready', 'sending'].includes(entry.standing)) continue
      this.halt(entry.key)
      this.set(entry.key, { standing }, false)
    }
    this.write()
  }

  resumeAll(): void {
    for (const entry of this.entries.value) if (entry.standing === 'paused' || entry.standing === 'broken') this.resume(entry.key)
  }

  /** Take it off the list; what the server has stays there. */
  forget(key: string): void {
    this.halt(key)
    this.files.delete(key)
    this.entries.value = this.entries.value.filter((entry) => entry.key !== key)
    this.write()
    this.go()
  }

  forgetDone(): void {
    this.entries.value = this.entries.value.filter((entry) => !isSealed(entry))
    this.write()
  }

  private halt(key: string): void {
    void this.running.get(key)?.abort()
    this.running.delete(key)
    this.worker?.postMessage({ key, stop: true })
  }

  // --- hashing ----------------------------------------------------------------------------------

  private go(): void {
    const { hash, send } = due(this.entries.value, LINES)
    if (hash !== null) this.hash(hash)
    for (const entry of send) this.send(entry)
  }

  private hash(entry: Entry): void {
    const file = this.files.get(entry.key)
    if (file === undefined) return this.set(entry.key, { standing: 'away' })
    this.worker ??= this.hire()
    this.set(entry.key, { standing: 'hashing', hashed: 0, text: '', next: '' })
    this.worker.postMessage({ key: entry.key, file })
  }

  private hire(): Worker {
    const worker = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = (event: MessageEvent<{ key: string; hashed?: number; sha256?: string; problem?: string; stopped?: boolean }>) => {
      const { key, hashed, sha256, problem } = event.data
      if (this.of(key)?.standing !== 'hashing') return
      if (hashed !== undefined) return this.set(key, { hashed }, false)
      if (sha256 !== undefined) this.set(key, { standing: 'ready', sha256, hashed: this.of(key)?.size ?? 0 })
      else if (problem !== undefined) this.set(key, { standing: 'failed', text: 'upload.unreadable', next: problem })
      this.go()
    }
    return worker
  }

  // --- sending ----------------------------------------------------------------------------------

  private send(entry: Entry): void {
    const file = this.files.get(entry.key)
    if (file === undefined || entry.sha256 === null) return this.set(entry.key, { standing: 'away' })
    const times = JSON.stringify([{ source: 'file-mtime', time: new Date(entry.modified).toISOString() }])
    const upload = new tus.Upload(file, {
      endpoint: '/api/uploads/',
      ...(entry.url === null ? {} : { uploadUrl: entry.url }),
      chunkSize: Infinity,
      headers: headers(),
      metadata: {
        filename: entry.name, filetype: file.type === '' ? 'application/octet-stream' : file.type, sha256: entry.sha256, device_times: times,
        key: `sha256:${entry.sha256}:${entry.size}${entry.attempt === 0 ? '' : `:${entry.attempt}`}`, source: entry.source,
        ...(entry.caseNumber.trim() === '' ? {} : { case: entry.caseNumber.trim() }),
      },
      retryDelays: RETRY_DELAYS,
      storeFingerprintForResuming: false,
      removeFingerprintOnSuccess: true,
      onUploadUrlAvailable: () => {
        const url = upload.url
        if (url !== null) this.set(entry.key, { url, upload: /\/([0-9a-f]{32})(?:$|[/?])/.exec(url)?.[1] ?? null })
      },
      onProgress: (sent) => {
        if (this.of(entry.key)?.standing === 'sending') this.set(entry.key, { sent, text: '' }, false)
      },
      onShouldRetry: (error) => {
        const status = (error as tus.DetailedError).originalResponse?.getStatus() ?? 0
        if (this.of(entry.key)?.standing === 'sending') this.set(entry.key, { text: 'upload.retrying' }, false)
        return status === 0 || status === 409 || status === 423 || status === 429 || status >= 500
      },
      onError: (error) => this.broke(entry.key, error as tus.DetailedError),
      onSuccess: () => {
        this.running.delete(entry.key)
        this.set(entry.key, { standing: 'received', sent: entry.size, text: '', next: '' })
        this.go()
        void this.watch()
      },
    })
    this.running.set(entry.key, upload)
    this.set(entry.key, { standing: 'sending', text: '', next: '' })
    upload.start()
  }

  private broke(key: string, error: tus.DetailedError): void {
    if (!this.running.delete(key)) return // paused by a person
    const response = error.originalResponse
    const status = response?.getStatus() ?? 0
    if (status === 404 || status === 410) this.set(key, { standing: 'broken', url: null, upload: null })
    else if (status === 0 || status === 401 || status === 409 || status === 423 || status === 429 || status >= 500) {
      this.set(key, { standing: 'broken', ...(status === 507 ? said(status, response?.getBody()) : {}) })
    } else this.set(key, { standing: 'failed', ...said(status, response?.getBody()) })
    this.go()
  }

  /** What broke goes on by itself when the network is there. */
  private mend(): void {
    if (!navigator.onLine) return
    for (const entry of this.entries.value) if (entry.standing === 'broken') this.resume(entry.key)
  }

  // --- watching ---------------------------------------------------------------------------------

  private watching = false
  private turn = 0

  /** What the server made of what it has: stored, sealed, playable. */
  private async watch(): Promise<void> {
    if (this.watching) return
    this.watching = true
    const all = this.entries.value.filter(isWatched)
    const from = all.length > WATCHED ? this.turn % all.length : 0
    for (const entry of [...all.slice(from), ...all.slice(0, from)].slice(0, WATCHED)) await this.look(entry).catch(() => undefined) // asked again in a moment
    this.turn += WATCHED
    this.watching = false
  }

  private async look(entry: Entry): Promise<void> {
    if (entry.item === null) {
      if (entry.upload === null) return
      const found = (await ask(api.GET('/api/uploads/{upload}' as never, { params: { path: { upload: entry.upload } } } as never))) as { state: string; item?: string; reason?: string; problem?: string }
      if (found.state === 'aborted' && found.item === undefined) return this.set(entry.key, { standing: 'failed', text: 'upload.aborted', next: found.reason ?? '' })
      const standing = found.state === 'stored' || found.state === 'sealed' ? found.state : entry.standing
      this.set(entry.key, { standing, ...(found.item === undefined ? {} : { item: found.item }), ...(found.problem === undefined ? {} : { next: found.problem }) })
      return
    }
    const item = await ask(api.GET('/api/items/{item}', { params: { path: { item: entry.item } } }))
    if (entry.sha256 !== null && item.sha256 !== entry.sha256) return this.set(entry.key, { standing: 'mismatch', text: 'upload.mismatch', next: item.sha256 })
    const name = item.state.name
    const standing = name === 'playable' || name === 'unplayable' || name === 'stored' ? name : 'sealed'
    this.set(entry.key, { standing, text: item.state.text, next: item.state.hint ?? '', settled: !item.state.moving })
  }
}

let one: Sender | null = null
/** The sender of this page: it goes on while the person is in another room. */
export function theSender(): Sender {
  one ??= new Sender()
  one.start()
  return one
}

function said(status: number, body: string | undefined): { text: string; next: string } {
  let read: unknown = null
  try {
    read = JSON.parse(body ?? 'null')
  } catch {
    // not a problem document
  }
  const problem = asProblem(problemOf(status, read))
  return { text: problem.message, next: problem.next }
}
