/**
 * What a track shows next, made ready behind what it shows now: the file that follows, or the whole
 * copy of a conversion that was watched in pieces.
 *
 * Promised: it is neither seen nor heard before it takes the place, and stands at its frame by then.
 */
import type { Segment } from './lanes'

/** So far ahead of the clock it is set, to be there in time. */
const AHEAD_MS = 700
/** Past this it comes too late and is set anew. */
const MISSED_MS = 300

export class Understudy {
  readonly element: HTMLMediaElement
  /** The case time at which its frame stands. */
  private at: number

  constructor(
    readonly segment: Segment,
    readonly url: string,
    readonly like: HTMLMediaElement,
    now: number,
    moving: boolean,
    rate: number,
  ) {
    this.element = document.createElement(like.localName) as HTMLMediaElement
    for (const name of ['class', 'aria-label', 'playsinline', 'disablepictureinpicture']) {
      const value = like.getAttribute(name)
      if (value !== null) this.element.setAttribute(name, value)
    }
    this.element.muted = true
    this.element.preload = 'auto'
    this.element.src = url
    this.at = this.aim(now, moving, rate)
  }

  private aim(now: number, moving: boolean, rate: number): number {
    this.at = Math.max(this.segment.start, now + (moving ? AHEAD_MS * rate : 0))
    this.element.currentTime = (this.at - this.segment.start) / 1000
    return this.at
  }

  private ready(moving: boolean): boolean {
    return this.element.readyState >= (moving ? HTMLMediaElement.HAVE_FUTURE_DATA : HTMLMediaElement.HAVE_CURRENT_DATA) && !this.element.seeking
  }

  /** Whether it takes the place now; in how many milliseconds else (of the person's time, null: not known yet). */
  due(now: number, moving: boolean, rate: number): { now: boolean; in: number | null } {
    const left = this.at - now
    if (!this.ready(moving)) return { now: false, in: null }
    if (!moving) {
      if (Math.abs(left) < 5) return { now: true, in: null }
    } else if (left <= 5 && left > -MISSED_MS * rate) return { now: true, in: null }
    else if (left > 0 && left <= AHEAD_MS * 2 * rate) return { now: false, in: left / rate }
    this.aim(now, moving, rate)
    return { now: false, in: null }
  }

  /** It takes the place of what was seen. */
  enter(): void {
    this.like.replaceWith(this.element)
  }

  drop(): void {
    this.element.removeAttribute('src')
    this.element.load()
  }
}
