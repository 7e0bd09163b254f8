/** How long is left of a clock, and by which term it runs, as sentence keys with their number. */

export interface Left {
  key: 'over.minutes' | 'over.hours' | 'over.days' | 'minutes' | 'hours' | 'days'
  n: number
}

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]

/** A length in the unit that one plans in: minutes below two hours, hours below two days, else days; rounded down. */
function inUnits(ms: number): { unit: 'minutes' | 'hours' | 'days'; n: number } {
  if (ms < 2 * HOUR) return { unit: 'minutes', n: Math.floor(ms / MINUTE) }
  if (ms < 2 * DAY) return { unit: 'hours', n: Math.floor(ms / HOUR) }
  return { unit: 'days', n: Math.floor(ms / DAY) }
}

/** From now until `due`, or since it. */
export function left(due: number, now: number): Left {
  const { unit, n } = inUnits(Math.abs(due - now))
  return { key: due < now ? `over.${unit}` : unit, n }
}

export interface Term {
  key: 'same_day' | 'hours' | 'days' | 'working_days'
  n: number
}

/** A term as policies write it: `0d` is the same day, `24h`, `7d`, `2wd`.  Null: it is none of these. */
export function term(text: string | null): Term | null {
  const found = /^(\d+)(h|d|wd)/.exec(text ?? '')
  if (found === null) return null
  const n = Number(found[1])
  if (n === 0) return { key: 'same_day', n }
  return { key: found[2] === 'h' ? 'hours' : found[2] === 'd' ? 'days' : 'working_days', n }
}
