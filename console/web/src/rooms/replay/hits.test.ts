import { expect, test } from 'vitest'

import { append } from './answer'
import { happeningsOf } from './happenings'
import { hitAt } from './hits'
import { modelOf, type Answer } from './lanes'
import { ROWS, type MarkSpan } from './paint'

const iso = (ms: number): string => new Date(ms).toISOString()
const COLUMNS = ['item', 'start_ms', 'end_ms', 'uncertainty_ms', 'kind', 'carrier', 'person', 'device', 'stage', 'marks', 'late']
const answer = (): Answer => ({
  columns: COLUMNS, people: ['p'], devices: ['d'], untimed: [], recordings: [['a', 0, 100_000, 0, 'video', 'body_camera', 0, 0, null, [], null]],
  stages: [{ at: iso(10_000), label: 'Inquiry', index: 1, exit_text: null }],
  points: [{ at: iso(50_000), label: 'Arrived', index: 2, replaced: false, uncertainty_ms: 0 }],
  documents: [{ at: iso(52_000), label: 'Notice', index: 3 }],
  holes: [{ start: iso(60_000), end: iso(62_500), state: 'explained', asked: true, text: 'battery', rule: 'r' }],
})
const mark = (id: string, start: number, end: number): MarkSpan => ({ id, start, end, text: id, category: 'key' })
const scene = { model: modelOf(answer(), 100_000), marks: [mark('wide', 20_000, 80_000), mark('narrow', 30_000, 40_000), mark('moment', 90_000, 90_000)], view: { from: 0, to: 100_000 } }
const WIDE = 1000
const [STAGES, EVENTS, MARKS] = [ROWS.ruler + 5, ROWS.ruler + ROWS.stages + 5, ROWS.ruler + ROWS.stages + ROWS.events + 5]

test('each row of the head answers for its own things', () => {
  expect(hitAt(scene, WIDE, 500, 5)).toBe(null)
  expect(hitAt(scene, WIDE, 500, STAGES)).toEqual({ kind: 'stage', at: 10_000, label: 'Inquiry' })
  expect(hitAt(scene, WIDE, 50, STAGES)).toBe(null)
  expect(hitAt(scene, WIDE, 503, EVENTS)?.label).toBe('Arrived')
  expect(hitAt(scene, WIDE, 517, EVENTS)?.label).toBe('Notice')
  expect(hitAt(scene, WIDE, 560, EVENTS)).toBe(null)
})

test('of marks over each other the shortest is meant; a moment is caught from beside it', () => {
  expect(hitAt(scene, WIDE, 350, MARKS)?.id).toBe('narrow')
  expect(hitAt(scene, WIDE, 700, MARKS)?.id).toBe('wide')
  expect(hitAt(scene, WIDE, 905, MARKS)?.id).toBe('moment')
  expect(hitAt(scene, WIDE, 950, MARKS)).toBe(null)
})

test('everything that happened is in one list, in the order of time', () => {
  const all = happeningsOf(scene.model, scene.marks.slice(2), () => 'Camera', (ms) => `${ms / 1000} s missing`)
  expect(all.map((one) => [one.kind, one.label])).toEqual([
    ['start', 'Camera'], ['stage', 'Inquiry'], ['point', 'Arrived'], ['document', 'Notice'], ['hole', '2.5 s missing'], ['mark', 'moment'],
  ])
  expect(all.find((one) => one.kind === 'hole')).toMatchObject({ note: 'battery' })
})

test('a further page has its own lists of people and devices', () => {
  const whole = answer()
  append(whole, { ...answer(), people: ['q', 'p'], devices: ['e'], recordings: [['b', 5, 6, 0, 'video', 'body_camera', 1, 0, null, [], null]] })
  expect([whole.people, whole.devices]).toEqual([['p', 'q'], ['d', 'e']])
  expect(whole.recordings[1]?.slice(6, 8)).toEqual([0, 1])
})
