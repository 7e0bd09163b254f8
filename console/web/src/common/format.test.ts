import { expect, test } from 'vitest'

import { dateTime, duration, fromField, grouped, size, toField, visible } from './format'

test('times are those of the server’s zone', () => {
  expect(dateTime('2026-11-27T01:35:42.123Z', 'Asia/Shanghai')).toBe('2026-11-27 09:35:42')
  expect(dateTime(Date.UTC(2026, 0, 1), 'UTC')).toBe('2026-01-01 00:00:00')
  expect(dateTime('not a time', 'UTC')).toBe('not a time')
})

test('lengths and sizes', () => {
  expect([0, 59_999, 60_000, 3_600_000, -40_000].map(duration)).toEqual(['0:00', '0:59', '1:00', '1:00:00', '−0:40'])
  expect([0, 999, 1000, 4_200_000, 123_456_789_012].map(size)).toEqual(['0 B', '999 B', '1.0 kB', '4.2 MB', '123 GB'])
  expect(grouped(1234567)).toBe('1\u2009234\u2009567')
})

test('characters that hide are shown', () => {
  expect(visible('a\u202egpj.exe')).toBe('a⟨202E⟩gpj.exe')
  expect(visible('现场\u0007')).toBe('现场⟨0007⟩')
})

test('fields hold the wall clock of the zone, and give the instant back', () => {
  expect(toField('2026-11-27T01:35:42.000Z', 'Asia/Shanghai')).toBe('2026-11-27T09:35:42')
  expect(fromField('2026-11-27T09:35:42', 'Asia/Shanghai')).toBe('2026-11-27T01:35:42.000Z')
  expect(fromField('2026-11-27T09:35', 'Asia/Shanghai')).toBe('2026-11-27T01:35:00.000Z')
  expect(fromField('2026-07-01T00:00:00.5', 'Europe/Berlin')).toBe('2026-06-30T22:00:00.500Z')
  expect(fromField('soon', 'UTC')).toBe(null)
})
