/** The filter of the list of cases, as it stands in the address and in a saved search. */

import { fromField } from '@/common/format'

export interface Filter {
  text: string
  state: '' | 'open' | 'filed'
  procedure: string
  unit: string
  marked: boolean
  mine: boolean
  /** Filed in one's own name. */
  leader: boolean
  officer: string
  device: string
  place: string
  /** A deadline is over and not met. */
  overdue: boolean
  /** Something that had to be recorded is neither there nor explained. */
  hole: boolean
  sort: Sort
  /** Days of the server's zone, both included. */
  from: string
  until: string
}

export const SORTS = ['newest', 'oldest', 'number', 'number_back'] as const
export type Sort = (typeof SORTS)[number]

export const NONE: Filter = { text: '', state: '', procedure: '', unit: '', marked: false, mine: false, leader: false, officer: '', device: '', place: '', overdue: false, hole: false, sort: 'newest', from: '', until: '' }

export type Query = Record<string, string | null | (string | null)[] | undefined>

export const one = (value: Query[string]): string => (Array.isArray(value) ? (value[0] ?? '') : (value ?? ''))

export const ID = /^[0-9a-f]{32}$/
export const DAY = /^\d{4}-\d{2}-\d{2}$/
export const matching = (value: string, shape: RegExp): string => (shape.test(value) ? value : '')

/** What the address says; what it says wrongly is as if it were not there. */
export function read(query: Query): Filter {
  const state = one(query.state)
  return {
    text: one(query.text).slice(0, 200),
    state: state === 'open' || state === 'filed' ? state : '',
    procedure: matching(one(query.procedure), /^[a-z][a-z0-9_]{0,63}$/),
    unit: matching(one(query.unit), ID),
    marked: one(query.marked) === 'true',
    mine: one(query.mine) === 'true',
    leader: one(query.leader) === 'true',
    overdue: one(query.overdue) === 'true',
    hole: one(query.hole) === 'true',
    sort: SORTS.find((sort) => sort === one(query.sort)) ?? 'newest',
    officer: matching(one(query.officer), ID),
    device: matching(one(query.device), ID),
    place: one(query.place).slice(0, 200),
    from: matching(one(query.from), DAY),
    until: matching(one(query.until), DAY),
  }
}

/** The address of a filter: only what is said. */
export function write(filter: Filter): Record<string, string> {
  const said: Record<string, string> = {}
  if (filter.text.trim() !== '') said.text = filter.text.trim()
  if (filter.state !== '') said.state = filter.state
  if (filter.procedure !== '') said.procedure = filter.procedure
  if (filter.unit !== '') said.unit = filter.unit
  if (filter.marked) said.marked = 'true'
  if (filter.mine) said.mine = 'true'
  if (filter.leader) said.leader = 'true'
  if (filter.overdue) said.overdue = 'true'
  if (filter.hole) said.hole = 'true'
  if (filter.sort !== 'newest') said.sort = filter.sort
  if (filter.place.trim() !== '') said.place = filter.place.trim()
  for (const name of ['officer', 'device', 'from', 'until'] as const) if (filter[name] !== '') said[name] = filter[name]
  return said
}

/** Whether two filters ask for the same. */
export const same = (one: Record<string, string>, other: Record<string, string>): boolean =>
  JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort())

const after = (day: string): string => new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)

/** Two days of the server's zone, both included, as moments of the API. */
export function span(from: string | undefined, until: string | undefined, zone: string): Record<string, string> {
  const begin = from === undefined ? null : fromField(`${from}T00:00:00`, zone)
  const end = until === undefined ? null : fromField(`${after(until)}T00:00:00`, zone)
  return { ...(begin === null ? {} : { from: begin }), ...(end === null ? {} : { until: end }) }
}

/** The same as parameters of the API. */
export function parameters(filter: Filter, me: string | null, zone: string): Record<string, string> {
  const { mine, leader, officer, from, until, ...rest } = write(filter)
  const asked: Record<string, string> = { ...rest, ...span(from, until, zone) }
  if (officer !== undefined) asked.person = officer
  else if (mine !== undefined && me !== null) asked.person = me
  if (leader !== undefined) asked.leader = 'me'
  return asked
}
