import { expect, test } from 'vitest'

import { gapsOf, lanesOf, modelOf, nextRecorded, rowOf, sceneAround, segmentAt, segmentNear, type Answer } from './lanes'

const COLUMNS = ['item', 'start_ms', 'end_ms', 'uncertainty_ms', 'kind', 'carrier', 'person', 'device', 'stage', 'marks', 'late']
const row = (item: string, start: number, end: number, kind = 'video', device: number | null = 0): unknown[] => [item, start, end, 100, kind, 'body_camera', 0, device, null, [], null]
const answer = (recordings: unknown[][], more: Partial<Answer> = {}): Answer => ({
  columns: COLUMNS, people: ['p'], devices: ['d0', 'd1'], recordings, untimed: [], stages: [], points: [], documents: [], holes: [], ...more,
})

test('one lane for each device and kind, in the order of pictures, sounds and what they begin with', () => {
  const lanes = lanesOf(answer([row('b', 50, 60, 'video', 1), row('a', 0, 10), row('s', 0, 100, 'audio'), row('c', 20, 30), row('n', 0, 5, 'hologram', null)]))
  expect(lanes.map((lane) => [lane.key, lane.segments.map((one) => one.item)])).toEqual([
    ['d0 video', ['a', 'c']], ['d1 video', ['b']], ['d0 audio', ['s']], ['unknown other', ['n']],
  ])
})

test('recordings of one device that overlap never share a lane', () => {
  const lanes = lanesOf(answer([row('a', 0, 10_000), row('b', 5000, 15_000), row('c', 10_000, 20_000)]))
  expect(lanes.map((lane) => lane.segments.map((one) => one.item))).toEqual([['a', 'c'], ['b']])
  expect(lanes.map(rowOf)).toEqual(['', '2'])
  for (const lane of lanes) {
    for (let n = 1; n < lane.segments.length; n += 1) expect(lane.segments[n]!.start).toBeGreaterThanOrEqual(lane.segments[n - 1]!.end)
  }
})

test('files that follow each other and were stamped with whole seconds share one, each shown to its end', () => {
  const [lane, ...others] = lanesOf(answer([row('a', 0, 300_640), row('b', 300_000, 600_200), row('c', 600_000, 600_250)]))
  expect(others.map((one) => one.segments.map((found) => found.item))).toEqual([['c']]) // most of it would never be seen
  expect([299_999, 300_639, 300_640].map((at) => segmentAt(lane!, at)?.item)).toEqual(['a', 'a', 'b'])
})

test('what a lane shows at a moment: the start belongs to it, the end does not', () => {
  const [lane] = lanesOf(answer([row('a', 0, 10), row('b', 20, 30)]))
  expect([-1, 0, 9, 10, 19, 20, 29, 30].map((at) => segmentAt(lane!, at)?.item ?? null)).toEqual([null, 'a', 'a', null, null, 'b', 'b', null])
})

test('a photo lasts no time and is found near where one points', () => {
  const [lane] = lanesOf(answer([row('a', 1000, 1000, 'photo'), row('b', 1900, 1900, 'photo')]))
  expect([899, 900, 1100, 1101, 1850, 2001].map((at) => segmentNear(lane!, at, 100)?.item ?? null)).toEqual([null, 'a', 'a', null, 'b', null])
})

test('the next moment that any lane shows', () => {
  const lanes = lanesOf(answer([row('a', 0, 10), row('b', 40, 50, 'video', 1)]))
  expect([-5, 5, 10, 45, 50].map((at) => nextRecorded(lanes, at))).toEqual([0, 5, 40, 45, null])
})

test('gaps are between recordings, and short ones are none', () => {
  const [lane] = lanesOf(answer([row('a', 0, 1000), row('b', 1500, 2000), row('c', 5000, 6000)]))
  expect(gapsOf(lane!)).toEqual([{ start: 2000, end: 5000, label: '' }])
})

test('ten thousand recordings are searched, not walked', () => {
  const [lane] = lanesOf(answer(Array.from({ length: 10_000 }, (_, n) => row(`i${n}`, n * 1000, n * 1000 + 900))))
  expect(segmentAt(lane!, 9_999_500)?.item).toBe('i9999')
  expect(segmentAt(lane!, 5_000_950)).toBe(null)
})

test('bounds hold what was recorded and noted; stages follow each other until now', () => {
  const iso = (ms: number): string => new Date(ms).toISOString()
  const model = modelOf(
    answer([row('a', 100_000, 200_000)], {
      stages: [{ at: iso(900_000), label: 'x', index: 1, exit_text: null }, { at: iso(950_000), label: 'y', index: 2, exit_text: null }],
      points: [{ at: iso(50_000), label: 'p', index: 3, replaced: false, uncertainty_ms: 0 }, { at: iso(1), label: 'old', index: 4, replaced: true, uncertainty_ms: 0 }],
    }),
    1_000_000,
  )
  expect([model.from < 50_000, model.from > 40_000, model.to > 200_000, model.to < 210_000]).toEqual([true, true, true, true])
  expect(model.points.map((one) => one.label)).toEqual(['p'])
  expect(model.stages).toEqual([{ start: 900_000, end: 950_000, label: 'x' }, { start: 950_000, end: 1_000_000, label: 'y' }])
})

test('a case without anything has a time line all the same', () => {
  const model = modelOf(answer([]), 1_000_000)
  expect(model.to).toBeGreaterThan(model.from)
})

test('the scene around a moment: recordings close to each other, the nearest such group', () => {
  const lanes = lanesOf(answer([row('a', 0, 1000), row('b', 1500, 2000, 'video', 1), row('c', 900_000, 901_000)]))
  expect(sceneAround(lanes, 500)).toEqual({ start: 0, end: 2000 })
  expect(sceneAround(lanes, 800_000)).toEqual({ start: 900_000, end: 901_000 })
  expect(sceneAround([], 0)).toBe(null)
})
