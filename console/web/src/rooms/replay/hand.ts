/**
 * Where the hand wants to be, passed on as fast as pictures can follow.
 *
 * A click goes at the next frame of the screen.  A drag goes when the pictures of before are there
 * and a breath later: four decoders that are never idle would leave the page no time to draw.
 */
export const BREATH_MS = 100
/** So long a picture that does not come is waited for. */
const PATIENCE_MS = 1000
/** After the last move of a drag pictures stand for so long. */
const REST_MS = 300

export class Hand {
  private goal = 0
  private frame = 0
  private timer: ReturnType<typeof setTimeout> | null = null
  private since = 0

  constructor(
    private readonly go: (at: number, restMs: number) => void,
    private readonly busy: () => boolean,
  ) {}

  /** Whether it wants to be where the pictures were not sent yet. */
  get waiting(): boolean {
    return this.frame !== 0 || this.timer !== null
  }

  to(at: number, dragging: boolean): void {
    this.goal = at
    if (this.frame !== 0) return
    if (dragging) {
      if (this.timer !== null) return
      this.since = performance.now()
      this.later()
      return
    }
    this.forget()
    this.frame = requestAnimationFrame(() => {
      this.frame = 0
      this.go(this.goal, 0)
    })
  }

  /** Nobody is there any more. */
  stop(): void {
    this.forget()
    cancelAnimationFrame(this.frame)
    this.frame = 0
  }

  private forget(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private later(): void {
    this.timer = setTimeout(() => {
      if (this.busy() && performance.now() - this.since < PATIENCE_MS) return this.later()
      this.timer = null
      this.go(this.goal, REST_MS)
    }, BREATH_MS)
  }
}
