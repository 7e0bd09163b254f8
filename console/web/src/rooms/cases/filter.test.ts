import { expect, test } from 'vitest'

import { NONE, parameters, read, write } from './filter'

test('a filter survives the address', () => {
  const filter = { ...NONE, text: '公证', state: 'open' as const, marked: true, mine: true }
  expect(read(write(filter))).toEqual(filter)
  expect(write(NONE)).toEqual({})
})

test('what the address says wrongly is not there', () => {
  expect(read({ state: 'x', procedure: '../', unit: '1', text: ['a', 'b'], marked: null })).toEqual({ ...NONE, text: 'a' })
})

test('mine is the caller', () => {
  expect(parameters({ ...NONE, mine: true }, 'p1')).toEqual({ person: 'p1' })
  expect(parameters({ ...NONE, mine: true }, null)).toEqual({})
})
