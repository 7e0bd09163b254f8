/**
 * Keeps up to four pictures and one sound at one case time.
 *
 * Promised: no recording is asked for before its view was granted; a camera that is late stops the
 * clock and is named; where a lane has no recording nothing is shown, never its last frame; sound
 * comes from one track.  Runs on `tick`, ten times a second; knows media elements, not Vue.
 */
import type Hls from 'hls.js'

import { api, ask, asProblem, type Problem, type Schemas } from '@/api/client'
import { CLOSE_MS, Leader, LOUDEST_RATE, PATIENCE_MS, shared, type SyncClock } from './clock'
import type { Grants } from './grants'
import { firstEndingAfter, segmentAt, type Lane, type Segment } from './lanes'

export type Standing = 'gap' | 'loading' | 'ready' | 'late' | 'converting' | 'unplayable' | 'failed'

/** From this rate on pictures are shown one by one: no machine decodes four videos so fast. */
export const SKIM_RATE = 8
const SKIM_EVERY_MS = 200
const AHEAD_MS = 4000
/** A conversion is asked about often at first: its begin may be there in a moment. */
const POLL_MS = 2000
const POLL_FIRST_MS = 400
const FIRST_ASKS = 12
/** So near to the end of what is converted the picture stands. */
const EDGE_MS = 300

export interface Slot {
  lane: Lane
  element: HTMLMediaElement
  standing: Standing
  segment: Segment | null
  /** Of the item that is loaded, in words; for what is not playable. */
  state: Schemas['State'] | null
  /** How far its conversion is, while it is being made; what of it is there may be watched already. */
  progress: Progress | null
  live: boolean
  problem: Problem | null
}

export interface Progress {
  percent: number | null
  seconds_left: number | null
  place: number | null
  watchable_ms?: number | null
}

interface Inner extends Slot {
  hls: Hls | null
  loaded: string | null
  wanted: string | null
  /** Which loading is the newest: what an older one learns no longer counts. */
  turn: number
  poll: ReturnType<typeof setTimeout> | null
  asks: number
  lateSince: number | null
  skimmedAt: number
  leader: Leader
  /** The begin of the frame that is seen, in its own seconds, and how long frames last; null: not known yet. */
  frameAt: number | null
  frames: number[]
  stop: (() => void)[]
}

/** How long a frame lasts until some were seen: that of most cameras here. */
const USUAL_FRAME_MS = 40
const FRAMES_KEPT = 15

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
    const slot: Inner = {
      lane, element, standing: 'gap', segment: null, state: null, progress: null, live: false, hls: null, problem: null, loaded: null, wanted: null, turn: 0, poll: null, asks: 0,
      lateSince: null, skimmedAt: 0, leader: new Leader(), frameAt: null, frames: [], stop: [],
    }
    const failed = (): void => {
      if (slot.loaded === null || element.error === null) return
      // The view may have ended while the page slept: ask anew, once the person goes on.
      const item = slot.loaded
      slot.loaded = null
      this.grants.leave(item)
      if (slot.standing === 'ready' || slot.standing === 'late' || slot.standing === 'loading') this.set(slot, 'failed')
    }
    const soon = (): void => this.tick(performance.now())
    for (const [name, listener] of [['error', failed], ['seeked', soon], ['canplay', soon], ['loadeddata', soon]] as const) {
      element.addEventListener(name, listener)
      slot.stop.push(() => element.removeEventListener(name, listener))
    }
    this.slots.push(slot)
    if (element instanceof HTMLVideoElement) this.watch(slot, element)
    this.hear()
    soon()
    return slot
  }

  /** Note which frame is seen, and how far frames are apart while it plays. */
  private watch(slot: Inner, video: HTMLVideoElement): void {
    let presented = 0
    let id = 0
    const note = (_: number, frame: VideoFrameCallbackMetadata): void => {
      const apart = slot.frameAt === null ? 0 : (frame.mediaTime - slot.frameAt) * 1000
      if (frame.presentedFrames === presented + 1 && !video.paused && apart > 4 && apart < 500) slot.frames = [...slot.frames.slice(1 - FRAMES_KEPT), apart]
      presented = frame.presentedFrames
      slot.frameAt = frame.mediaTime
      id = video.requestVideoFrameCallback(note)
    }
    id = video.requestVideoFrameCallback(note)
    slot.stop.push(() => video.cancelVideoFrameCallback(id))
  }

  /**
   * The case time in the middle of the next (or last) frame of the leading picture: the one that is
   * heard, else the first; null where none is seen.
   */
  frame(by: number): number | null {
    const seen = this.slots.filter((one) => one.segment !== null && one.frameAt !== null && one.standing === 'ready')
    const slot = seen.find((one) => one.lane.key === this.soundKey) ?? seen[0]
    if (slot === undefined || slot.segment === null || slot.frameAt === null) return null
    const sorted = [...slot.frames].sort((a, b) => a - b)
    const length = sorted[sorted.length >> 1] ?? USUAL_FRAME_MS
    const at = this.clock.now(performance.now())
    const begin = slot.segment.start + slot.frameAt * 1000
    // Keys come faster than frames are drawn: then on from where the clock was set last.
    const from = at >= begin && at < begin + length ? begin : at - length / 2
    return from + (by + 0.5) * length
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
    slot.element.pause()
    slot.element.removeAttribute('src')
    slot.element.load()
    const { loaded } = slot
    slot.loaded = null
    slot.wanted = null
    slot.frameAt = null
    if (loaded !== null) this.release(loaded)
  }

  /** The view of an item ends unless some picture shows it or is about to. */
  private release(item: string): void {
    if (!this.slots.some((one) => one.loaded === item || one.wanted === item)) this.grants.leave(item)
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

  private async load(slot: Inner, segment: Segment): Promise<void> {
    if (slot.wanted !== segment.item) this.endLive(slot)
    slot.wanted = segment.item
    slot.problem = null
    const turn = this.begin(slot)
    try {
      const item = await ask(api.GET('/api/items/{item}', { params: { path: { item: segment.item } } }))
      if (slot.turn !== turn) return
      slot.state = item.state
      if (item.state.name !== 'playable') return await this.wait(slot, segment, item.state, turn)
      const grant = await this.grants.of(segment.item)
      if (slot.turn !== turn) return this.release(segment.item)
      this.endLive(slot)
      slot.progress = null
      this.took(slot, segment.item)
      slot.frameAt = null
      slot.frames = []
      slot.element.src = grant.url
      slot.element.preload = 'auto'
      slot.element.load()
    } catch (error) {
      if (slot.turn !== turn) return
      slot.problem = asProblem(error)
      this.set(slot, 'failed')
      this.changed()
    }
  }

  /** The slot shows this now; what it showed before is let go. */
  private took(slot: Inner, item: string): void {
    const before = slot.loaded
    slot.loaded = item
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
    const grant = await this.grants.of(segment.item).catch(() => null)
    if (grant === null) return
    if (slot.turn !== turn) return this.release(segment.item)
    slot.frameAt = null
    slot.frames = []
    slot.live = true
    this.took(slot, segment.item)
    const from = Math.max(0, (this.clock.now(performance.now()) - segment.start) / 1000)
    // Its worker would be a blob, which the pages' policy forbids.
    slot.hls = new Player({ enableWorker: false, startPosition: from, liveDurationInfinity: false, maxBufferLength: 20 })
    slot.hls.on(Player.Events.ERROR, (_, error) => {
      if (!error.fatal || slot.hls === null) return
      this.endLive(slot) // the conversion ended, or died: what there is now is found out anew
      slot.loaded = null
      this.set(slot, 'converting')
      this.later(slot, segment, POLL_MS)
    })
    slot.hls.loadSource(`/api/views/${grant.view}/live/index.m3u8`)
    slot.hls.attachMedia(slot.element)
    this.changed()
  }

  private endLive(slot: Inner): void {
    slot.hls?.destroy()
    slot.hls = null
    slot.live = false
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
      if (!element.paused) element.pause()
      this.set(slot, 'gap')
      const next = lane.segments[firstEndingAfter(lane.segments, at)]
      if (next !== undefined && next.start - at < AHEAD_MS * this.clock.rate && slot.wanted !== next.item) void this.load(slot, next)
      return nothing
    }
    if (slot.wanted !== segment.item) {
      this.set(slot, 'loading')
      void this.load(slot, segment)
    }
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
      if (!element.paused) element.pause()
      this.set(slot, 'gap') // the file ends before its stated time does
      return nothing
    }
    const ready = element.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA && !element.seeking
    const waits = this.judge(slot, perf, ready || (!this.clock.playing && element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA))
    return { waits, segment: element.readyState >= HTMLMediaElement.HAVE_METADATA ? segment : null }
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
      if (off > (skims ? CLOSE_MS : 5) && !element.seeking && due) {
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
