import { expect, test } from 'vitest'

import { follow, LEAST_MS, pan, ticks, toTime, toX, within, zoom } from './scale'

const bounds = { from: 0, to: 1_000_000 }

test('times and places are each other’s inverse', () => {
  const view = { from: 1000, to: 9000 }
  for (const at of [1000, 2500, 9000]) expect(toTime(view, 800, toX(view, 800, at))).toBeCloseTo(at)
})

test('zooming keeps the moment under the hand and stays within the bounds', () => {
  let view = { ...bounds }
  const anchor = 250_000
  const before = toX(view, 1000, anchor)
  view = zoom(view, bounds, 0.5, anchor)
  expect(toX(view, 1000, anchor)).toBeCloseTo(before)
  for (let n = 0; n < 60; n += 1) view = zoom(view, bounds, 0.5, anchor)
  expect(view.to - view.from).toBeCloseTo(LEAST_MS)
  for (let n = 0; n < 60; n += 1) view = zoom(view, bounds, 2, anchor)
  expect(view).toEqual(bounds)
})

test('nothing leaves the bounds', () => {
  expect(within({ from: -500, to: 500 }, bounds)).toEqual({ from: 0, to: 1000 })
  expect(pan({ from: 0, to: 1000 }, bounds, 5_000_000)).toEqual({ from: 999_000, to: 1_000_000 })
  expect(within({ from: 0, to: 100 }, { from: 0, to: 100 })).toEqual({ from: 0, to: 100 })
})

test('the view follows only when the moment leaves it', () => {
  const view = { from: 0, to: 1000 }
  expect(follow(view, bounds, 900)).toBe(view)
  expect(follow(view, bounds, 1500)).toEqual({ from: 1400, to: 2400 })
})

test('ticks stand on the wall clock of the zone', () => {
  const eight = 8 * 3_600_000
  const day = { from: Date.UTC(2026, 10, 26), to: Date.UTC(2026, 10, 30) }
  const found = ticks(day, 400, eight)
  expect(found.every((at) => (at + eight) % 86_400_000 === 0)).toBe(true)
  expect(found.length).toBeGreaterThan(2)
  expect(ticks({ from: 0, to: 400 }, 1000, 0)).toEqual([0, 40, 80, 120, 160, 200, 240, 280, 320, 360, 400])
})
