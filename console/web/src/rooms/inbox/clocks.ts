/** How long is left of a clock, in words of a sentence key and its number. */

export interface Left {
  key: 'over' | 'minutes' | 'hours' | 'days'
  n: number
}

/** From now until `due`: minutes below two hours, hours below two days, else days; rounded down. */
export function left(due: number, now: number): Left {
  const ms = due - now
  if (ms < 0) return { key: 'over', n: Math.floor(-ms / 3_600_000) }
  if (ms < 7_200_000) return { key: 'minutes', n: Math.floor(ms / 60_000) }
  if (ms < 172_800_000) return { key: 'hours', n: Math.floor(ms / 3_600_000) }
  return { key: 'days', n: Math.floor(ms / 86_400_000) }
}
