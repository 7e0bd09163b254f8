import { expect, test } from 'vitest'

import { left, term } from './clocks'

test('time left, and time since, is told in the unit that one plans in', () => {
  expect(left(0, 1)).toEqual({ key: 'over.minutes', n: 0 })
  expect(left(0, 7_300_000)).toEqual({ key: 'over.hours', n: 2 })
  expect(left(0, 172_800_000)).toEqual({ key: 'over.days', n: 2 })
  expect(left(7_199_999, 0)).toEqual({ key: 'minutes', n: 119 })
  expect(left(7_200_000, 0)).toEqual({ key: 'hours', n: 2 })
  expect(left(172_800_000, 0)).toEqual({ key: 'days', n: 2 })
})

test('a term is told as the rule puts it', () => {
  expect(['0d', '24h', '7d', '2wd'].map((text) => term(text)?.key)).toEqual(['same_day', 'hours', 'days', 'working_days'])
  expect([term('2wd')?.n, term(null), term('soon')]).toEqual([2, null, null])
})
