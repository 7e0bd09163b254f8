/**
 * Recordings that belong together: the same first proposal, the same device and person, one after
 * another in time.  A group is confirmed by one key.
 *
 * Pure.  A recording without a proposal or a time stands alone; so does what another recording of
 * the same device with another proposal parts from its like.
 */
import { millis } from '@/common/format'
import type { Schemas } from '@/api/client'

export type Row = Schemas['InboxRow']

export interface Group {
  /** Of the row that stands first in the list: more rows at its end do not change it. */
  id: string
  /** In order of their times; two at least. */
  rows: readonly Row[]
}

/** One visit has pauses; what comes later is another one. */
export const PAUSE_MS = 2 * 3_600_000

/** Whose recordings are looked at one after another; null: nobody can say what comes after what. */
function track(row: Row): string | null {
  const said = row.attribution
  if (said?.start == null || row.proposals[0] === undefined) return null
  return `${said.device?.id ?? row.source.id} ${said.person?.id ?? ''}`
}

const like = (one: Row, other: Row): boolean =>
  one.proposals[0]?.case === other.proposals[0]?.case && one.proposals[0]?.confident === other.proposals[0]?.confident

const begins = (row: Row): number => millis(row.attribution?.start ?? '')
const ends = (row: Row): number => millis(row.attribution?.end ?? row.attribution?.start ?? '')

/** The rows as they are shown: groups where their first row stands, and single rows. */
export function grouped(rows: readonly Row[]): (Row | Group)[] {
  const tracks = new Map<string, Row[]>()
  for (const row of rows) {
    const key = track(row)
    if (key === null) continue
    const found = tracks.get(key)
    if (found === undefined) tracks.set(key, [row])
    else found.push(row)
  }
  const runs = new Map<string, Row[]>()
  for (const all of tracks.values()) {
    let run: Row[] = []
    let end = 0
    for (const row of all.sort((a, b) => begins(a) - begins(b))) {
      const last = run[run.length - 1]
      if (last === undefined || !like(last, row) || begins(row) - end > PAUSE_MS) run = []
      end = Math.max(run.length === 0 ? 0 : end, ends(row))
      run.push(row)
      runs.set(row.id, run)
    }
  }
  const shown: (Row | Group)[] = []
  const seen = new Set<Row[]>()
  for (const row of rows) {
    const run = runs.get(row.id)
    if (run === undefined || run.length < 2) shown.push(row)
    else if (!seen.has(run)) {
      seen.add(run)
      shown.push({ id: row.id, rows: run })
    }
  }
  return shown
}

export const isGroup = (one: Row | Group): one is Group => 'rows' in one

/** The cases that are proposed for every one of them, in the order of the first. */
export const shared = (rows: readonly Row[]): Schemas['ProposedCase'][] =>
  (rows[0]?.proposals ?? []).filter((one) => rows.every((row) => row.proposals.some((other) => other.case === one.case)))

export interface Span {
  start: string | null
  end: string | null
}

/** From the first begin to the last end. */
export function span(rows: readonly Row[]): Span {
  const starts = rows.flatMap((row) => row.attribution?.start ?? [])
  const stops = rows.flatMap((row) => row.attribution?.end ?? row.attribution?.start ?? [])
  return { start: starts.sort()[0] ?? null, end: stops.sort().at(-1) ?? null }
}

export interface Counted {
  code: string
  text: string
  n: number
}

/** The marks of all of them, each once, with how many bear it. */
export function marks(rows: readonly Row[]): Counted[] {
  const found = new Map<string, Counted>()
  for (const row of rows) {
    for (const mark of row.attribution?.marks ?? []) {
      const known = found.get(mark.code)
      if (known === undefined) found.set(mark.code, { ...mark, n: 1 })
      else known.n += 1
    }
  }
  return [...found.values()]
}
