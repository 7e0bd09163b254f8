import { expect, test } from 'vitest'

import { meant, proposed, put, rowOf, withAll, type Known } from './batch'

const known: Known = {
  devices: [
    { id: 'd1', name: '记录仪 1', serial: 'DSJL907', person: null },
    { id: 'd2', name: '记录仪 2', serial: '0000123', person: null },
  ],
  codes: [{ device: 'd1', code: '020417', person: { id: 'p', name: '王敏' } }],
  cases: ['沪司检〔2026〕7号'],
}
const all = { source: '采集站', person: null, user: null, caseNumber: '' }
const row = (path: string, size = 3): ReturnType<typeof rowOf> => rowOf({ file: new File([], path), path, size, modified: 1 }, all, known)

test('what the name and the folder say is proposed, and said to be so', () => {
  const found = row('沪司检[2026]7号/DSJL907_020417_20261127192300_0001.mp4')
  expect(found.said).toEqual({ source: '记录仪 1', person: null, user: '020417', caseNumber: '沪司检〔2026〕7号' })
  expect(found.from).toEqual({ source: 'name', person: 'all', caseNumber: 'name' })
  expect(meant(found, known)).toBe('王敏')
  expect(row('现场.mp4')).toMatchObject({ said: { source: '采集站', caseNumber: '' }, from: { source: 'all' }, left: null })
})

test('an empty file and what computers leave are left out, with the reason', () => {
  expect(row('空.mp4', 0).left).toBe('empty')
  expect(row('Thumbs.db').left).toBe('system')
})

test('what a person set stays, whatever is read or set for all', () => {
  const rows = [row('DSJL907_020417_20261127192300_0001.mp4'), row('现场.mp4')]
  const set = put(rows, new Set([rows[0]!.key]), 'source', '记录仪 2')
  expect(set.map((one) => one.said.source)).toEqual(['记录仪 2', '采集站'])
  expect(proposed(set[0]!, known).said.source).toBe('记录仪 2')
  expect(withAll(set, { ...all, source: '别的', caseNumber: '8号' }).map((one) => [one.said.source, one.said.caseNumber])).toEqual([['记录仪 2', '8号'], ['别的', '8号']])
})
