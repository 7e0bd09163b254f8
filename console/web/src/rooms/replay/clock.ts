/**
 * The one clock of a replay: case time, run by the browser's monotonic clock.
 *
 * Promised: reading it never changes it; while it is held (a camera is late) it stands still and
 * goes on where it stood.  Times are case milliseconds; `perf` is `performance.now()`.
 */

export const RATES = [0.25, 0.5, 1, 1.5, 2, 4, 8, 16] as const
/** Above this one hears nothing: sound would be noise. */
export const LOUDEST_RATE = 2
/** From here on a video is set anew instead of being led. */
export const JUMP_MS = 500
/** Within this a video is left alone: two of them are then less than 20 ms apart. */
export const CLOSE_MS = 9
/** A video that is led is led until it is so near: to begin to lead costs 20 ms (see `Leader`). */
export const SETTLED_MS = 2
/** A camera that shows nothing for so long stops all others. */
export const PATIENCE_MS = 300

export class SyncClock {
  private caseMs: number
  private perfMs: number
  private running = false
  private held = false
  private speed = 1

  constructor(at: number, perf: number) {
    this.caseMs = at
    this.perfMs = perf
  }

  now(perf: number): number {
    return this.moving ? this.caseMs + (perf - this.perfMs) * this.speed : this.caseMs
  }

  get playing(): boolean {
    return this.running
  }

  get waiting(): boolean {
    return this.held
  }

  /** Whether it runs as the person wants it to. */
  get moving(): boolean {
    return this.running && !this.held
  }

  get rate(): number {
    return this.speed
  }

  private settle(perf: number): void {
    this.caseMs = this.now(perf)
    this.perfMs = perf
  }

  play(perf: number): void {
    this.settle(perf)
    this.running = true
  }

  pause(perf: number): void {
    this.settle(perf)
    this.running = false
  }

  seek(at: number, perf: number): void {
    this.caseMs = at
    this.perfMs = perf
  }

  setRate(rate: number, perf: number): void {
    this.settle(perf)
    this.speed = rate
  }

  /** Stand still (or go on) because of a camera, whatever the person wants. */
  hold(held: boolean, perf: number): void {
    if (held === this.held) return
    this.settle(perf)
    this.held = held
  }
}

export interface Correction {
  /** Set the video to the clock. */
  jump: boolean
  /** The rate that leads it there. */
  rate: number
}

/** How many readings count: a page that is busy reads late, and then once. */
const READINGS = 3

/**
 * Decides what to do with one video that is some milliseconds ahead of the clock
 * (media.currentTime − clock): far off it jumps; off by more than `CLOSE_MS` in the middle one of
 * its last readings it runs up to half as fast or half as fast again, until it is within
 * `SETTLED_MS`; else as fast as the clock.
 *
 * Chromium falls back by 20 ms when a rate leaves 1 (its sound goes through another filter from
 * then on), not when it changes or comes back: so it is seldom begun and brought to its end.
 */
export class Leader {
  private readings: number[] = []
  private leading = false

  /** The video was set anew, or is another: what was read before says nothing. */
  forget(): void {
    this.readings = []
    this.leading = false
  }

  read(errorMs: number): void {
    this.readings = [...this.readings.slice(1 - READINGS), errorMs]
  }

  /** How far it is ahead, whatever one late reading said; null: too few were read, or it is being led. */
  get steady(): number | null {
    return this.leading || this.readings.length < READINGS ? null : percentile(this.readings, 0.5)
  }

  /** What to do now that it was read. */
  next(rate: number): Correction {
    const last = this.readings.at(-1) ?? 0
    if (Math.abs(last) > JUMP_MS * Math.max(1, rate)) {
      this.forget()
      return { jump: true, rate }
    }
    const error = this.leading ? last : (this.steady ?? 0)
    this.leading = Math.abs(error) > (this.leading ? SETTLED_MS : CLOSE_MS)
    if (!this.leading) return { jump: false, rate }
    const led = rate * (1 - error / 500)
    return { jump: false, rate: Math.min(rate * 1.5, Math.max(rate * 0.5, led)) }
  }
}

/**
 * By how much the clock should go on (or back) instead of all videos: what they are off together,
 * where they agree with one another.  0: they do not agree, or are close to it.
 */
export function shared(errors: readonly (number | null)[]): number {
  const known = errors.filter((one) => one !== null)
  if (known.length < errors.length || known.length === 0) return 0
  const middle = (Math.min(...known) + Math.max(...known)) / 2
  const agree = known.every((one) => Math.abs(one - middle) <= CLOSE_MS)
  return agree && Math.abs(middle) > CLOSE_MS && Math.abs(middle) <= JUMP_MS ? middle : 0
}

/** The next faster or slower rate. */
export function stepRate(rate: number, by: 1 | -1): number {
  const at = RATES.findIndex((one) => one >= rate)
  return RATES[Math.min(RATES.length - 1, Math.max(0, (at < 0 ? RATES.length - 1 : at) + by))] ?? 1
}

/** The value below which `share` of the numbers lie (0..1); NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}
