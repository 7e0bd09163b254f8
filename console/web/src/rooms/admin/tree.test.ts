import { expect, test } from 'vitest'

import { kindOf } from './sheet'
import { treeOf } from './tree'

test('each stands below its parent; an unknown parent is the top, a circle is cut', () => {
  const rows = treeOf([
    { id: 'b', name: '二', parent: 'a' }, { id: 'a', name: '一', parent: null }, { id: 'c', name: '三', parent: 'gone' },
    { id: 'x', name: 'x', parent: 'y' }, { id: 'y', name: 'y', parent: 'x' },
  ])
  expect(rows.filter(({ one }) => one.id !== 'x' && one.id !== 'y').map(({ one, depth }) => [one.id, depth]).sort()).toEqual([['a', 0], ['b', 1], ['c', 0]])
  expect(rows).toHaveLength(5)
})

test('the kind of a sheet is that of its name', () => {
  expect(['A.CSV', 'b.xlsx', 'c.json', 'd.toml', 'e.doc', 'f'].map(kindOf)).toEqual(['text/csv', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'application/json', 'application/toml', null, null])
})
