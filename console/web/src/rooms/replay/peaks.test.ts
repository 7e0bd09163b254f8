import { expect, test } from 'vitest'

import { extent, levelFor, loudest, parsePeaks } from './peaks'

function made(): ArrayBuffer {
  const buffer = new ArrayBuffer(12 + 24 + 8 + 4)
  const [bytes, view] = [new Uint8Array(buffer), new DataView(buffer)]
  bytes.set([...'LHPEAKS1'].map((c) => c.charCodeAt(0)))
  view.setUint32(8, 2, true)
  ;[[1, 2, 44], [2, 4, 36]].forEach(([rate, count, first], n) => {
    view.setUint32(12 + 12 * n, rate!, true)
    view.setUint32(16 + 12 * n, count!, true)
    view.setUint32(20 + 12 * n, first!, true)
  })
  new Int8Array(buffer, 36).set([-1, 2, -30, 40, -5, 6, -7, 8, -30, 40, -7, 8])
  return buffer
}

test('levels are read from finest to coarsest', () => {
  const levels = parsePeaks(made())
  expect(levels.map((level) => [level.rate, level.count])).toEqual([[2, 4], [1, 2]])
  expect(loudest(levels)).toBe(40)
  expect(levelFor(levels, 1)?.rate).toBe(1)
  expect(levelFor(levels, 0.01)?.rate).toBe(2)
  expect(extent(levels[0]!, 0, 0.4)).toEqual([-1, 2])
  expect(extent(levels[0]!, 0, 2)).toEqual([-30, 40])
  expect(extent(levels[0]!, 100, 101)).toEqual([0, 0])
})

test('other bytes are no peaks', () => {
  expect(() => parsePeaks(new ArrayBuffer(20))).toThrow('expected LHPEAKS1')
})
