import { afterEach, expect, test, vi } from 'vitest'

import { placeOf, Thumbs } from './thumbs'

const INDEX = { every_ms: 10_000, width: 160, height: 90, columns: 12, rows: 10, count: 130 }
afterEach(() => vi.unstubAllGlobals())

test('each ten seconds has its picture, row by row, sheet by sheet', () => {
  expect(placeOf(INDEX, 0)).toEqual({ sheet: 0, x: 0, y: 0 })
  expect(placeOf(INDEX, 9_999)).toEqual({ sheet: 0, x: 0, y: 0 })
  expect(placeOf(INDEX, 130_000)).toEqual({ sheet: 0, x: 160, y: 90 })
  expect(placeOf(INDEX, 1_200_000)).toEqual({ sheet: 1, x: 0, y: 0 })
})

test('before the begin the first is shown, after the end the last', () => {
  expect(placeOf(INDEX, -5)).toEqual({ sheet: 0, x: 0, y: 0 })
  expect(placeOf(INDEX, 9_999_999)).toEqual(placeOf(INDEX, 1_290_000))
})

test('the poster stands in until the sheets are there, and stays where nothing moves', async () => {
  const answers = [new Response('{}', { status: 202 }), new Response(JSON.stringify(INDEX)), new Response('{}', { status: 404 })]
  const asked: string[] = []
  vi.stubGlobal('fetch', async (address: string) => {
    asked.push(address)
    return answers.shift()
  })
  let time = 0
  vi.spyOn(performance, 'now').mockImplementation(() => time)
  const thumbs = new Thumbs(() => undefined)
  expect(thumbs.at('a', 25_000).src).toBe('/api/items/a/poster')
  await Promise.resolve()
  thumbs.at('a', 25_000)
  expect(asked).toHaveLength(1) // they are being made: not asked again at once
  time = 2500
  thumbs.at('a', 25_000)
  await vi.waitFor(() => expect(thumbs.at('a', 25_000)).toEqual({ src: '/api/items/a/sprites/0', x: 320, y: 0, width: 160, height: 90 }))
  thumbs.at('b', 0)
  await vi.waitFor(() => expect(asked).toHaveLength(3))
  time = 9000
  await vi.waitFor(() => expect(thumbs.at('b', 0)).toEqual({ src: '/api/items/b/poster' }))
  expect(asked).toHaveLength(3)
})
