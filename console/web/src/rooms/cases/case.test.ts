import { expect, test } from 'vitest'

import { counted, explainable, kindOf, listed, open, replayAt, type Hole, type Verdict } from './case'

const hole = (state: Hole['state'], asked = false): Hole => ({
  start: '2026-11-27T01:00:00.000Z', end: '2026-11-27T01:00:40.000Z', ms: 40_000, state, asked, uncertainty_ms: 0, uncertain: false, text: '',
})
const verdict = (said: Partial<Verdict>): Verdict => ({
  rule: 'a/b', list: 'a', version: '1', code: 'b', must: true, matter: '', occasion: '1', verdict: 'complete', text: '', due: true,
  required: null, holes: [], missing_ms: 0, missing_points: [], item_count: 0, items: [], reasons: [], ...said,
})

test('only a hole that nobody explained or asked about can be explained', () => {
  expect([hole('unexplained'), hole('unexplained', true), hole('explained'), hole('below_threshold')].map(explainable)).toEqual([true, false, false, false])
})

test('what keeps a case from being filed', () => {
  const asked = verdict({ verdict: 'partial', holes: [hole('unexplained', true)] })
  const optional = verdict({ must: false, verdict: 'missing' })
  const explained = verdict({ verdict: 'partial', holes: [hole('explained')] })
  expect(open([asked, optional, explained, verdict({})])).toEqual([asked])
  expect(counted([asked, optional, explained, verdict({}), verdict({ verdict: 'exempt' })])).toEqual({ complete: 2, open: 1, other: 2 })
})

test('a missing recording that is not due yet waits; one that may be made is no fault', () => {
  expect(kindOf(verdict({ verdict: 'missing' }))).toBe('bad')
  expect(kindOf(verdict({ verdict: 'missing', due: false }))).toBe('wait')
  expect(kindOf(verdict({ verdict: 'missing', must: false }))).toBe('wait')
  expect(kindOf(verdict({ verdict: 'partial', holes: [hole('unexplained')] }))).toBe('bad')
  expect(kindOf(verdict({ verdict: 'partial', holes: [hole('explained')] }))).toBe('wait')
})

test('replay begins a little before', () => {
  expect(replayAt('c', '2026-11-27T01:00:05.000Z')).toBe('/cases/c/replay?at=2026-11-27T01%3A00%3A00.000Z')
})

test('names are listed by line or comma, and no name is cut that stood there', () => {
  expect(listed('甲、乙，丙；丁\n 戊 ,己\n\n甲')).toEqual(['甲', '乙', '丙', '丁', '戊', '己'])
  expect(listed('Example Co., Ltd.\n张三,李四')).toEqual(['Example Co., Ltd.', '张三', '李四'])
  expect(listed('甲、乙联合体\n丙', ['甲、乙联合体'])).toEqual(['甲、乙联合体', '丙'])
})
