import { expect, test } from 'vitest'

import { left } from './clocks'

test('time left is told in the unit that one plans in', () => {
  expect(left(0, 1)).toEqual({ key: 'over', n: 0 })
  expect(left(0, 7_300_000)).toEqual({ key: 'over', n: 2 })
  expect(left(7_199_999, 0)).toEqual({ key: 'minutes', n: 119 })
  expect(left(7_200_000, 0)).toEqual({ key: 'hours', n: 2 })
  expect(left(172_800_000, 0)).toEqual({ key: 'days', n: 2 })
})
