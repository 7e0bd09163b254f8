/** Which part of the inbox is shown, as it stands in the address. */

export interface Filter {
  mine: boolean
  overdue: boolean
  /** Of which it is not known whose they are. */
  unclaimed: boolean
  /** With the units below it. */
  unit: string
  officer: string
}

type Query = Record<string, string | null | (string | null)[] | undefined>

const id = (value: Query[string]): string => (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value) ? value : '')

/** Roles that answer for no recordings but their own. */
const OWN = new Set(['officer'])

/** Whether somebody looks after the recordings of others, so that filters by unit and officer help. */
export const overseesOthers = (roles: readonly string[]): boolean => roles.some((role) => !OWN.has(role))

/** What the address says; without a word one's own, for whoever has only those. */
export function read(query: Query, own: boolean): Filter {
  const [unit, officer] = [id(query.unit), id(query.officer)]
  const said = query.all === 'true' || unit !== '' || officer !== '' ? false : query.mine === 'true' ? true : own
  return { mine: said, overdue: query.overdue === 'true', unclaimed: query.unclaimed === 'true', unit, officer }
}

/** The address of a filter: only what differs from what is shown without a word. */
export function write(filter: Filter, own: boolean): Record<string, string> {
  const said: Record<string, string> = {}
  if (filter.mine !== own && filter.unit === '' && filter.officer === '') said[own ? 'all' : 'mine'] = 'true'
  if (filter.overdue) said.overdue = 'true'
  if (filter.unclaimed) said.unclaimed = 'true'
  if (filter.unit !== '') said.unit = filter.unit
  if (filter.officer !== '') said.officer = filter.officer
  return said
}

/** The same as parameters of the API.  What nobody has claimed is nobody's: no person goes with it. */
export function parameters(filter: Filter): Record<string, string> {
  const asked: Record<string, string> = {}
  if (!filter.unclaimed) {
    if (filter.officer !== '') asked.person = filter.officer
    else if (filter.mine) asked.person = 'me'
  }
  if (filter.unit !== '') asked.unit = filter.unit
  if (filter.overdue) asked.overdue = 'true'
  if (filter.unclaimed) asked.unclaimed = 'true'
  return asked
}

export interface Unit {
  id: string
  organ: string
  name: string
  parent: string | null
}

/** A unit of a tree in the order in which it is read (`treeOf`). */
export interface Placed {
  one: Unit
  depth: number
}

/** The unit and all below it. */
export function below(tree: readonly Placed[], unit: string): Placed[] {
  const at = tree.findIndex((placed) => placed.one.id === unit)
  const top = tree[at]
  if (top === undefined) return []
  const end = tree.findIndex((placed, n) => n > at && placed.depth <= top.depth)
  return tree.slice(at, end < 0 ? undefined : end)
}

const WHOLE_ORGAN = new Set(['reviewer', 'organ_head', 'archivist'])

/** The units among which somebody may choose: his own with those below, his organ's, or all. */
export function overseen(tree: readonly Placed[], who: { roles: readonly string[]; unit: string | null; organ: string | null }): Placed[] {
  if (who.roles.includes('supervisor') || who.roles.length === 0) return [...tree]
  if (who.roles.some((role) => WHOLE_ORGAN.has(role))) return tree.filter((placed) => placed.one.organ === who.organ)
  return who.unit === null ? [] : below(tree, who.unit)
}
