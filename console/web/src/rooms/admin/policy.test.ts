import { expect, test } from 'vitest'

import { changed, flat } from './policy'

test('a policy is read row by row, and what differs is found', () => {
  const value = { hole_ms: 2000, upload: { hours: 24, days: [1, 2] }, none: null }
  expect(flat(value)).toEqual([['hole_ms', '2000'], ['upload.hours', '24'], ['upload.days', '1, 2'], ['none', 'null']])
  expect(changed(value, { ...value, upload: { hours: 48, days: [1, 2] }, more: 1 })).toEqual(new Set(['upload.hours', 'more']))
})
