import { expect, test } from 'vitest'

import { counted, toExplain } from './desk'

const verdict = (more: object): never =>
  ({ rule: 'a/1', must: true, due: true, verdict: 'partial', matter: 'm', text: 't', required: null, holes: [{ state: 'unexplained', asked: false, start: 's' }], ...more }) as never

test('a number with more behind it says so', () => {
  expect([counted(3, null), counted(20, '77')]).toEqual(['3', '20+'])
})

test('only what must be recorded, is due and not explained waits for somebody', () => {
  expect(toExplain([verdict({})])).toMatchObject([{ start: 's', asked: false }])
  expect(toExplain([verdict({ must: false }), verdict({ due: false }), verdict({ verdict: 'exempt' }), verdict({ holes: [{ state: 'explained', asked: false, start: 's' }] })])).toEqual([])
  expect(toExplain([verdict({ holes: [{ state: 'unexplained', asked: true, start: 's' }] })])).toMatchObject([{ asked: true }])
  expect(toExplain([verdict({ verdict: 'missing', holes: [], required: ['r', 'q'] })])).toMatchObject([{ start: 'r' }])
})
