/** What the case page knows of a case, and the pure parts of how it is shown. */
import type { Schemas } from '@/api/client'

export type Verdict = Schemas['Verdict'] & { methods?: string[]; stage_category?: string | null }
export type Hole = Schemas['Hole']
export type LinkedItem = Schemas['Item'] & { stage: string | null; reason: string; linked_index: number; attribution: Schemas['Attribution'] | null; late: Schemas['MaybeLate'] }
export type CaseData = Schemas['Case'] &
  Omit<Schemas['CasePlaced'], 'procedure' | 'place'> &
  Schemas['CaseCourse'] & {
    procedure: Schemas['ProcedureName'] | null
    place: { text?: string; lat_e7?: number; lon_e7?: number } | null
    items: LinkedItem[]
    item_count: number
    next: string | null
  }

export type Coverage = { verdicts: Schemas['Verdict'][]; rules: string[]; policy: string }

/** The acts of the page, each with its dialog. */
export type Act =
  | { kind: 'point'; old?: Schemas['CasePoint'] }
  | { kind: 'stage'; way?: string; fact?: boolean }
  | { kind: 'document'; fact?: boolean }
  | { kind: 'hole'; verdict: Verdict; hole: Hole | null }
  | { kind: 'file' }
  | { kind: 'change' }
  | { kind: 'link' }

/** Recordings on one page of a case. */
export const PAGE = 50

/** What a verdict looks like; the word beside it says it.  What is explained is no fault any more. */
export function kindOf(verdict: Verdict): 'good' | 'wait' | 'bad' | 'plain' {
  if (verdict.verdict === 'complete') return 'good'
  if (verdict.verdict === 'exempt') return 'plain'
  if (!verdict.due || verdict.verdict === 'unjudgeable') return 'wait'
  return open([verdict]).length > 0 ? 'bad' : 'wait'
}

/** Holes that ask for something: longer than the threshold. */
export const shownHoles = (verdict: Verdict): Hole[] => verdict.holes.filter((hole) => hole.state !== 'below_threshold')

/** Whether an explanation may be written for this hole now. */
export const explainable = (hole: Hole): boolean => hole.state === 'unexplained' && !hole.asked

/** What keeps a case from being filed without a leader's name. */
export const open = (verdicts: readonly Verdict[]): Verdict[] =>
  verdicts.filter(
    (v) =>
      v.must && v.due &&
      (v.verdict === 'missing' || v.verdict === 'unjudgeable' ||
        (v.verdict === 'partial' && (v.holes.some((hole) => hole.state === 'unexplained') || v.reasons.some((one) => one.startsWith('method_missing'))))),
  )

/** What lacks something first, else in the order of the rules. */
export function lackingFirst(verdicts: readonly Verdict[]): Verdict[] {
  const lacking = new Set(open(verdicts))
  return [...verdicts.filter((one) => lacking.has(one)), ...verdicts.filter((one) => !lacking.has(one))]
}

export interface Count {
  complete: number
  open: number
  other: number
}

/** How many rules stand how: for the head of the page. */
export function counted(verdicts: readonly Verdict[]): Count {
  const complete = verdicts.filter((v) => v.verdict === 'complete' || v.verdict === 'exempt').length
  const lacking = open(verdicts).length
  return { complete, open: lacking, other: verdicts.length - complete - lacking }
}

/** Where the replay begins for something that happened at `at`: a little before. */
export const replayAt = (id: string, at: string, beforeMs = 5000): string =>
  `/cases/${id}/replay?at=${encodeURIComponent(new Date(Date.parse(at) - beforeMs).toISOString())}`

/**
 * Names, one a line, or with commas or semicolons of either writing between.  A line that is one of
 * `known` stays whole, and so does the comma of "Example Co., Ltd.".
 */
export function listed(text: string, known: readonly string[] = []): string[] {
  const parts = text.split('\n').flatMap((line) => (known.includes(line.trim()) ? [line] : line.split(/[、，;；]|,(?!\s*[A-Za-z])/)))
  return [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ''))]
}

export const sameList = (one: readonly string[], other: readonly string[]): boolean => one.length === other.length && one.every((part, at) => part === other[at])

/** What the state of a recording looks like; the word beside it says it. */
export const stateKind = (name: string): 'good' | 'wait' | 'bad' => (name === 'playable' || name === 'sealed' ? 'good' : name === 'unplayable' ? 'bad' : 'wait')

/** Arrow keys walk from row to row along these links; Enter opens the one that is focused. */
export function walkRows(event: KeyboardEvent, selector: string): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step === undefined) return
  const links = [...document.querySelectorAll<HTMLElement>(selector)]
  const at = links.indexOf((event.target as HTMLElement).closest('tr')?.querySelector<HTMLElement>('a') ?? (document.activeElement as HTMLElement))
  const next = links[Math.min(Math.max(at + step, 0), links.length - 1)]
  if (next !== undefined) {
    event.preventDefault()
    next.focus()
  }
}
