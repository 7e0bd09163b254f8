/** The filter of the list of recordings, as it stands in the address and in a saved search. */

import { DAY, ID, matching, one, span, type Query } from './filter'

export interface RecordingFilter {
  text: string
  /** Whose it is. */
  officer: string
  unit: string
  device: string
  case: string
  place: string
  kind: '' | (typeof KINDS)[number]
  linked: '' | 'true' | 'false'
  late: boolean
  mine: boolean
  /** Days of the server's zone on which it was recorded, both included. */
  from: string
  until: string
}

export const KINDS = ['video', 'audio', 'photo', 'other'] as const

export const NOTHING: RecordingFilter = { text: '', officer: '', unit: '', device: '', case: '', place: '', kind: '', linked: '', late: false, mine: false, from: '', until: '' }

/** What the address says; what it says wrongly is as if it were not there. */
export function readRecordings(query: Query): RecordingFilter {
  const linked = one(query.linked)
  return {
    text: one(query.text).slice(0, 200),
    officer: matching(one(query.officer), ID),
    unit: matching(one(query.unit), ID),
    device: matching(one(query.device), ID),
    case: matching(one(query.case), ID),
    place: one(query.place).slice(0, 200),
    kind: KINDS.find((kind) => kind === one(query.kind)) ?? '',
    linked: linked === 'true' || linked === 'false' ? linked : '',
    late: one(query.late) === 'true',
    mine: one(query.mine) === 'true',
    from: matching(one(query.from), DAY),
    until: matching(one(query.until), DAY),
  }
}

/** The address of a filter: only what is said. */
export function writeRecordings(filter: RecordingFilter): Record<string, string> {
  const said: Record<string, string> = {}
  for (const [name, value] of Object.entries(filter) as [string, string | boolean][]) {
    const text = typeof value === 'boolean' ? (value ? 'true' : '') : value.trim()
    if (text !== '') said[name] = text
  }
  return said
}

/** The same as parameters of the API. */
export function recordingParameters(filter: RecordingFilter, me: string | null, zone: string): Record<string, string> {
  const { mine, officer, from, until, ...rest } = writeRecordings(filter)
  const person = officer ?? (mine !== undefined && me !== null ? me : undefined)
  return { ...rest, ...span(from, until, zone), ...(person === undefined ? {} : { person }) }
}
