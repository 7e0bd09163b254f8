/**
 * Moves the queue: hashes, sends by tus over links that break, then follows what the server makes of
 * it.  Everything it knows stands in `entries`; files themselves are kept beside, since a reload
 * loses them.
 */
import * as tus from 'tus-js-client'
import { ref, shallowRef } from 'vue'

import { asProblem, headers, onSignedOut, tellSignedOut, tellStale } from '@/api/client'
import { sessionOrNull } from '@/common/session'
import { onSignedIn, over } from '@/common/start'
import { Compare } from './compare'
import { look } from './follow'
import { Hasher } from './hasher'
import { Keep } from './keep'
import { keyFor, one, type Picked } from './pick'
import { anew, due, fresh, isBad, isHeldUp, isRunning, isSealed, isNamesake, isWatched, reopened, resumed, type Entry, type Said, type Standing } from './queue'
import { announced, isBreak, isBusy, told } from './wire'

const LINES = 2
const RETRY_DELAYS = [0, 1000, 3000, 5000, 10_000]
const AGAIN_MS = 15_000
const WATCH_MS = 2000
/** A link that carries nothing for so long is taken for dead: a lid that was closed leaves such. */
const STILL_MS = 60_000
/** So many are asked about at once; the others have their turn. */
const WATCHED = 20

export class Sender {
  readonly entries = shallowRef<readonly Entry[]>([])
  /** Made on this page before a reload and not sent yet. */
  readonly made = shallowRef<readonly Picked[]>([])
  /** Chosen again, and found to have other bytes than those in the queue: for a person to look at. */
  readonly others = shallowRef<readonly Picked[]>([])
  /** Those in the queue that are chosen again. */
  readonly compare = new Compare((base) => this.settledBytes(base), (picked, sha256) => this.meet(picked, sha256), () => this.go())
  /** Another tab of this browser has the queue. */
  readonly elsewhere = ref(false)
  /** The browser keeps no list: it lives as long as the page. */
  readonly passing = ref(false)
  private readonly at = new Map<string, number>()
  private readonly files = new Map<string, File>()
  private readonly running = new Map<string, tus.Upload>()
  /** When each that is sent was last heard of. */
  private readonly heard = new Map<string, number>()
  private readonly hasher = new Hasher({
    hashed: (key, bytes) => this.while(key, 'hashing', { hashed: bytes }, false),
    done: (key, sha256) => this.while(key, 'hashing', { standing: 'ready', sha256, hashed: this.of(key)?.size ?? 0 }),
    failed: (key, problem) => this.while(key, 'hashing', { standing: 'failed', text: 'upload.unreadable', next: problem }),
  })
  private keep: Keep | null = null

  // --- life -------------------------------------------------------------------------------------

  /** Once; it goes on in whatever room the person is. One tab has the queue, the others wait for it. */
  start(): void {
    onSignedOut(() => this.lock())
    onSignedIn(() => this.unlock())
    window.addEventListener('online', () => this.mend())
    window.addEventListener('offline', () => this.cut([...this.running.keys()]))
    window.addEventListener('beforeunload', (event) => {
      if (this.unsafe) event.preventDefault()
    })
    setInterval(() => this.mend(), AGAIN_MS)
    setInterval(() => void this.watch(), WATCH_MS)
    const name = `liuhen-uploads-${this.person}`
    if (!('locks' in navigator)) return void this.open() // an address that is not encrypted
    this.elsewhere.value = true
    navigator.locks
      .request(name, async () => {
        await this.open()
        this.elsewhere.value = false
        return new Promise(() => undefined)
      })
      .catch(() => (this.elsewhere.value = false)) // no lock and no memory here: for as long as the page lives
  }

  private get person(): string {
    return sessionOrNull()?.actor ?? ''
  }

  private async open(): Promise<void> {
    this.keep = await Keep.open(this.person)
    this.passing.value = !this.keep.lasting
    const before = (await this.keep.all()).map(reopened)
    const now = this.entries.value
    const had = new Set(before.map((entry) => entry.key))
    this.replace([...before, ...now.filter((entry) => !had.has(entry.key))])
    const [again, left]: [Picked[], Picked[]] = [[], []]
    for (const [key, file] of await this.keep.files()) {
      const entry = this.of(key)
      if (entry !== undefined && isSealed(entry)) this.unmade(key)
      else (entry === undefined ? left : again).push(one(file))
    }
    this.made.value = left
    for (const picked of again) this.files.set(keyFor(picked), picked.file)
    const keys = new Set(again.map(keyFor))
    this.change([...keys].flatMap((key) => (this.of(key) === undefined ? [] : [[key, resumed(this.of(key)!)] as const])))
    this.go()
  }

  // --- files that were made here ----------------------------------------------------------------

  /** Keep a file that is nowhere else until it is sealed; false: no room, it lives as long as the page. */
  async keepMade(picked: Picked): Promise<boolean> {
    return (await this.keep?.putFile(keyFor(picked), picked.file).catch(() => false)) ?? false
  }

  /** It is sealed, or a person does not want it. */
  unmade(key: string): void {
    void this.keep?.putFile(key, null).catch(() => undefined)
  }

  /** Whether leaving the site would stop something. */
  get unsafe(): boolean {
    return this.compare.state.value.left > 0 || this.others.value.length > 0 || this.entries.value.some(isRunning)
  }

  private replace(entries: readonly Entry[]): void {
    this.at.clear()
    entries.forEach((entry, at) => this.at.set(entry.key, at))
    this.entries.value = entries
  }

  /** Many changes at once: the list is made anew once. */
  private change(changes: readonly (readonly [string, Partial<Entry>])[], save = true): void {
    const next = [...this.entries.value]
    for (const [key, change] of changes) {
      const at = this.at.get(key)
      const old = at === undefined ? undefined : next[at]
      if (at === undefined || old === undefined) continue
      const entry = { ...old, ...change }
      next[at] = entry
      if (save) this.keep?.put(key, entry)
    }
    this.entries.value = next
  }

  private set(key: string, change: Partial<Entry>, save = true): void {
    this.change([[key, change]], save)
  }

  /** A change that holds only while the entry stands so; what is done leads to the next. */
  private while(key: string, standing: Standing, change: Partial<Entry>, save = true): void {
    if (this.of(key)?.standing !== standing) return
    this.set(key, change, save)
    if (change.standing !== undefined) this.go()
  }

  private of(key: string): Entry | undefined {
    const at = this.at.get(key)
    return at === undefined ? undefined : this.entries.value[at]
  }

  // --- what people do ---------------------------------------------------------------------------

  /** Take files; those that were in the queue go on where they were. How many were known already. */
  add(files: readonly (Picked & { said: Said })[]): number {
    let order = this.entries.value.reduce((most, entry) => Math.max(most, entry.order), 0)
    const made: Entry[] = []
    const now = new Set<string>()
    const again: (readonly [string, Partial<Entry>])[] = []
    for (const picked of files) {
      const { file, path, size, modified, said, sha256 } = picked
      const key = keyFor(picked)
      if (now.has(key)) {
        this.compare.add([picked]) // one beside it, chosen together
        continue
      }
      now.add(key)
      const old = this.of(key)
      this.files.set(key, file)
      if (old === undefined) made.push({ ...fresh(path, size, modified, said), key, order: (order += 1), ...(sha256 === undefined ? {} : { sha256, hashed: size, standing: 'ready' }) })
      else again.push([key, resumed(old)])
    }
    this.replace([...this.entries.value, ...made])
    this.change([...again, ...made.map((entry) => [entry.key, {}] as const)])
    this.go()
    return again.length
  }

  /** What was taken off the list and is chosen again is shown again. */
  show(keys: readonly string[]): void {
    this.change(keys.filter((key) => this.of(key)?.cleared === true).map((key) => [key, { cleared: false }]))
  }

  pause(key: string): void {
    const entry = this.of(key)
    if (entry === undefined || !isRunning(entry)) return
    this.halt(key)
    this.set(key, { standing: 'paused' })
    this.go()
  }

  resume(key: string): void {
    this.resumeSome((entry) => entry.key === key)
  }

  pauseAll(): void {
    this.stopAll('paused')
  }

  resumeAll(): void {
    this.resumeSome((entry) => entry.standing === 'paused' || isHeldUp(entry))
  }

  /** Take it off the list; what the server has stays there, and so does a receipt. */
  forget(key: string): void {
    this.forgetSome((entry) => entry.key === key)
  }

  forgetDone(): void {
    this.forgetSome(isSealed)
  }

  private stopAll(standing: Standing): void {
    const some = this.entries.value.filter((entry) => isRunning(entry) && entry.standing !== standing)
    for (const entry of some) this.halt(entry.key)
    this.change(some.map((entry) => [entry.key, { standing, text: '', next: '' }]))
  }

  private resumeSome(which: (entry: Entry) => boolean): void {
    const some = this.entries.value.filter((entry) => which(entry) && (['paused', 'locked'].includes(entry.standing) || isHeldUp(entry) || isBad(entry)))
    this.change(
      some.map((entry) => {
        const next = isBad(entry) ? anew(entry) : entry
        if (!this.files.has(entry.key)) return [entry.key, { ...next, standing: 'away', text: '', next: '' }]
        if (isBad(entry)) return [entry.key, next]
        return [entry.key, { standing: entry.sha256 === null ? 'waiting' : 'ready', text: '', next: '' }]
      }),
    )
    this.go()
  }

  private forgetSome(which: (entry: Entry) => boolean): void {
    const some = this.entries.value.filter(which)
    for (const entry of some) {
      this.halt(entry.key)
      this.files.delete(entry.key)
      this.unmade(entry.key)
      if (!isSealed(entry)) this.keep?.put(entry.key, null)
    }
    this.change(some.filter(isSealed).map((entry) => [entry.key, { cleared: true }]))
    const gone = new Set(some.filter((entry) => !isSealed(entry)).map((entry) => entry.key))
    for (const key of gone) this.compare.drop(key)
    if (gone.size > 0) this.replace(this.entries.value.filter((entry) => !gone.has(entry.key)))
    this.go()
  }

  private halt(key: string): void {
    void this.running.get(key)?.abort()
    this.running.delete(key)
    this.hasher.stop(key)
  }

  // --- signing out and in -----------------------------------------------------------------------

  private lock(): void {
    this.stopAll('locked')
  }

  private unlock(): void {
    this.resumeSome((entry) => entry.standing === 'locked')
    void this.watch()
  }

  // --- chosen again -----------------------------------------------------------------------------

  private settledBytes(base: string): boolean {
    const entry = this.of(base)
    return entry !== undefined && (entry.sha256 !== null || isBad(entry))
  }

  again(picked: readonly Picked[]): void {
    this.compare.add(picked)
    this.go()
  }

  /** Whether these bytes are in the queue; those whose file was away go on, others are for a person. */
  private meet(picked: Picked, sha256: string): boolean {
    const base = keyFor(picked)
    const known = this.entries.value.find((entry) => entry.sha256 === sha256 && isNamesake(entry.key, base))
    if (known === undefined) this.others.value = [...this.others.value, { ...picked, sha256 }]
    else if (known.standing === 'away' || isBad(known)) this.add([{ ...picked, ...(known.key === base ? {} : { sha256 }), said: known }])
    return known !== undefined
  }

  // --- hashing and sending ----------------------------------------------------------------------

  private go(): void {
    const { hash, send, hashing } = due(this.entries.value, LINES)
    if (hash !== null) this.hash(hash)
    else if (!hashing) this.compare.go()
    for (const entry of send) this.send(entry)
  }

  private hash(entry: Entry): void {
    const file = this.files.get(entry.key)
    if (file === undefined) return this.set(entry.key, { standing: 'away' })
    this.set(entry.key, { standing: 'hashing', hashed: 0, text: '', next: '' }, false)
    this.hasher.start(entry.key, file)
  }

  private send(entry: Entry): void {
    const file = this.files.get(entry.key)
    if (file === undefined || entry.sha256 === null) return this.set(entry.key, { standing: 'away' })
    let whole = false
    const upload = new tus.Upload(file, {
      endpoint: '/api/uploads/',
      ...(entry.url === null ? {} : { uploadUrl: entry.url }),
      chunkSize: Infinity,
      headers: headers(),
      metadata: announced(entry, file),
      retryDelays: RETRY_DELAYS,
      storeFingerprintForResuming: false,
      onAfterResponse: (request, response) => {
        if (request.getMethod() === 'POST') whole = entry.size > 0 && response.getHeader('Upload-Offset') === String(entry.size)
      },
      onUploadUrlAvailable: () => {
        const url = upload.url
        if (url !== null) this.set(entry.key, { url, upload: /\/([0-9a-f]{32})(?:$|[/?])/.exec(url)?.[1] ?? null })
        if (!whole) return
        void upload.abort() // the server has it already: nothing is sent twice
        this.arrived(entry, { held: '' })
      },
      onProgress: (sent) => {
        this.heard.set(entry.key, Date.now())
        this.while(entry.key, 'sending', { sent, text: '' }, false)
      },
      onShouldRetry: (error) => {
        const status = (error as tus.DetailedError).originalResponse?.getStatus() ?? 0
        if (isBusy(status)) return false // its own word, and later
        this.heard.set(entry.key, Date.now())
        this.while(entry.key, 'sending', { text: 'upload.retrying' }, false)
        return isBreak(status)
      },
      onError: (error) => this.broke(entry.key, error as tus.DetailedError),
      onSuccess: () => this.arrived(entry, {}),
    })
    this.running.set(entry.key, upload)
    this.heard.set(entry.key, Date.now())
    this.set(entry.key, { standing: 'sending', text: '', next: '' })
    upload.start()
  }

  private arrived(entry: Entry, more: Partial<Entry>): void {
    this.running.delete(entry.key)
    this.set(entry.key, { standing: 'received', sent: entry.size, text: '', next: '', ...more })
    this.go()
    void this.watch()
  }

  private broke(key: string, error: tus.DetailedError): void {
    if (!this.running.delete(key)) return // paused by a person
    const response = error.originalResponse
    const status = response?.getStatus() ?? 0
    if (status === 401) {
      this.set(key, { standing: 'locked' })
      tellSignedOut()
      return this.lock()
    }
    const said = told(status, response?.getBody())
    if (status === 403 && said.code === 'csrf') { // another tab has made another session
      this.set(key, { standing: 'locked' })
      this.lock()
      return tellStale()
    }
    if (status === 404 || status === 410) this.set(key, { standing: 'broken', url: null, upload: null })
    else if (isBusy(status)) this.set(key, { standing: 'busy', text: said.text, next: said.next })
    else if (isBreak(status)) {
      this.set(key, { standing: 'broken' })
      if (status === 0) void this.tried(key)
    } else this.set(key, { standing: 'failed', text: said.text, next: said.next })
    this.go()
  }

  /** A card that was pulled out and a file that was changed look like a link that broke. */
  private async tried(key: string): Promise<void> {
    try {
      await this.files.get(key)?.slice(0, 1).arrayBuffer()
    } catch {
      this.while(key, 'broken', { standing: 'failed', text: 'upload.unreadable', next: '' })
    }
  }

  /** What broke goes on by itself when the network is there. */
  private mend(): void {
    this.cut([...this.running.keys()].filter((key) => Date.now() - (this.heard.get(key) ?? 0) >= STILL_MS))
    if (navigator.onLine && this.entries.value.some(isHeldUp)) this.resumeSome(isHeldUp)
  }

  /** The link of these is dead, whatever the browser still believes of them. */
  private cut(keys: readonly string[]): void {
    for (const key of keys) {
      this.halt(key)
      this.while(key, 'sending', { standing: 'broken' })
    }
  }

  // --- following --------------------------------------------------------------------------------

  private watching = false
  private turn = 0

  private async watch(): Promise<void> {
    if (this.watching || this.elsewhere.value || over.value || !navigator.onLine) return
    this.watching = true
    const all = this.entries.value.filter(isWatched)
    const early = all.filter((entry) => entry.standing !== 'sealed') // the receipt first
    const late = all.filter((entry) => entry.standing === 'sealed')
    const from = late.length > WATCHED ? this.turn % late.length : 0
    for (const entry of [...early, ...late.slice(from), ...late.slice(0, from)].slice(0, WATCHED)) {
      try {
        this.set(entry.key, await look(entry))
        const seen = this.of(entry.key)
        if (seen !== undefined && isSealed(seen) && !isSealed(entry)) this.unmade(entry.key)
      } catch (error) {
        const problem = asProblem(error)
        if (problem.offline || problem.signedOut || problem.status === 429) break // asked again in a moment
      }
    }
    this.turn += WATCHED
    this.watching = false
  }
}

let only: Sender | null = null
/** The sender of this page: it goes on while the person is in another room. */
export function theSender(): Sender {
  if (only === null) {
    only = new Sender()
    only.start()
  }
  return only
}
