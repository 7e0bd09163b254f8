/**
 * The pile of recordings that wait, and the hand that works on it.
 *
 * Pure: every function gives a new pile.  The focus stays where the eye is: when a row goes, the
 * next one comes up under the hand.
 */
import type { Schemas } from '@/api/client'

export type Row = Schemas['InboxRow']

export interface Pile {
  rows: readonly Row[]
  focus: number
  selected: ReadonlySet<string>
  /** Which proposal a person chose for a row, where it is not the first. */
  chosen: ReadonlyMap<string, number>
  /** What the server said of a row that it refused. */
  refused: ReadonlyMap<string, string>
  /** Rows that are being sent. */
  busy: ReadonlySet<string>
  done: number
}

export const EMPTY: Pile = { rows: [], focus: 0, selected: new Set(), chosen: new Map(), refused: new Map(), busy: new Set(), done: 0 }

const inside = (pile: Pile, focus: number): number => Math.max(0, Math.min(pile.rows.length - 1, focus))

/** More rows at the end; those that are there already are not doubled. */
export function append(pile: Pile, rows: readonly Row[]): Pile {
  const known = new Set(pile.rows.map((row) => row.id))
  return { ...pile, rows: [...pile.rows, ...rows.filter((row) => !known.has(row.id))] }
}

export function move(pile: Pile, by: number, extend = false): Pile {
  const focus = inside(pile, pile.focus + by)
  if (!extend) return { ...pile, focus }
  const selected = new Set(pile.selected)
  for (const at of [pile.focus, focus]) {
    const row = pile.rows[at]
    if (row !== undefined) selected.add(row.id)
  }
  return { ...pile, focus, selected }
}

export const focusOn = (pile: Pile, id: string): Pile => {
  const at = pile.rows.findIndex((row) => row.id === id)
  return at < 0 ? pile : { ...pile, focus: at }
}

export function toggle(pile: Pile, id: string): Pile {
  const selected = new Set(pile.selected)
  if (!selected.delete(id)) selected.add(id)
  return { ...pile, selected }
}

/** Select all that one confirmation may do, or nothing if all of them are. */
export function toggleConfident(pile: Pile): Pile {
  const all = pile.rows.filter((row) => row.confident).map((row) => row.id)
  const whole = all.length > 0 && all.every((id) => pile.selected.has(id))
  return { ...pile, selected: new Set(whole ? [] : all) }
}

export function choose(pile: Pile, id: string, place: number): Pile {
  const row = pile.rows.find((one) => one.id === id)
  if (row === undefined || row.proposals[place] === undefined) return pile
  return { ...pile, chosen: new Map(pile.chosen).set(id, place) }
}

/** The proposal that a confirmation of the row means; undefined: there is none. */
export const proposalOf = (pile: Pile, row: Row): Schemas['ProposedCase'] | undefined => row.proposals[pile.chosen.get(row.id) ?? 0]

/** What one key or button works on: what is selected, else what is under the hand. */
export function target(pile: Pile): Row[] {
  const selected = pile.rows.filter((row) => pile.selected.has(row.id))
  const focused = pile.rows[pile.focus]
  return selected.length > 0 ? selected : focused === undefined ? [] : [focused]
}

export const sending = (pile: Pile, ids: Iterable<string>): Pile => ({ ...pile, busy: new Set([...pile.busy, ...ids]) })

/** These rows are filed: they go, and the next one is under the hand. */
export function filed(pile: Pile, ids: Iterable<string>): Pile {
  const gone = new Set(ids)
  const before = pile.rows.slice(0, pile.focus).filter((row) => gone.has(row.id)).length
  const next = {
    ...pile,
    rows: pile.rows.filter((row) => !gone.has(row.id)),
    selected: new Set([...pile.selected].filter((id) => !gone.has(id))),
    busy: new Set([...pile.busy].filter((id) => !gone.has(id))),
    refused: new Map([...pile.refused].filter(([id]) => !gone.has(id))),
    done: pile.done + gone.size,
  }
  return { ...next, focus: inside(next, pile.focus - before) }
}

/** These rows were refused by the server: they stay, with what it said. */
export function failed(pile: Pile, told: ReadonlyMap<string, string>): Pile {
  return {
    ...pile,
    refused: new Map([...pile.refused, ...told]),
    busy: new Set([...pile.busy].filter((id) => !told.has(id))),
    selected: new Set([...pile.selected].filter((id) => !told.has(id))),
  }
}

/** A row that came back (undone): where the hand is. */
export function restored(pile: Pile, rows: readonly Row[]): Pile {
  const fresh = rows.filter((row) => !pile.rows.some((one) => one.id === row.id))
  const all = [...pile.rows.slice(0, pile.focus), ...fresh, ...pile.rows.slice(pile.focus)]
  return { ...pile, rows: all, done: Math.max(0, pile.done - fresh.length) }
}

/** Proposals of the row without this case: it was said not to be of it. */
export function without(pile: Pile, id: string, caseId: string): Pile {
  const rows = pile.rows.map((row) => {
    if (row.id !== id) return row
    const proposals = row.proposals.filter((one) => one.case !== caseId)
    return { ...row, proposals, confident: row.confident && proposals[0]?.confident === true }
  })
  const chosen = new Map(pile.chosen)
  chosen.delete(id)
  return { ...pile, rows, chosen, busy: new Set([...pile.busy].filter((one) => one !== id)) }
}
