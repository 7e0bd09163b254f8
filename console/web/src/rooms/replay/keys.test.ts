import { expect, test } from 'vitest'

import { actOf, KEYS } from './keys'

const plain = (key: string): { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean } => ({ key, ctrlKey: false, metaKey: false, altKey: false })

test('J, K and L are where editors expect them, also with caps lock', () => {
  expect(['j', 'K', 'l', ' '].map((key) => actOf(plain(key), false, false))).toEqual(['back', 'toggle', 'forward', 'toggle'])
})

test('keys of fields, buttons and the browser are left to them', () => {
  expect(actOf(plain('m'), true, false)).toBe(null)
  expect(actOf(plain(' '), false, true)).toBe(null)
  expect(actOf({ ...plain('l'), ctrlKey: true }, false, false)).toBe(null)
})

test('no key does two things', () => {
  const all = KEYS.flatMap((one) => one.keys)
  expect(new Set(all).size).toBe(all.length)
})
