/**
 * Keeps up to four pictures and one sound at one case time.
 *
 * Promised: no recording is asked for before its view was granted; a camera that is late stops the
 * clock and is named; where a lane has no recording nothing is shown, never its last frame; sound
 * comes from one track.  Runs on `tick`, ten times a second; knows media elements, not Vue.
 */
import { api, ask, asProblem, fetched, type Schemas } from '@/api/client'
import { CLOSE_MS, LOUDEST_RATE, PATIENCE_MS, shared, type SyncClock } from './clock'
import type { Grants } from './grants'
import { firstEndingAfter, segmentAt, type Lane, type Segment } from './lanes'
import { frameFrom, slotOf, watch, type Inner, type Slot, type Standing } from './slot'
import { Understudy } from './understudy'

/** From this rate on pictures are shown one by one: no machine decodes four videos so fast. */
export const SKIM_RATE = 8
const SKIM_EVERY_MS = 200
const AHEAD_MS = 4000
const LAST_S = 0.4
/** Times of files are no surer than this: what is missing between two of them is not shown as missing. */
const JITTER_MS = 200
/** Files of a lane that are no farther apart follow each other. */
const JOIN_MS = 1000
/** A conversion is asked about often at first: its begin may be there in a moment. */
const POLL_MS = 2000
const POLL_FIRST_MS = 400
const FIRST_ASKS = 12
/** What fails again within this is told; once it is loaded anew without a word. */
const AGAIN_MS = 10_000
/** What could not be loaded because nobody answered is asked for again. */
const BACK_MS = 3000
/** A picture that begins is not set anew for so little: it is led there. */
const BEGIN_MS = 40
/** So near to the end of what is converted the picture stands. */
const EDGE_MS = 300

export class Engine {
  readonly slots: Inner[] = []
  soundKey: string | null = null
  /** After a seek all wait for the last one, so that they begin together. */
  private settling = false
  /** Until when the hand is taken to go on dragging: pictures stand as long, or their decoders leave the page no time. */
  private restsUntil = 0
  private timer: ReturnType<typeof setInterval> | null = null

  constructor(
    readonly clock: SyncClock,
    private readonly grants: Grants,
    private readonly changed: () => void,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => this.tick(performance.now()), 100)
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
    for (const slot of [...this.slots]) this.remove(slot)
  }

  add(lane: Lane, element: HTMLMediaElement): Slot {
    const slot = slotOf(lane, element)
    this.hearken(slot, element)
    this.slots.push(slot)
    this.hear()
    this.tick(performance.now())
    return slot
  }

  /** Follow what an element does for as long as it is the slot's. */
  private hearken(slot: Inner, element: HTMLMediaElement): void {
    const failed = (): void => {
      if (slot.element === element && slot.loaded !== null && element.error !== null) this.failed(slot, slot.loaded)
    }
    const soon = (): void => this.tick(performance.now())
    for (const [name, listener] of [['error', failed], ['seeked', soon], ['canplay', soon], ['loadeddata', soon]] as const) {
      element.addEventListener(name, listener)
      slot.stop.push(() => element.removeEventListener(name, listener))
    }
    if (element instanceof HTMLVideoElement) watch(slot, element)
  }

  /** Its view may have ended while the page slept, or the server was away: it is loaded anew, once. */
  private failed(slot: Inner, item: string): void {
    const again = performance.now() - slot.failedAt < AGAIN_MS
    slot.failedAt = performance.now()
    slot.loaded = null
    if (!again) {
      slot.wanted = null
      this.grants.leave(item)
      return this.set(slot, 'loading')
    }
    this.set(slot, 'failed')
    void this.ask(slot, item, slot.element.currentSrc)
  }

  /** A media element does not say why it failed: the server does, or it lies in the bytes. */
  private async ask(slot: Inner, item: string, url: string): Promise<void> {
    const { turn, segment } = slot
    slot.problem = await fetched(url, { headers: { Range: 'bytes=0-0' } }).then(() => null, asProblem)
    this.grants.leave(item)
    if (slot.turn === turn && segment !== null && slot.problem?.offline === true) this.later(slot, segment, BACK_MS)
    this.changed()
  }

  /**
   * The case time in the middle of the next (or last) frame of the leading picture: the one that is
   * heard, else the first; null where none is seen.
   */
  frame(by: number): number | null {
    const seen = this.slots.filter((one) => one.segment !== null && one.frameAt !== null && one.standing === 'ready')
    const slot = seen.find((one) => one.lane.key === this.soundKey) ?? seen[0]
    return slot === undefined ? null : frameFrom(slot, this.clock.now(performance.now()), by)
  }

  remove(slot: Slot): void {
    const at = this.slots.indexOf(slot as Inner)
    if (at < 0) return
    const [gone] = this.slots.splice(at, 1)
    for (const stop of gone?.stop ?? []) stop()
    if (gone !== undefined) this.unload(gone)
    this.hear()
  }

  /** Which lane is heard; null: none. */
  hearOnly(key: string | null): void {
    this.soundKey = key
    this.hear()
  }

  private hear(): void {
    for (const slot of this.slots) slot.element.muted = slot.lane.key !== this.soundKey || this.clock.rate > LOUDEST_RATE
  }

  private set(slot: Inner, standing: Standing): void {
    if (slot.standing === standing) return
    slot.standing = standing
    this.changed()
  }

  private unload(slot: Inner): void {
    this.endLive(slot)
    this.begin(slot)
    this.dismiss(slot)
    slot.element.pause()
    slot.element.removeAttribute('src')
    slot.element.load()
    const { loaded } = slot
    slot.loaded = null
    slot.wanted = null
    slot.frameAt = null
    if (loaded !== null) this.release(loaded)
  }

  /** What was made ready is not needed. */
  private dismiss(slot: Inner): void {
    const { next } = slot
    slot.next = null
    slot.passed = null
    if (next === null) return
    next.drop()
    this.release(next.segment.item)
  }

  /** The view of an item ends unless some picture shows it or is about to. */
  private release(item: string): void {
    if (!this.slots.some((one) => one.loaded === item || one.wanted === item || one.next?.segment.item === item)) this.grants.leave(item)
  }

  /** A loading begins: whatever was under way or waited for this slot is over. */
  private begin(slot: Inner): number {
    if (slot.poll !== null) clearTimeout(slot.poll)
    slot.poll = null
    return (slot.turn += 1)
  }

  /** Try again what failed. */
  retry(slot: Slot): void {
    const inner = slot as Inner
    inner.problem = null
    inner.wanted = null
    inner.loaded = null
    this.set(inner, 'loading')
    this.tick(performance.now())
  }

  /** The server answers again, or the person is signed in again. */
  retryAll(): void {
    for (const slot of this.slots) if (slot.standing === 'failed') this.retry(slot)
  }

  private async load(slot: Inner, segment: Segment): Promise<void> {
    if (slot.wanted !== segment.item) {
      this.endLive(slot)
      this.dismiss(slot)
    }
    slot.wanted = segment.item
    const turn = this.begin(slot)
    try {
      const item = await ask(api.GET('/api/items/{item}', { params: { path: { item: segment.item } } }))
      if (slot.turn !== turn) return
      slot.state = item.state
      slot.problem = null
      if (item.state.name !== 'playable') return await this.wait(slot, segment, item.state, turn)
      const grant = await this.grants.of(segment.item)
      if (slot.turn !== turn) return this.release(segment.item)
      if (slot.live) return this.makeReady(slot, segment, grant.url) // goes on meanwhile
      slot.progress = null
      this.took(slot, segment.item)
      slot.element.src = grant.url
      slot.element.preload = 'auto'
      slot.element.load()
    } catch (error) {
      if (slot.turn !== turn) return
      slot.problem = asProblem(error)
      if (slot.problem.offline || (slot.live && !slot.ended)) this.later(slot, segment, BACK_MS)
      if (!slot.live || slot.ended) {
        this.endLive(slot)
        this.set(slot, 'failed')
      }
      this.changed()
    }
  }

  /** What is shown next stands behind what is shown now, and takes its place in `lead`. */
  private makeReady(slot: Inner, segment: Segment, url: string): void {
    this.dismiss(slot)
    slot.next = new Understudy(segment, url, slot.element, this.clock.now(performance.now()), this.moving, this.clock.rate)
    this.hearken(slot, slot.next.element)
  }

  /** Whether the clock runs as the person wants it to. */
  private get moving(): boolean {
    return this.clock.playing && !this.clock.waiting
  }

  /** Make the file ready that follows this one; if it does not play yet, let that begin. */
  private async follow(slot: Inner, segment: Segment): Promise<void> {
    slot.passed = segment.item
    const { item } = segment
    const path = { params: { path: { item } } }
    const found = await ask(api.GET('/api/items/{item}', path)).catch(() => null)
    if (found?.state.name === 'sealed') await ask(api.POST('/api/items/{item}/playable', path)).catch(() => undefined)
    if (found?.state.name !== 'playable' || slot.passed !== item) return
    const grant = await this.grants.of(item).catch(() => null)
    if (grant === null) return
    if (slot.passed !== item || slot.live || slot.wanted === item) return this.release(item)
    this.makeReady(slot, segment, grant.url)
    slot.passed = item
  }

  /** What was made ready is what is shown from now on. */
  private enter(slot: Inner, next: Understudy): void {
    const { element } = slot
    slot.next = null
    next.enter()
    slot.element = next.element
    slot.wanted = next.segment.item
    slot.progress = null
    this.begin(slot)
    this.endLive(slot)
    this.hear()
    element.pause()
    element.removeAttribute('src')
    element.load()
    this.took(slot, next.segment.item)
  }

  /** The slot shows this now; what it showed before is let go. */
  private took(slot: Inner, item: string): void {
    const before = slot.loaded
    slot.loaded = item
    slot.frameAt = null
    slot.frames = []
    slot.leader.forget()
    if (before !== null && before !== item) this.release(before)
  }

  /** Not playable: ask for it, unless it cannot be, and look again. */
  private async wait(slot: Inner, segment: Segment, state: Schemas['State'], turn: number): Promise<void> {
    if (!slot.live) this.set(slot, state.name === 'unplayable' ? 'unplayable' : 'converting')
    this.changed()
    if (state.name === 'unplayable') return
    if (state.name === 'sealed') await ask(api.POST('/api/items/{item}/playable', { params: { path: { item: segment.item } } })).catch(() => undefined)
    const told = await ask(api.GET('/api/items/{item}/playable', { params: { path: { item: segment.item } } })).catch(() => null)
    if (slot.turn !== turn) return
    if (slot.ended) {
      this.endLive(slot) // it died, or is made anew
      slot.loaded = null
      this.set(slot, 'converting')
    }
    slot.progress = told
    this.changed()
    if (!slot.live && typeof told?.watchable_ms === 'number') await this.watchLive(slot, segment, turn)
    if (slot.turn === turn) this.later(slot, segment, slot.live || slot.asks >= FIRST_ASKS ? POLL_MS : POLL_FIRST_MS)
  }

  /** Look again in a while. */
  private later(slot: Inner, segment: Segment, ms: number): void {
    this.begin(slot)
    slot.asks += 1
    slot.poll = setTimeout(() => void this.load(slot, segment), ms)
  }

  /** Show what is converted by now while the rest is; the whole copy takes its place at the end. */
  private async watchLive(slot: Inner, segment: Segment, turn: number): Promise<void> {
    const { default: Player } = await import('hls.js')
    if (!Player.isSupported()) return
    const grant = await this.grants.of(segment.item, 'pieces').catch(() => null)
    if (grant === null) return
    if (slot.turn !== turn) return this.release(segment.item)
    slot.live = true
    this.took(slot, segment.item)
    const from = Math.max(0, (this.clock.now(performance.now()) - segment.start) / 1000)
    // Its worker would be a blob, which the pages' policy forbids.
    slot.hls = new Player({ enableWorker: false, startPosition: from, liveDurationInfinity: false, maxBufferLength: 20 })
    slot.hls.on(Player.Events.ERROR, (_, error) => {
      if (!error.fatal || slot.hls === null || slot.ended) return
      // The conversion ended, or died: what is there goes on, and what there is now is found out anew.
      slot.hls.stopLoad()
      slot.ended = true
      this.later(slot, segment, 0)
    })
    slot.hls.loadSource(`/api/views/${grant.view}/live/index.m3u8`)
    slot.hls.attachMedia(slot.element)
    this.changed()
  }

  private endLive(slot: Inner): void {
    slot.hls?.destroy()
    slot.hls = null
    if (slot.live && slot.loaded !== null) this.grants.leave(slot.loaded, ['pieces'])
    slot.live = slot.ended = false
    slot.asks = 0
  }

  /** Go there; `restMs`: how long to stand there at least, whatever plays. */
  seek(at: number, restMs = 0): void {
    const perf = performance.now()
    this.clock.seek(at, perf)
    this.settling = true
    this.restsUntil = perf + restMs
    this.tick(perf)
  }

  /** Whether some picture is still on its way to where it was sent. */
  get seeking(): boolean {
    return this.slots.some((slot) => slot.element.seeking)
  }

  setRate(rate: number): void {
    this.clock.setRate(rate, performance.now())
    this.hear()
  }

  tick(perf: number): void {
    const at = this.clock.now(perf)
    let late = false
    const shown: [Inner, Segment][] = []
    for (const slot of this.slots) {
      const { waits, segment } = this.lead(slot, at, perf)
      late ||= waits
      if (segment !== null) shown.push([slot, segment])
    }
    if (perf < this.restsUntil) late = this.clock.rate < SKIM_RATE
    if (!late) this.settling = false
    const running = shown.filter(([slot]) => this.runs(slot))
    for (const [slot, segment] of running) {
      if (slot.element.seeking) slot.leader.forget()
      // Both clocks are read together: what ran between would count as an error.
      else slot.leader.read((slot.element.currentTime - (this.clock.now(performance.now()) - segment.start) / 1000) * 1000)
    }
    const together = shared(running.map(([slot]) => slot.leader.steady))
    if (together !== 0) {
      this.clock.seek(this.clock.now(perf) + together, perf)
      for (const [slot] of running) slot.leader.forget()
    }
    for (const [slot, segment] of shown) this.steer(slot, segment, perf)
    this.clock.hold(late && this.clock.playing, perf)
  }

  /** Whether its picture moves by itself, as the clock does. */
  private runs(slot: Inner): boolean {
    return this.clock.playing && !this.clock.waiting && this.clock.rate < SKIM_RATE && !slot.element.paused
  }

  /**
   * Load what a track shows at this time, and note how it stands: whether it keeps the others
   * waiting, and what of it is to be steered to the clock.
   */
  private lead(slot: Inner, at: number, perf: number): { waits: boolean; segment: Segment | null } {
    const { element, lane } = slot
    const nothing = { waits: false, segment: null }
    const segment = segmentAt(lane, at)
    if (segment !== slot.segment) {
      slot.segment = segment
      slot.lateSince = null
      slot.leader.forget()
      this.changed()
    }
    if (segment === null) {
      const place = firstEndingAfter(lane.segments, at)
      const [before, next] = [lane.segments[place - 1], lane.segments[place]]
      if (before !== undefined && next !== undefined && next.start - before.end < JITTER_MS) return nothing
      if (!element.paused) element.pause()
      this.set(slot, 'gap')
      if (next !== undefined && next.start - at < AHEAD_MS * this.clock.rate && slot.wanted !== next.item) void this.load(slot, next)
      return nothing
    }
    if (slot.next !== null && this.enters(slot, slot.next, segment, at)) this.enter(slot, slot.next)
    if (slot.wanted !== segment.item) {
      this.set(slot, 'loading')
      void this.load(slot, segment)
    }
    if (slot.loaded === segment.item && !slot.live) this.lookAhead(slot, segment, at)
    if (slot.standing === 'converting' || slot.standing === 'unplayable' || slot.standing === 'failed') {
      if (slot.loaded !== segment.item) return nothing
      this.set(slot, 'loading')
    }
    if (slot.loaded !== segment.item) return { waits: this.judge(slot, perf, false), segment: null }
    const goal = (at - segment.start) / 1000
    if (slot.live && goal * 1000 > (slot.progress?.watchable_ms ?? 0) - EDGE_MS) {
      if (!element.paused) element.pause()
      this.set(slot, 'converting') // not that far yet
      return nothing
    }
    if (!slot.live && Number.isFinite(element.duration) && goal > element.duration) {
      if (segment.end - at < JITTER_MS) return nothing
      if (!element.paused) element.pause()
      this.set(slot, 'over') // the file ends before its stated time does
      return nothing
    }
    // At its end a file has no more to come, and keeps nobody waiting.
    const enough = element.duration - goal < LAST_S ? HTMLMediaElement.HAVE_CURRENT_DATA : HTMLMediaElement.HAVE_FUTURE_DATA
    const ready = element.readyState >= enough && !element.seeking
    const waits = this.judge(slot, perf, ready || (!this.clock.playing && element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA))
    return { waits, segment: element.readyState >= HTMLMediaElement.HAVE_METADATA ? segment : null }
  }

  /** Whether what was made ready is shown from now on; a tick comes when it will be. */
  private enters(slot: Inner, next: Understudy, segment: Segment, at: number): boolean {
    if (next.segment.item !== segment.item) return false
    if (slot.loaded !== segment.item || slot.standing === 'converting') return true // nothing is seen that could break
    const due = next.due(at, this.moving, this.clock.rate)
    if (due.in !== null && due.in < 200) setTimeout(() => this.tick(performance.now()), due.in)
    return due.now
  }

  /** A recorder begins a new file every few minutes: the next one stands ready when this one ends. */
  private lookAhead(slot: Inner, segment: Segment, at: number): void {
    if (this.clock.rate >= SKIM_RATE || segment.end - at > AHEAD_MS * this.clock.rate) return
    const following = slot.lane.segments[slot.lane.segments.indexOf(segment) + 1]
    if (following === undefined || following.start - segment.end > JOIN_MS || slot.passed === following.item) return
    void this.follow(slot, following)
    if (this.moving) setTimeout(() => this.tick(performance.now()), (segment.end - at) / this.clock.rate)
  }

  private steer(slot: Inner, segment: Segment, perf: number): void {
    const { element } = slot
    const { rate } = this.clock
    if (!this.runs(slot)) {
      slot.leader.forget()
      const goal = (this.clock.now(performance.now()) - segment.start) / 1000
      const off = Math.abs(element.currentTime - goal) * 1000
      const skims = this.clock.playing && rate >= SKIM_RATE
      if (!element.paused && (skims || !this.clock.playing || this.clock.waiting)) element.pause()
      const due = !skims || perf - slot.skimmedAt >= SKIM_EVERY_MS
      const near = skims ? CLOSE_MS : this.moving ? BEGIN_MS : 5
      if (off > near && !element.seeking && due) {
        slot.skimmedAt = perf
        element.currentTime = goal
      }
      if (this.clock.playing && !this.clock.waiting && !skims && !element.ended) void element.play().catch(() => undefined)
      return
    }
    const found = slot.leader.next(rate)
    if (found.jump && !element.seeking) element.currentTime = (this.clock.now(performance.now()) - segment.start) / 1000
    const led = Math.min(16, Math.max(0.0625, found.rate))
    if (Math.abs(element.playbackRate - led) > 0.001) element.playbackRate = led
  }

  /** Note whether it shows what it should; late after the patience is over. */
  private judge(slot: Inner, perf: number, ready: boolean): boolean {
    if (ready) {
      slot.lateSince = null
      this.set(slot, 'ready')
      return false
    }
    slot.lateSince ??= perf
    const late = perf - slot.lateSince > PATIENCE_MS
    this.set(slot, late ? 'late' : slot.standing === 'ready' ? 'ready' : 'loading')
    return (late || this.settling) && this.clock.rate < SKIM_RATE
  }
}
