import { expect, test } from 'vitest'

import { anew, due, fresh, isOpen, isWatched, kept, resumed, sum, type Entry, type Standing } from './queue'

const entry = (path: string, standing: Standing, more: Partial<Entry> = {}): Entry => ({ ...fresh(path, 100, 1, 's', ''), standing, ...more })

test('one is hashed at a time and two are sent, in their order', () => {
  const found = due([entry('a', 'sending'), entry('b', 'ready'), entry('c', 'ready'), entry('d', 'waiting'), entry('e', 'waiting')], 2)
  expect([found.hash?.path, found.send.map((one) => one.path)]).toEqual(['d', ['b']])
  expect(due([entry('a', 'hashing'), entry('b', 'waiting')], 2).hash).toBe(null)
  expect(due([entry('a', 'paused'), entry('b', 'broken'), entry('c', 'away'), entry('d', 'failed')], 2)).toEqual({ hash: null, send: [] })
})

test('a reload forgets what is finished, and waits for files to be chosen again', () => {
  const after = kept([entry('a', 'sending', { sha256: 'x', url: 'u' }), entry('b', 'playable'), entry('c', 'received'), entry('d', 'failed'), entry('e', 'waiting')])
  expect(after.map((one) => [one.path, one.standing])).toEqual([['a', 'away'], ['c', 'received'], ['d', 'failed'], ['e', 'away']])
  expect(resumed(after[0]!)).toMatchObject({ standing: 'ready', url: 'u', hashed: 100 })
  expect(resumed(after[3]!)).toMatchObject({ standing: 'waiting' })
  expect(resumed(after[1]!)).toBe(after[1])
})

test('the sum counts bytes that left, and nothing as sealed that is not', () => {
  const all = [entry('a', 'sending', { sent: 40 }), entry('b', 'received'), entry('c', 'sealed'), entry('d', 'mismatch'), entry('e', 'away')]
  expect(sum(all)).toEqual({ files: 5, bytes: 500, sent: 340, sealed: 1, away: 1, failed: 1 })
  expect(all.map(isOpen)).toEqual([true, false, false, false, true])
})

test('what is sealed and settled is not asked about for ever; what is wrong is begun anew', () => {
  expect([entry('a', 'sealed'), entry('b', 'sealed', { settled: true }), entry('c', 'received')].map(isWatched)).toEqual([true, false, true])
  expect(anew(entry('a', 'mismatch', { sha256: 'x', url: 'u', upload: 'p', item: 'i' }))).toMatchObject({ standing: 'ready', url: null, upload: null, item: null, attempt: 1 })
})
