/**
 * Keeps up to four pictures and one sound at one case time.
 *
 * Promised: a camera that is late stops the clock and is named; where a lane has no recording
 * nothing is shown, never its last frame; sound comes from one track.  Runs on `tick`, ten times a
 * second; knows media elements, not Vue.  What the elements show is `loader.ts`'s business.
 */
import { CLOSE_MS, LOUDEST_RATE, PATIENCE_MS, shared, type SyncClock } from './clock'
import type { Grants } from './grants'
import { firstEndingAfter, segmentAt, type Lane, type Segment } from './lanes'
import { Loader } from './loader'
import { frameFrom, slotOf, type Inner, type Slot } from './slot'
import type { Understudy } from './understudy'

/** From this rate on pictures are shown one by one: no machine decodes four videos so fast. */
export const SKIM_RATE = 8
const SKIM_EVERY_MS = 200
const AHEAD_MS = 4000
/** So near to the end of a file there is no more to wait for. */
const LAST_S = 0.4
/** Times of files are no surer than this: what is missing between two of them is not shown as missing. */
const JITTER_MS = 200
/** Files of a lane that are no farther apart follow each other. */
const JOIN_MS = 1000
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
  private readonly loader: Loader

  constructor(
    readonly clock: SyncClock,
    grants: Grants,
    private readonly changed: () => void,
  ) {
    this.loader = new Loader(this.slots, clock, grants, { changed, tick: () => this.tick(performance.now()), hear: () => this.hear() })
  }

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
    this.loader.hearken(slot, element)
    this.slots.push(slot)
    this.hear()
    this.tick(performance.now())
    return slot
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
    if (gone !== undefined) this.loader.unload(gone)
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

  /** Try again what failed. */
  retry(slot: Slot): void {
    const inner = slot as Inner
    inner.problem = null
    inner.wanted = null
    inner.loaded = null
    this.loader.set(inner, 'loading')
    this.tick(performance.now())
  }

  /** The server answers again, or the person is signed in again. */
  retryAll(): void {
    for (const slot of this.slots) if (slot.standing === 'failed') this.retry(slot)
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
      // What was found ahead of time (not playable, failed) was not shown then: it is found out anew.
      if (segment !== null && slot.loaded !== segment.item) slot.wanted = null
      this.changed()
    }
    if (segment === null) {
      const place = firstEndingAfter(lane.segments, at)
      const [before, next] = [lane.segments[place - 1], lane.segments[place]]
      if (before !== undefined && next !== undefined && next.start - before.end < JITTER_MS) return nothing
      if (!element.paused) element.pause()
      this.loader.set(slot, 'gap')
      if (next !== undefined && next.start - at < AHEAD_MS * this.clock.rate && slot.wanted !== next.item) void this.loader.load(slot, next)
      return nothing
    }
    if (slot.next !== null && this.enters(slot, slot.next, segment, at)) this.loader.enter(slot, slot.next)
    if (slot.wanted !== segment.item) {
      this.loader.set(slot, 'loading')
      void this.loader.load(slot, segment)
    }
    if (slot.loaded === segment.item && !slot.live) this.lookAhead(slot, segment, at)
    if (slot.standing === 'converting' || slot.standing === 'unplayable' || slot.standing === 'failed') {
      if (slot.loaded !== segment.item) return nothing
      this.loader.set(slot, 'loading')
    }
    if (slot.loaded !== segment.item) return { waits: this.judge(slot, perf, false), segment: null }
    const goal = (at - segment.start) / 1000
    if (slot.live && goal * 1000 > (slot.progress?.watchable_ms ?? 0) - EDGE_MS) {
      if (!element.paused) element.pause()
      this.loader.set(slot, 'converting') // not that far yet
      return nothing
    }
    if (!slot.live && Number.isFinite(element.duration) && goal > element.duration) {
      if (segment.end - at < JITTER_MS) return nothing
      if (!element.paused) element.pause()
      this.loader.set(slot, 'over') // the file ends before its stated time does
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
    const due = next.due(at, this.clock.moving, this.clock.rate)
    if (due.in !== null && due.in < 200) setTimeout(() => this.tick(performance.now()), due.in)
    return due.now
  }

  /** A recorder begins a new file every few minutes: the next one stands ready when this one ends. */
  private lookAhead(slot: Inner, segment: Segment, at: number): void {
    if (this.clock.rate >= SKIM_RATE || segment.end - at > AHEAD_MS * this.clock.rate) return
    const following = slot.lane.segments[slot.lane.segments.indexOf(segment) + 1]
    if (following === undefined || following.start - segment.end > JOIN_MS || slot.passed === following.item) return
    void this.loader.follow(slot, following)
    if (this.clock.moving) setTimeout(() => this.tick(performance.now()), (segment.end - at) / this.clock.rate)
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
      const near = skims ? CLOSE_MS : this.clock.moving ? BEGIN_MS : 5
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
      this.loader.set(slot, 'ready')
      return false
    }
    slot.lateSince ??= perf
    const late = perf - slot.lateSince > PATIENCE_MS
    this.loader.set(slot, late ? 'late' : slot.standing === 'ready' ? 'ready' : 'loading')
    return (late || this.settling) && this.clock.rate < SKIM_RATE
  }
}
