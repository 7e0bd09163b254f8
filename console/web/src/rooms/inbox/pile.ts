/**
 * The pile of recordings that wait, and the hand that works on it.
 *
 * Pure: every function gives a new pile.  The hand lies on a line: a group, a recording of an
 * opened group, or a single recording.  The focus stays where the eye is: when lines go, the next
 * one comes up under the hand.
 */
import type { Schemas } from '@/api/client'
import { grouped, isGroup, shared, type Group, type Row } from './groups'

export type { Row }

export interface Line {
  id: string
  /** What a key on this line works on: one recording, or all of the group. */
  rows: readonly Row[]
  /** The group that this line heads. */
  group: Group | null
  opened: boolean
  /** The group that this line stands in. */
  within: Group | null
}

export interface Pile {
  rows: readonly Row[]
  lines: readonly Line[]
  focus: number
  selected: ReadonlySet<string>
  /** Recordings whose groups are opened. */
  opened: ReadonlySet<string>
  /** Which case a person chose for a row, where it is not the first proposal. */
  chosen: ReadonlyMap<string, string>
  /** What the server said of a row that it refused. */
  refused: ReadonlyMap<string, string>
  /** Rows that are being sent. */
  busy: ReadonlySet<string>
  done: number
}

export const EMPTY: Pile = {
  rows: [], lines: [], focus: 0, selected: new Set(), opened: new Set(), chosen: new Map(), refused: new Map(), busy: new Set(), done: 0,
}

const without = <T>(all: ReadonlySet<T>, gone: { has: (one: T) => boolean }): Set<T> => new Set([...all].filter((one) => !gone.has(one)))

function linesOf(rows: readonly Row[], opened: ReadonlySet<string>): Line[] {
  return grouped(rows).flatMap((one): Line[] => {
    if (!isGroup(one)) return [{ id: one.id, rows: [one], group: null, opened: false, within: null }]
    const open = one.rows.some((row) => opened.has(row.id))
    const head: Line = { id: `g${one.id}`, rows: one.rows, group: one, opened: open, within: null }
    return open ? [head, ...one.rows.map((row): Line => ({ id: row.id, rows: [row], group: null, opened: false, within: one }))] : [head]
  })
}

/** The same pile with other rows or opened groups; the hand stays, or goes to what comes next. */
function relined(pile: Pile, change: Partial<Pile>): Pile {
  const next = { ...pile, ...change }
  const lines = linesOf(next.rows, next.opened)
  const places = new Map(lines.map((line, at) => [line.id, at]))
  const after = pile.lines.slice(pile.focus).find((line) => places.has(line.id))
  const before = pile.lines.slice(0, pile.focus).findLast((line) => places.has(line.id))
  return { ...next, lines, focus: places.get(after?.id ?? before?.id ?? '') ?? 0 }
}

/** More rows at the end; those that are there already are not doubled. */
export function append(pile: Pile, rows: readonly Row[]): Pile {
  const known = new Set(pile.rows.map((row) => row.id))
  return relined(pile, { rows: [...pile.rows, ...rows.filter((row) => !known.has(row.id))] })
}

/** The line under the hand. */
export const under = (pile: Pile): Line | undefined => pile.lines[pile.focus]

export function move(pile: Pile, by: number, extend = false): Pile {
  const focus = Math.max(0, Math.min(pile.lines.length - 1, pile.focus + by))
  if (!extend) return focus === pile.focus ? pile : { ...pile, focus }
  const selected = new Set(pile.selected)
  for (const at of [pile.focus, focus]) for (const row of pile.lines[at]?.rows ?? []) selected.add(row.id)
  return { ...pile, focus, selected }
}

export function focusOn(pile: Pile, line: string): Pile {
  const at = pile.lines.findIndex((one) => one.id === line)
  return at < 0 || at === pile.focus ? pile : { ...pile, focus: at }
}

/** Whether all, some or none of these are selected. */
export function selection(pile: Pile, rows: readonly Row[]): 'all' | 'some' | 'none' {
  const n = rows.filter((row) => pile.selected.has(row.id)).length
  return n === 0 ? 'none' : n === rows.length ? 'all' : 'some'
}

/** Select these, or let them go if all of them are. */
export function toggle(pile: Pile, rows: readonly Row[]): Pile {
  const selected = new Set(pile.selected)
  const all = selection(pile, rows) === 'all'
  for (const row of rows) {
    if (all) selected.delete(row.id)
    else selected.add(row.id)
  }
  return { ...pile, selected }
}

/** Select all that one confirmation may do, or nothing if all of them are. */
export function toggleConfident(pile: Pile): Pile {
  const sure = pile.rows.filter((row) => row.confident)
  return { ...pile, selected: new Set(sure.length > 0 && selection(pile, sure) === 'all' ? [] : sure.map((row) => row.id)) }
}

/** Open or close the group under the hand; from within one, its head comes under the hand. */
export function open(pile: Pile, wanted: boolean): Pile {
  const line = under(pile)
  const group = line?.group ?? line?.within
  if (group == null || (line?.within == null && line?.opened === wanted) || (line?.within != null && wanted)) return pile
  const ids = new Set(group.rows.map((row) => row.id))
  const opened = wanted ? new Set([...pile.opened, ...ids]) : without(pile.opened, ids)
  return focusOn(relined(pile, { opened }), `g${group.id}`)
}

/** A person says which of the proposed cases it is: of those that all these rows have. */
export function choose(pile: Pile, rows: readonly Row[], place: number): Pile {
  const found = shared(rows)[place]
  return found === undefined ? pile : { ...pile, chosen: new Map([...pile.chosen, ...rows.map((row) => [row.id, found.case] as const)]) }
}

/** The proposal that a confirmation of the row means; undefined: there is none. */
export function proposalOf(pile: Pile, row: Row): Schemas['ProposedCase'] | undefined {
  const chosen = pile.chosen.get(row.id)
  return (chosen === undefined ? undefined : row.proposals.find((one) => one.case === chosen)) ?? row.proposals[0]
}

/** What one key or button works on: what is selected, else what is under the hand. */
export function target(pile: Pile): readonly Row[] {
  const selected = pile.rows.filter((row) => pile.selected.has(row.id))
  return selected.length > 0 ? selected : (under(pile)?.rows ?? [])
}

export const sending = (pile: Pile, ids: Iterable<string>): Pile => ({ ...pile, busy: new Set([...pile.busy, ...ids]) })

/** These rows are filed: they go, and the next line is under the hand. */
export function filed(pile: Pile, ids: Iterable<string>): Pile {
  const gone = new Set(ids)
  return relined(pile, {
    rows: pile.rows.filter((row) => !gone.has(row.id)),
    selected: without(pile.selected, gone),
    opened: without(pile.opened, gone),
    busy: without(pile.busy, gone),
    refused: new Map([...pile.refused].filter(([id]) => !gone.has(id))),
    done: pile.done + gone.size,
  })
}

/** These rows were refused by the server: they stay, in sight, with what it said. */
export function failed(pile: Pile, told: ReadonlyMap<string, string>): Pile {
  if (told.size === 0) return pile
  return relined(pile, {
    refused: new Map([...pile.refused, ...told]),
    opened: new Set([...pile.opened, ...told.keys()]),
    busy: without(pile.busy, told),
    selected: without(pile.selected, told),
  })
}

/** Rows that came back (undone): where the hand is, and under it unless it is to stay. */
export function restored(pile: Pile, rows: readonly Row[], stay = false): Pile {
  const fresh = rows.filter((row) => !pile.rows.some((one) => one.id === row.id))
  const first = fresh[0]
  if (first === undefined) return pile
  const anchor = under(pile)?.rows[0]
  const at = anchor === undefined ? pile.rows.length : pile.rows.indexOf(anchor)
  const next = relined(pile, { rows: [...pile.rows.slice(0, at), ...fresh, ...pile.rows.slice(at)], done: Math.max(0, pile.done - fresh.length) })
  if (stay && anchor !== undefined) return focusOn(next, next.lines.find((line) => line.rows.includes(anchor))?.id ?? '')
  return focusOn(next, next.lines.find((line) => line.rows.includes(first))?.id ?? '')
}

/** The rows without this case among their proposals: it was said not to be of it. */
export function refusedCase(pile: Pile, ids: ReadonlySet<string>, caseId: string): Pile {
  const rows = pile.rows.map((row) => {
    if (!ids.has(row.id)) return row
    const proposals = row.proposals.filter((one) => one.case !== caseId)
    return { ...row, proposals, confident: row.confident && proposals[0]?.confident === true }
  })
  return relined(pile, { rows, chosen: new Map([...pile.chosen].filter(([id]) => !ids.has(id))), busy: without(pile.busy, ids) })
}
