import { expect, test } from 'vitest'

import { changed, flat, fromFields, told, toFields, type Value } from './policy'

const value: Value = {
  coverage: { hole_ms: 2000 }, clock: { limit_ms_per_day: 2500 }, upload: { term: '24h', remote_term: '2wd' },
  links: { buffer_ms: 300_000, near_m: 300 }, access: { most_days: 30 }, holidays: { off: ['2026-10-09', '2026-10-10'], working: [] },
}
const term = (unit: string, n: number): string => `${n}/${unit}`

test('every number is told with its unit, the largest that is whole', () => {
  const say = (locale: string): string[] => flat(value).map((row) => told(row, locale, term))
  expect(say('en')).toEqual(['2 seconds', '2.5 seconds', '24/h', '2/wd', '5 minutes', '300 meters', '30 days', '2026-10-09, 2026-10-10', ''])
  expect(say('zh-CN')).toEqual(['2秒钟', '2.5秒钟', '24/h', '2/wd', '5分钟', '300米', '30天', '2026-10-09、2026-10-10', ''])
})

test('a form gives back what it was made of, and what was changed in it', () => {
  expect(fromFields(toFields(value))).toEqual(value)
  const fields = toFields(value)
  for (const one of fields) {
    if (one.path === 'clock.limit_ms_per_day') one.text = '3.001'
    if (one.path === 'upload.term') Object.assign(one, { text: '0', unit: 'd' })
    if (one.path === 'holidays.off') one.text = '2026-10-09，2026-10-12\n'
  }
  const after = fromFields(fields)
  expect([after.clock?.limit_ms_per_day, after.upload?.term, after.holidays?.off]).toEqual([3001, '0d', ['2026-10-09', '2026-10-12']])
  expect(changed(value, after)).toEqual(new Set(['clock.limit_ms_per_day', 'upload.term', 'holidays.off']))
})
