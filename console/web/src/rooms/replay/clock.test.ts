import { describe, expect, test } from 'vitest'

import { correction, percentile, stepRate, SyncClock } from './clock'

describe('the clock', () => {
  test('stands until it is played, runs at its rate, and stands where it is paused', () => {
    const clock = new SyncClock(10_000, 0)
    expect(clock.now(500)).toBe(10_000)
    clock.play(1000)
    expect(clock.now(1500)).toBe(10_500)
    clock.setRate(4, 2000)
    expect(clock.now(2000)).toBe(11_000)
    expect(clock.now(2250)).toBe(12_000)
    clock.pause(2250)
    expect(clock.now(9000)).toBe(12_000)
  })

  test('held, it stands still and goes on where it stood', () => {
    const clock = new SyncClock(0, 0)
    clock.play(0)
    clock.hold(true, 100)
    expect(clock.now(5000)).toBe(100)
    clock.hold(false, 5000)
    expect(clock.now(5100)).toBe(200)
  })

  test('a seek while it runs goes on from there', () => {
    const clock = new SyncClock(0, 0)
    clock.play(0)
    clock.seek(60_000, 1000)
    expect(clock.now(1100)).toBe(60_100)
  })
})

describe('leading a video', () => {
  test('leaves alone what is within a frame', () => {
    for (const error of [-8, 0, 8]) expect(correction(error, 1)).toEqual({ jump: false, rate: 1 })
  })

  test('slows what is ahead and hurries what is behind, within bounds', () => {
    expect(correction(100, 1).rate).toBeCloseTo(0.8)
    expect(correction(-100, 1).rate).toBeCloseTo(1.2)
    expect(correction(-499, 1).rate).toBeCloseTo(1.5)
    expect(correction(499, 2).rate).toBeCloseTo(1)
    expect(correction(-700, 2).rate).toBeLessThanOrEqual(3)
  })

  test('sets anew what is far off', () => {
    expect(correction(501, 1).jump).toBe(true)
    expect(correction(-501, 1).jump).toBe(true)
  })

  test('led every 100 ms, any start within the jump settles below 20 ms in five seconds', () => {
    for (const start of [-490, -150, 60, 480]) {
      let error = start
      for (let n = 0; n < 50; n += 1) error += (correction(error, 1).rate - 1) * 100
      expect(Math.abs(error)).toBeLessThanOrEqual(20)
    }
  })
})

test('rates go up and down their steps', () => {
  expect([stepRate(1, 1), stepRate(16, 1), stepRate(0.25, -1), stepRate(2, -1), stepRate(3, 1)]).toEqual([1.5, 16, 0.25, 1.5, 8])
})

test('percentiles', () => {
  expect(percentile([5, 1, 3, 2, 4], 0.95)).toBe(5)
  expect(percentile([], 0.5)).toBeNaN()
})
