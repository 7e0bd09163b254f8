/** What part of the time line is seen, and where its ticks stand.  Pure; times in case milliseconds. */

export interface View {
  from: number
  to: number
}

/** The closest one may look: a few frames. */
export const LEAST_MS = 400

export const toX = (view: View, width: number, at: number): number => ((at - view.from) / (view.to - view.from)) * width
export const toTime = (view: View, width: number, x: number): number => view.from + (x / Math.max(1, width)) * (view.to - view.from)

/** `view` moved and narrowed so that it lies within `bounds`. */
export function within(view: View, bounds: View): View {
  const whole = bounds.to - bounds.from
  const length = Math.min(whole, Math.max(Math.min(LEAST_MS, whole), view.to - view.from))
  const from = Math.min(Math.max(view.from, bounds.from), bounds.to - length)
  return { from, to: from + length }
}

/** Closer (factor < 1) or further, so that the moment `anchor` keeps its place. */
export function zoom(view: View, bounds: View, factor: number, anchor: number): View {
  const whole = bounds.to - bounds.from
  const length = Math.min(whole, Math.max(LEAST_MS, (view.to - view.from) * factor))
  const share = (anchor - view.from) / (view.to - view.from)
  return within({ from: anchor - share * length, to: anchor + (1 - share) * length }, bounds)
}

export const pan = (view: View, bounds: View, by: number): View => within({ from: view.from + by, to: view.to + by }, bounds)

/** Moved so that `at` is seen, if it is not: a page further, not jumping with every frame. */
export function follow(view: View, bounds: View, at: number): View {
  if (at >= view.from && at <= view.to) return view
  const length = view.to - view.from
  return within({ from: at - length * 0.1, to: at + length * 0.9 }, bounds)
}

const STEPS = [
  10, 20, 40, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
  3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000, 2_592_000_000,
]

/** The step between ticks that leaves at least `room` pixels for each. */
export function stepOf(view: View, width: number, room = 96): number {
  const least = ((view.to - view.from) / Math.max(1, width)) * room
  return STEPS.find((step) => step >= least) ?? STEPS[STEPS.length - 1]!
}

/** Ticks on the wall clock of the zone: `offset` is local time minus UTC there, in milliseconds. */
export function ticks(view: View, width: number, offset: number, room = 96): number[] {
  const step = stepOf(view, width, room)
  const found: number[] = []
  for (let at = Math.ceil((view.from + offset) / step) * step - offset; at <= view.to; at += step) found.push(at)
  return found
}
