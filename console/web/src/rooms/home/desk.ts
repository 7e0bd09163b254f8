/** The numbers and lines of the desk, from what the API says. */
import type { Schemas } from '@/api/client'

/** `20+` where there is a further page. */
export const counted = (n: number, next: unknown): string => (next === null || next === undefined ? String(n) : `${n}+`)

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
