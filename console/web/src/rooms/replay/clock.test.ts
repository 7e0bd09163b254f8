import { describe, expect, test } from 'vitest'

import { CLOSE_MS, Leader, percentile, SETTLED_MS, shared, stepRate, SyncClock } from './clock'

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

/** What is decided after these readings. */
function decided(leader: Leader, errors: readonly number[], rate = 1) {
  for (const error of errors.slice(0, -1)) {
    leader.read(error)
    leader.next(rate)
  }
  leader.read(errors.at(-1) ?? 0)
  return leader.next(rate)
}

const thrice = (error: number): number[] => [error, error, error]

describe('leading a video', () => {
  test('leaves alone what is close', () => {
    for (const error of [-CLOSE_MS, 0, CLOSE_MS]) expect(decided(new Leader(), thrice(error))).toEqual({ jump: false, rate: 1 })
  })

  test('slows what is ahead and hurries what is behind, within bounds', () => {
    expect(decided(new Leader(), thrice(100)).rate).toBeCloseTo(0.8)
    expect(decided(new Leader(), thrice(-100)).rate).toBeCloseTo(1.2)
    expect(decided(new Leader(), thrice(-499)).rate).toBeCloseTo(1.5)
    expect(decided(new Leader(), thrice(499), 2).rate).toBeCloseTo(1)
    expect(decided(new Leader(), thrice(-700), 2).rate).toBeLessThanOrEqual(3)
  })

  test('sets anew what is far off, at once', () => {
    expect(decided(new Leader(), [501]).jump).toBe(true)
    expect(decided(new Leader(), [-501]).jump).toBe(true)
  })

  test('a page that reads late once moves nothing', () => {
    const leader = new Leader()
    for (const error of [1, 1, 1, -40, 1, 1, 1]) expect(decided(leader, [error]).rate).toBe(1)
  })

  test('what is led is led to the end, what is close is not begun', () => {
    const leader = new Leader()
    const moved = [12, 12, 12, CLOSE_MS - 1, SETTLED_MS + 1, SETTLED_MS, CLOSE_MS - 1, CLOSE_MS - 1].map((error) => decided(leader, [error]).rate !== 1)
    expect(moved).toEqual([false, false, true, true, true, false, false, false])
  })

  test('what was read before a seek does not count', () => {
    const leader = new Leader()
    decided(leader, [100, 100])
    leader.forget()
    expect(leader.steady).toBeNull()
    expect(decided(leader, [100]).rate).toBe(1)
  })

  test('led every 100 ms with 20 ms lost whenever it begins, any start within the jump settles in five seconds', () => {
    for (const start of [-490, -150, -12, 12, 60, 480]) {
      const leader = new Leader()
      let error = start
      let rate = 1
      for (let n = 0; n < 50; n += 1) {
        const next = decided(leader, [error]).rate
        if (rate === 1 && next !== 1) error -= 20
        rate = next
        error += (rate - 1) * 100
      }
      expect(Math.abs(error)).toBeLessThanOrEqual(SETTLED_MS)
      expect(rate).toBe(1)
    }
  })
})

test('the clock goes with videos that agree, and only with those', () => {
  expect(shared([-60, -52])).toBe(-56)
  expect(shared([-60])).toBe(-60)
  expect(shared([-60, 0])).toBe(0) // one of them is late: it is led
  expect(shared([-4, 3, 5])).toBe(0) // close enough
  expect(shared([-60, null])).toBe(0) // one is not known yet
  expect(shared([-900])).toBe(0) // it jumps
  expect(shared([])).toBe(0)
})

test('rates go up and down their steps', () => {
  expect([stepRate(1, 1), stepRate(16, 1), stepRate(0.25, -1), stepRate(2, -1), stepRate(3, 1)]).toEqual([1.5, 16, 0.25, 1.5, 8])
})

test('percentiles', () => {
  expect(percentile([5, 1, 3, 2, 4], 0.95)).toBe(5)
  expect(percentile([], 0.5)).toBeNaN()
})
