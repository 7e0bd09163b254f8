/** The numbers and lines of the desk, from what the API says. */
import type { Schemas } from '@/api/client'

export interface Open {
  rule: string
  matter: string
  text: string
  start: string
  asked: boolean
}

/** What of a case must be recorded, is due, and is neither there nor explained. */
export function toExplain(verdicts: readonly Schemas['Verdict'][]): Open[] {
  return verdicts
    .filter((one) => one.must && one.due && (one.verdict === 'partial' || one.verdict === 'missing'))
    .flatMap((one): Open[] => {
      const holes = one.holes.filter((hole) => hole.state === 'unexplained')
      if (holes.length === 0) return one.verdict === 'missing' ? [{ rule: one.rule, matter: one.matter, text: one.text, start: one.required?.[0] ?? '', asked: false }] : []
      return [{ rule: one.rule, matter: one.matter, text: one.text, start: holes[0]?.start ?? '', asked: holes.every((hole) => hole.asked) }]
    })
}

type Upcoming = { case: { id: string }; deadlines: { due: string | null; overdue: boolean }[] }
const SOON_MS = 3 * 86_400_000

/** Whether a deadline asks for attention: over, or over within three days. */
export const pressing = (one: { due: string | null; overdue: boolean }, now: number): boolean => one.overdue || (one.due !== null && Date.parse(one.due) - now < SOON_MS)

/** Cases with a deadline first, the nearest before; the others stay in their order. */
export function byDeadline<T extends Upcoming>(rows: readonly T[]): T[] {
  const first = (row: T): number => Math.min(...row.deadlines.map((one) => (one.due === null ? Infinity : Date.parse(one.due))), Infinity)
  return rows.map((row, n) => ({ row, n, at: first(row) })).sort((a, b) => (a.at === b.at ? a.n - b.n : a.at - b.at)).map(({ row }) => row)
}

/** `+3.2 s`: by how much a device's clock is ahead, or behind. */
export const seconds = (ms: number): string => `${ms < 0 ? '−' : '+'}${(Math.abs(ms) / 1000).toFixed(1)} s`
