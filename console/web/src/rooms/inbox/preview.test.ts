import { expect, test } from 'vitest'

import { frames, type Sprites } from './preview'

const of = (count: number): Sprites => ({ every_ms: 10_000, width: 160, height: 90, columns: 12, rows: 10, count, sheets: Math.ceil(count / 120) })

test('pictures stand evenly from the first to the last', () => {
  expect(frames(of(361), 3)).toEqual([
    { at_ms: 0, sheet: 0, x: 0, y: 0 }, { at_ms: 1_800_000, sheet: 1, x: 0, y: 450 }, { at_ms: 3_600_000, sheet: 3, x: 0, y: 0 },
  ])
  expect(frames(of(2), 9).map((one) => [one.at_ms, one.x])).toEqual([[0, 0], [10_000, 160]])
  expect(frames(of(1), 9)).toEqual([{ at_ms: 0, sheet: 0, x: 0, y: 0 }])
  expect(frames(of(0), 9)).toEqual([])
})
