import { expect, test } from 'vitest'

import { asTree, curve, monday, percent, weeksBefore } from './rates'

test('a rate is never rounded up to all, and nothing is no zero', () => {
  expect([1, 0.9999, 0.5, 0.1234, 0, null].map(percent)).toEqual(['100 %', '99.9 %', '50 %', '12.3 %', '0 %', '—'])
})

test('weeks begin on Monday where the server is', () => {
  expect(monday(Date.parse('2026-11-22T15:59:59Z'), 'Asia/Shanghai')).toBe('2026-11-16')
  expect(monday(Date.parse('2026-11-22T16:00:00Z'), 'Asia/Shanghai')).toBe('2026-11-23')
  expect(weeksBefore('2026-01-05', 1)).toBe('2025-12-29')
})

test('a curve has gaps where nothing was', () => {
  expect(curve([{ rates: { coverage: 0.5 } }, { rates: { coverage: null } }] as never, 'coverage')).toEqual([50, null])
})

test('units stand below the one they are part of; whose parent is not seen stands first', () => {
  const one = (id: string | null, parent: string | null): never => ({ organ: { id: 'o', name: 'O' }, unit: id === null ? null : { id, name: id }, parent, counts: {}, rates: {} }) as never
  expect(asTree([one('a', 'x'), one('b', 'c'), one('c', 'a'), one(null, null)]).map((row) => [row.unit, row.depth])).toEqual([['a', 0], ['c', 1], ['b', 2], [null, 0]])
})
