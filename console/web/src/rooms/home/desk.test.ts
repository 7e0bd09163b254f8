import { expect, test } from 'vitest'

import { byDeadline, pressing, seconds, toExplain } from './desk'

const verdict = (more: object): never =>
  ({ rule: 'a/1', must: true, due: true, verdict: 'partial', matter: 'm', text: 't', required: null, holes: [{ state: 'unexplained', asked: false, start: 's' }], ...more }) as never

test('the nearest deadline comes first, cases without one stay as they were', () => {
  const row = (id: string, ...dues: (string | null)[]): { case: { id: string }; deadlines: { due: string | null; overdue: boolean }[] } => ({ case: { id }, deadlines: dues.map((due) => ({ due, overdue: false })) })
  expect(byDeadline([row('a'), row('b', '2026-12-02T00:00:00Z'), row('c', null), row('d', '2027-01-01T00:00:00Z', '2026-12-01T00:00:00Z')]).map((one) => one.case.id)).toEqual(['d', 'b', 'a', 'c'])
  const now = Date.parse('2026-11-27T00:00:00Z')
  expect([{ due: '2026-11-29T00:00:00Z', overdue: false }, { due: '2026-12-29T00:00:00Z', overdue: false }, { due: null, overdue: true }, { due: null, overdue: false }].map((one) => pressing(one, now))).toEqual([true, false, true, false])
})

test('a clock that is ahead has a plus', () => {
  expect([3200, -450, 0].map(seconds)).toEqual(['+3.2 s', '−0.5 s', '+0.0 s'])
})

test('only what must be recorded, is due and not explained waits for somebody', () => {
  expect(toExplain([verdict({})])).toMatchObject([{ start: 's', asked: false }])
  expect(toExplain([verdict({ must: false }), verdict({ due: false }), verdict({ verdict: 'exempt' }), verdict({ holes: [{ state: 'explained', asked: false, start: 's' }] })])).toEqual([])
  expect(toExplain([verdict({ holes: [{ state: 'unexplained', asked: true, start: 's' }] })])).toMatchObject([{ asked: true }])
  expect(toExplain([verdict({ verdict: 'missing', holes: [], required: ['r', 'q'] })])).toMatchObject([{ start: 'r' }])
})
