/** Counts and rates of units, as the desk shows them. */
import type { Schemas } from '@/api/client'

export type Rates = Schemas['Rates']
export type Counts = Schemas['Counts']
export const RATES = ['on_time', 'linked', 'linked_in_time', 'coverage'] as const
export const COUNTS = ['received', 'late', 'link_overdue', 'opened', 'filed', 'holes'] as const
export type Rate = (typeof RATES)[number]

/** `96.4 %`; a dash where there is nothing to divide by. Never 100 where something is lacking. */
export function percent(rate: number | null): string {
  if (rate === null) return '—'
  const shown = Math.min(Math.round(rate * 1000) / 10, rate < 1 ? 99.9 : 100)
  return `${Number.isInteger(shown) ? shown : shown.toFixed(1)} %`
}

/** What a curve has at each period, in percent; null leaves a gap in it. */
export const curve = (periods: readonly { rates: Rates }[], rate: Rate): (number | null)[] =>
  periods.map(({ rates }) => (rates[rate] === null ? null : Math.round((rates[rate] ?? 0) * 1000) / 10))

export interface UnitRow {
  key: string
  organ: string
  unit: string | null
  id: string | null
  depth: number
  counts: Counts
  rates: Rates
}
type Said = { organ: { id: string; name: string } | null; unit: { id: string; name: string } | null; parent: string | null; counts: Counts; rates: Rates }

/** Units below the one they are part of, in the order of the answer. */
export function asTree(units: readonly Said[]): UnitRow[] {
  const known = new Set(units.map((one) => one.unit?.id))
  const below = new Map<string, Said[]>()
  for (const one of units) {
    const above = one.parent !== null && known.has(one.parent) ? one.parent : ''
    below.set(above, [...(below.get(above) ?? []), one])
  }
  const found: UnitRow[] = []
  const walk = (above: string, depth: number): void => {
    for (const one of below.get(above) ?? []) {
      const id = one.unit?.id ?? null
      found.push({ key: `${one.organ?.id ?? ''}/${id ?? ''}`, organ: one.organ?.name ?? '', unit: one.unit?.name ?? null, id, depth, counts: one.counts, rates: one.rates })
      if (id !== null) walk(id, depth + 1)
    }
  }
  walk('', 0)
  return found
}

/** Monday of the week in which an instant falls, in a zone: `2026-11-23`. */
export function monday(now: number, zone: string): string {
  const day = new Date(`${new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(now)}T12:00:00Z`)
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7))
  return day.toISOString().slice(0, 10)
}

/** So many weeks before, from a Monday. */
export function weeksBefore(monday_: string, weeks: number): string {
  const day = new Date(`${monday_}T12:00:00Z`)
  day.setUTCDate(day.getUTCDate() - 7 * weeks)
  return day.toISOString().slice(0, 10)
}
