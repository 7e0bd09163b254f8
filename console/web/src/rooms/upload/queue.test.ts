import { expect, test } from 'vitest'

import { anew, due, fresh, isOpen, isWatched, reopened, resumed, sights, sum, type Entry, type Standing } from './queue'

const said = { source: 's', person: null, user: null, caseNumber: '' }
const entry = (path: string, standing: Standing, more: Partial<Entry> = {}): Entry => ({ ...fresh(path, 100, 1, said), sha256: path, standing, ...more })

test('one is hashed at a time and two are sent, in their order', () => {
  const found = due([entry('a', 'sending'), entry('b', 'ready'), entry('c', 'ready'), entry('d', 'waiting'), entry('e', 'waiting')], 2)
  expect([found.hash?.path, found.send.map((one) => one.path)]).toEqual(['d', ['b']])
  expect(due([entry('a', 'hashing'), entry('b', 'waiting')], 2).hash).toBe(null)
  expect(due([entry('a', 'paused'), entry('b', 'broken'), entry('c', 'away'), entry('d', 'failed'), entry('e', 'locked')], 2)).toEqual({ hash: null, send: [], hashing: false })
})

test('of two with the same bytes the second waits for the first', () => {
  const twins = [entry('a', 'ready', { sha256: 'x' }), entry('b', 'ready', { sha256: 'x' }), entry('c', 'ready', { sha256: 'x', source: 'other' })]
  expect(due(twins, 2).send.map((one) => one.path)).toEqual(['a', 'c'])
  expect(due([{ ...twins[0]!, standing: 'sending' }, twins[1]!], 2).send).toEqual([])
})

test('a reload keeps what is finished, and waits for files to be chosen again', () => {
  const after = [entry('a', 'sending', { url: 'u' }), entry('b', 'playable'), entry('c', 'received'), entry('d', 'failed'), entry('e', 'waiting', { sha256: null }), entry('f', 'locked')].map(reopened)
  expect(after.map((one) => one.standing)).toEqual(['away', 'playable', 'received', 'failed', 'away', 'away'])
  expect(resumed(after[0]!)).toMatchObject({ standing: 'ready', url: 'u', hashed: 100 })
  expect(resumed(after[4]!)).toMatchObject({ standing: 'waiting' })
  expect(resumed(after[1]!)).toBe(after[1])
})

test('the sum counts bytes that left, and nothing as sealed that is not', () => {
  const all = [entry('a', 'sending', { sent: 40 }), entry('b', 'received'), entry('c', 'sealed'), entry('d', 'mismatch'), entry('e', 'away')]
  expect(sum(all)).toMatchObject({ files: 5, bytes: 500, sent: 340, sealed: 1, away: 1, failed: 1, running: 1 })
  expect(all.map(isOpen)).toEqual([true, false, false, false, true])
  expect(all.filter(sights.open).map((one) => one.path)).toEqual(['a', 'b', 'c', 'e'])
  expect(all.filter(sights.stopped).map((one) => one.path)).toEqual(['d', 'e'])
})

test('what is sealed and settled is not asked about for ever; what is wrong is begun anew', () => {
  expect([entry('a', 'sealed'), entry('b', 'sealed', { settled: true }), entry('c', 'received')].map(isWatched)).toEqual([true, false, true])
  expect(anew(entry('a', 'mismatch', { sha256: 'x', url: 'u' }))).toMatchObject({ standing: 'waiting', sha256: null, url: null, attempt: 1 })
  expect(resumed(entry('a', 'failed', { sha256: 'x', url: 'u' }))).toMatchObject({ standing: 'ready', sha256: 'x', url: null, attempt: 1 })
  expect(anew(entry('a', 'failed', { sha256: 'x', url: 'u', upload: 'p', item: 'i' }))).toMatchObject({ standing: 'ready', url: null, upload: null, item: null, attempt: 1 })
})

test('three thousand are looked over in a moment', () => {
  const many = Array.from({ length: 3000 }, (_, n) => entry(`a${n}`, n % 2 ? 'sealed' : 'ready'))
  const start = performance.now()
  for (let n = 0; n < 100; n += 1) {
    sum(many)
    due(many, 2)
  }
  expect((performance.now() - start) / 100).toBeLessThan(10)
})
