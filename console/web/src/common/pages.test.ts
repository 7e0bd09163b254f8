import { expect, test, vi } from 'vitest'
import { effectScope } from 'vue'

import { everyPage, usePaged } from './pages'

test('a list is read to its end, each page by the cursor of the one before', async () => {
  const asked: unknown[] = []
  const rows = await everyPage(async (after) => {
    asked.push(after)
    const first = Number(after.cursor ?? 0)
    return [[first, first + 1], first < 4 ? first + 2 : null]
  })
  expect(rows).toEqual([0, 1, 2, 3, 4, 5])
  expect(asked).toEqual([{}, { cursor: '2' }, { cursor: '4' }])
})

test('a register shows a page, the next, all that is left; read anew it is as long as it was', async () => {
  const page = async (after: { cursor?: string }): Promise<[number[], number | null]> => {
    const first = Number(after.cursor ?? 0)
    return [[first, first + 1], first < 8 ? first + 2 : null]
  }
  const rows = effectScope().run(() => usePaged(page))!
  const shown = (): unknown => [rows.load.data.value, rows.more.value]
  await vi.waitFor(() => expect(shown()).toEqual([[0, 1], true]))
  await rows.showMore()
  expect(shown()).toEqual([[0, 1, 2, 3], true])
  await rows.load.reload()
  expect(shown()).toEqual([[0, 1, 2, 3], true])
  await Promise.all([rows.showMore(true), rows.showMore(true)])
  expect(shown()).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], false])
})
