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
/** Below this a video is left alone: two of them are then less than 20 ms apart. */
export const CLOSE_MS = 8
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
    return this.running && !this.held ? this.caseMs + (perf - this.perfMs) * this.speed : this.caseMs
  }

  get playing(): boolean {
    return this.running
  }

  get waiting(): boolean {
    return this.held
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

/**
 * What to do with a video that is `errorMs` ahead of the clock (media.currentTime − clock): far off
 * it jumps; a little off it runs up to half as fast or half as fast again; else as fast as the clock.
 */
export function correction(errorMs: number, rate: number): Correction {
  if (Math.abs(errorMs) > JUMP_MS * Math.max(1, rate)) return { jump: true, rate }
  if (Math.abs(errorMs) <= CLOSE_MS) return { jump: false, rate }
  const led = rate * (1 - errorMs / 500)
  return { jump: false, rate: Math.min(rate * 1.5, Math.max(rate * 0.5, led)) }
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
