import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { BREATH_MS, Hand } from './hand'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function made() {
  const went: number[] = []
  let busy = false
  const hand = new Hand((at) => void went.push(at), () => busy)
  return { hand, went, is: (now: boolean) => void (busy = now) }
}

describe('the hand on the time line', () => {
  test('a click goes at the next frame, to the newest place', () => {
    const { hand, went } = made()
    hand.to(1, false)
    hand.to(2, false)
    expect(hand.waiting).toBe(true)
    vi.advanceTimersByTime(20)
    expect(went).toEqual([2])
    expect(hand.waiting).toBe(false)
  })

  test('a drag goes with a breath between, and its last place is reached', () => {
    const { hand, went } = made()
    for (let at = 0; at < 50; at += 1) {
      hand.to(at, true)
      vi.advanceTimersByTime(16)
    }
    vi.advanceTimersByTime(BREATH_MS)
    expect(went.length).toBeLessThanOrEqual((50 * 16) / BREATH_MS + 1)
    expect(went.at(-1)).toBe(49)
  })

  test('a drag waits for pictures that are on their way, but not for ever', () => {
    const { hand, went, is } = made()
    is(true)
    hand.to(5, true)
    vi.advanceTimersByTime(500)
    expect(went).toEqual([])
    is(false)
    vi.advanceTimersByTime(BREATH_MS)
    expect(went).toEqual([5])
    is(true)
    hand.to(6, true)
    vi.advanceTimersByTime(1500)
    expect(went).toEqual([5, 6])
  })

  test('a click after a drag goes at once, and nothing follows', () => {
    const { hand, went } = made()
    hand.to(1, true)
    hand.to(9, false)
    vi.advanceTimersByTime(1000)
    expect(went).toEqual([9])
  })

  test('who has left is not moved', () => {
    const { hand, went } = made()
    hand.to(1, false)
    hand.stop()
    hand.to(2, true)
    hand.stop()
    vi.advanceTimersByTime(1000)
    expect(went).toEqual([])
  })
})
