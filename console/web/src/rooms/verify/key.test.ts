import { beforeEach, expect, test } from 'vitest'

import { compared, fingerprint, look, meet } from './key'

const now = new Date('2026-11-27T00:00:00Z')
beforeEach(() => localStorage.clear())

test('the first key is remembered, and another never takes its place by itself', () => {
  expect(meet('o', 'k1', now)).toEqual({ seen: 'first', compared: false, since: null })
  expect(meet('o', 'k1', now)).toMatchObject({ seen: 'same', since: '2026-11-27T00:00:00.000Z' })
  expect(meet('o', 'k2', now).seen).toBe('changed')
  expect(meet('o', 'k1', now).seen).toBe('same')
})

test('what a person compared holds for that key only', () => {
  meet('o', 'k1', now)
  compared('o', 'k1', now)
  expect(meet('o', 'k1', now).compared).toBe(true)
  expect(meet('o', 'k2', now).compared).toBe(false)
})

test('what is stored wrongly is as if nothing were', () => {
  localStorage.setItem('liuhen.keys', 'nonsense')
  expect(meet('o', 'k1', now).seen).toBe('first')
})

test('a fingerprint can be read out', () => {
  expect(fingerprint('x')).toMatch(/^([0-9a-f]{4} ){9}[0-9a-f]{4}$/)
})

test('looking remembers nothing; comparing another key lets it take the place', () => {
  expect(look('o', 'k1').seen).toBe('first')
  expect(look('o', 'k1').seen).toBe('first')
  meet('o', 'k1', now)
  compared('o', 'k2', now)
  expect(meet('o', 'k2', now)).toMatchObject({ seen: 'same', compared: true })
  expect(meet('o', 'k1', now).seen).toBe('changed')
  expect(look('__proto__', 'k1').seen).toBe('first')
})

test('a browser that keeps nothing does not stop the check', () => {
  const full = { getItem: () => null, setItem: () => { throw new DOMException('full', 'QuotaExceededError') } } as unknown as Storage
  expect(meet('o', 'k1', now, full).seen).toBe('first')
})
