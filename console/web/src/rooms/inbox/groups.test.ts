import { expect, test } from 'vitest'

import { grouped, isGroup, marks, shared, span, type Row } from './groups'

interface Told { case?: string | null; device?: string; person?: string | null; at?: number | null; long?: number; sure?: boolean; marks?: string[]; cases?: string[] }
const MINUTE = 60_000
const iso = (ms: number): string => new Date(ms).toISOString()

function row(id: string, told: Told = {}): Row {
  const { at = 0, long = 5, device = 'd1', person = 'p1', sure = true } = told
  const cases = told.cases ?? (told.case === null ? [] : [told.case ?? 'c1'])
  return {
    id, confident: sure, source: { id: 's1', name: 's' },
    proposals: cases.map((one, n) => ({ case: one, number: one, title: '', score: 900, confident: sure && n === 0, reasons: [] })),
    attribution: {
      device: { id: device, name: device }, person: person === null ? null : { id: person, name: person },
      start: at === null ? null : iso(at * MINUTE), end: at === null ? null : iso((at + long) * MINUTE),
      marks: (told.marks ?? []).map((code) => ({ code, text: code })),
    },
  } as unknown as Row
}
const shape = (rows: Row[]): string => grouped(rows).map((one) => (isGroup(one) ? `(${one.rows.map((r) => r.id).join('')})` : one.id)).join(' ')

test('recordings of one visit are one group, in order of time, where the first of them stands', () => {
  expect(shape([row('x', { case: 'c9', at: 600 }), row('c', { at: 20 }), row('a', { at: 0 }), row('b', { at: 10 })])).toBe('x (abc)')
})

test('another case, device or person is another group', () => {
  expect(shape([row('a'), row('b', { at: 5 }), row('c', { at: 10, device: 'd2' }), row('d', { at: 11, person: 'p2' })])).toBe('(ab) c d')
})

test('what another proposal stands between, or hours, is not one group', () => {
  expect(shape([row('a', { at: 0 }), row('b', { at: 10, case: 'c2' }), row('c', { at: 20 })])).toBe('a b c')
  expect(shape([row('a', { at: 0 }), row('b', { at: 5 + 120 })])).toBe('(ab)')
  expect(shape([row('a', { at: 0 }), row('b', { at: 5 + 121 })])).toBe('a b')
})

test('a long recording reaches over shorter ones within it', () => {
  expect(shape([row('a', { at: 0, long: 300 }), row('b', { at: 10 }), row('c', { at: 400 })])).toBe('(abc)')
})

test('the sure and the doubtful are not confirmed together', () => {
  expect(shape([row('a'), row('b', { at: 6, sure: false })])).toBe('a b')
})

test('without a proposal or a time a recording stands alone', () => {
  expect(shape([row('a', { case: null }), row('b', { case: null, at: 6 }), row('c', { at: null }), row('d', { at: null })])).toBe('a b c d')
  expect(shape([{ ...row('a'), attribution: null } as Row, row('b', { at: 6 }), row('c', { at: 12 })])).toBe('a (bc)')
})

test('where nobody knows the person the device alone parts', () => {
  expect(shape([row('a', { person: null }), row('b', { person: null, at: 6 }), row('c', { person: null, device: 'd2', at: 7 })])).toBe('(ab) c')
})

test('every recording is shown exactly once', () => {
  const all = Array.from({ length: 300 }, (_, n) => row(`r${n}`, { at: (n * 7919) % 2000, case: n % 13 === 0 ? null : `c${n % 3}`, device: `d${n % 4}` }))
  const shown = grouped(all).flatMap((one) => (isGroup(one) ? one.rows : [one]))
  expect(shown.map((one) => one.id).sort()).toEqual(all.map((one) => one.id).sort())
})

test('what a group says of all its recordings', () => {
  const rows = [row('a', { at: 3, long: 60, cases: ['c1', 'c2', 'c3'], marks: ['drift'] }), row('b', { at: 9, cases: ['c1', 'c3'], marks: ['drift', 'no-person'] })]
  expect(shared(rows).map((one) => one.case)).toEqual(['c1', 'c3'])
  expect(span(rows)).toEqual({ start: iso(3 * MINUTE), end: iso(63 * MINUTE) })
  expect(marks(rows).map(({ code, n }) => [code, n])).toEqual([['drift', 2], ['no-person', 1]])
})
