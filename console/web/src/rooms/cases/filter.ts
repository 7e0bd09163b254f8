/** The filter of the list of cases, as it stands in the address. */

export interface Filter {
  text: string
  state: '' | 'open' | 'filed'
  procedure: string
  unit: string
  marked: boolean
  mine: boolean
}

export const NONE: Filter = { text: '', state: '', procedure: '', unit: '', marked: false, mine: false }

type Query = Record<string, string | null | (string | null)[] | undefined>

const one = (value: Query[string]): string => (Array.isArray(value) ? (value[0] ?? '') : (value ?? ''))

/** What the address says; what it says wrongly is as if it were not there. */
export function read(query: Query): Filter {
  const state = one(query.state)
  return {
    text: one(query.text).slice(0, 200),
    state: state === 'open' || state === 'filed' ? state : '',
    procedure: /^[a-z][a-z0-9_]{0,63}$/.test(one(query.procedure)) ? one(query.procedure) : '',
    unit: /^[0-9a-f]{32}$/.test(one(query.unit)) ? one(query.unit) : '',
    marked: one(query.marked) === 'true',
    mine: one(query.mine) === 'true',
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
  return said
}

/** The same as parameters of the API. */
export function parameters(filter: Filter, me: string | null): Record<string, string> {
  const { mine, ...rest } = write(filter)
  return mine === undefined || me === null ? rest : { ...rest, person: me }
}
