/**
 * Brings recordings into the slots of a replay: granted first, then the copy, or the pieces of a
 * conversion while it runs; and makes ready what comes next.
 *
 * Promised: no recording is asked for before its view was granted, and a view ends when nothing
 * shows it any more.  What an older loading of a slot learns no longer counts.
 */
import { api, ask, asProblem, fetched, type Schemas } from '@/api/client'
import type { SyncClock } from './clock'
import type { Grants } from './grants'
import type { Segment } from './lanes'
import { watch, type Inner, type Standing } from './slot'
import { Understudy } from './understudy'

/** A conversion is asked about often at first: its begin may be there in a moment. */
const POLL_MS = 2000
const POLL_FIRST_MS = 400
const FIRST_ASKS = 12
/** What fails again within this is told; once it is loaded anew without a word. */
const AGAIN_MS = 10_000
/** What could not be loaded because nobody answered is asked for again. */
const BACK_MS = 3000

/** What the engine is told. */
interface Told {
  /** Something is to be shown. */
  changed: () => void
  /** A picture stands otherwise than before: look at once. */
  tick: () => void
  /** Another element plays: who is heard is settled anew. */
  hear: () => void
}

export class Loader {
  constructor(
    private readonly slots: readonly Inner[],
    private readonly clock: SyncClock,
    private readonly grants: Grants,
    private readonly told: Told,
  ) {}

  async load(slot: Inner, segment: Segment): Promise<void> {
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
      this.told.changed()
    }
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
    this.told.changed()
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
    this.told.changed()
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
    this.told.changed()
  }

  private endLive(slot: Inner): void {
    slot.hls?.destroy()
    slot.hls = null
    if (slot.live && slot.loaded !== null) this.grants.leave(slot.loaded, ['pieces'])
    slot.live = slot.ended = false
    slot.asks = 0
  }

  /** What is shown next stands behind what is shown now, and takes its place in `lead`. */
  private makeReady(slot: Inner, segment: Segment, url: string): void {
    this.dismiss(slot)
    slot.next = new Understudy(segment, url, slot.element, this.clock.now(performance.now()), this.clock.moving, this.clock.rate)
    this.hearken(slot, slot.next.element)
  }

  /** Make the file ready that follows this one; if it does not play yet, let that begin. */
  async follow(slot: Inner, segment: Segment): Promise<void> {
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
  enter(slot: Inner, next: Understudy): void {
    const { element } = slot
    slot.next = null
    next.enter()
    slot.element = next.element
    slot.wanted = next.segment.item
    slot.progress = null
    this.begin(slot)
    this.endLive(slot)
    this.told.hear()
    element.pause()
    element.removeAttribute('src')
    element.load()
    this.took(slot, next.segment.item)
  }

  /** Follow what an element does for as long as it is the slot's. */
  hearken(slot: Inner, element: HTMLMediaElement): void {
    const failed = (): void => {
      if (slot.element === element && slot.loaded !== null && element.error !== null) this.failed(slot, slot.loaded)
    }
    const soon = (): void => this.told.tick()
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
    this.told.changed()
  }

  unload(slot: Inner): void {
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

  set(slot: Inner, standing: Standing): void {
    if (slot.standing === standing) return
    slot.standing = standing
    this.told.changed()
  }
}
