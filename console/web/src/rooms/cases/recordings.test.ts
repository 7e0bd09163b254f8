import { expect, test } from 'vitest'

import { NOTHING, readRecordings, recordingParameters, writeRecordings } from './recordings'

const ID = 'a'.repeat(32)

test('a filter survives the address', () => {
  const filter = { text: '和平', officer: ID, unit: ID, device: ID, case: ID, place: '武宁', kind: 'audio' as const, linked: 'false' as const, late: true, mine: true, from: '2026-11-01', until: '2026-11-27' }
  expect(readRecordings(writeRecordings(filter))).toEqual(filter)
  expect(writeRecordings(NOTHING)).toEqual({})
})

test('what the address says wrongly is not there', () => {
  expect(readRecordings({ officer: '1', kind: 'film', linked: 'x', from: 'today', text: ['a', 'b'] })).toEqual({ ...NOTHING, text: 'a' })
})

test('mine is the caller, unless another officer is asked for; the last day is whole', () => {
  expect(recordingParameters({ ...NOTHING, mine: true }, 'me', 'UTC')).toEqual({ person: 'me' })
  expect(recordingParameters({ ...NOTHING, mine: true, officer: ID }, 'me', 'UTC')).toEqual({ person: ID })
  expect(recordingParameters({ ...NOTHING, until: '2026-11-30' }, null, 'UTC')).toEqual({ until: '2026-12-01T00:00:00.000Z' })
})
