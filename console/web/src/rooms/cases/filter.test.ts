import { expect, test } from 'vitest'

import { NONE, parameters, read, same, write } from './filter'

test('a filter survives the address', () => {
  const filter = { ...NONE, text: '公证', state: 'open' as const, marked: true, mine: true, leader: true, officer: 'a'.repeat(32), device: 'b'.repeat(32), place: '武宁', overdue: true, hole: true, sort: 'number' as const, from: '2026-11-01', until: '2026-11-27' }
  expect(read(write(filter))).toEqual(filter)
  expect(write(NONE)).toEqual({})
})

test('what the address says wrongly is not there', () => {
  expect(read({ state: 'x', procedure: '../', unit: '1', text: ['a', 'b'], marked: null })).toEqual({ ...NONE, text: 'a' })
})

test('mine is the caller, unless another officer is asked for', () => {
  expect(parameters({ ...NONE, mine: true }, 'p1', 'UTC')).toEqual({ person: 'p1' })
  expect(parameters({ ...NONE, mine: true }, null, 'UTC')).toEqual({})
  expect(parameters({ ...NONE, mine: true, officer: 'p2', leader: true }, 'p1', 'UTC')).toEqual({ person: 'p2', leader: 'me' })
})

test('days are those of the server, and the last one is whole', () => {
  const asked = parameters({ ...NONE, from: '2026-11-01', until: '2026-11-30' }, null, 'Asia/Shanghai')
  expect(Date.parse(asked.from ?? '')).toBe(Date.UTC(2026, 9, 31, 16))
  expect(Date.parse(asked.until ?? '')).toBe(Date.UTC(2026, 10, 30, 16))
})

test('the order of what is said does not matter', () => {
  expect(same({ a: '1', b: '2' }, { b: '2', a: '1' })).toBe(true)
  expect(same({ a: '1' }, {})).toBe(false)
})
