import { expect, test } from 'vitest'

import { below, overseen, overseesOthers, parameters, read, write } from './filter'
import { treeOf } from '../admin/tree'

const U = (n: number): string => String(n).repeat(32)

test('an officer sees his own without a word, whoever oversees others sees them', () => {
  expect([overseesOthers(['officer']), overseesOthers(['officer', 'unit_head']), overseesOthers(['reviewer'])]).toEqual([false, true, true])
  expect([read({}, true).mine, read({}, false).mine, read({ all: 'true' }, true).mine, read({ mine: 'true' }, false).mine]).toEqual([true, false, false, true])
})

test('the address keeps the filter', () => {
  for (const own of [true, false]) {
    for (const said of [{}, { overdue: 'true' }, { unit: U(1), officer: U(2) }, { unclaimed: 'true' }, own ? { all: 'true' } : { mine: 'true' }]) {
      expect(write(read(said, own), own)).toEqual(said)
    }
  }
  expect(read({ unit: 'x', officer: ['1'] }, false)).toMatchObject({ unit: '', officer: '' })
})

test('a unit and an officer are asked for; what nobody claims is asked for without a person', () => {
  expect(parameters(read({}, true))).toEqual({ person: 'me' })
  expect(parameters(read({ unit: U(1), officer: U(2), overdue: 'true' }, false))).toEqual({ unit: U(1), person: U(2), overdue: 'true' })
  expect(parameters(read({ unclaimed: 'true' }, true))).toEqual({ unclaimed: 'true' })
})

test('one may choose among the units that one oversees', () => {
  const unit = (id: string, parent: string | null, organ = 'o1'): { id: string; organ: string; name: string; parent: string | null } => ({ id, organ, name: id, parent })
  const tree = treeOf([unit('a', null), unit('a1', 'a'), unit('a11', 'a1'), unit('b', null), unit('z', null, 'o2')])
  const names = (placed: { one: { id: string } }[]): string => placed.map(({ one }) => one.id).join(' ')
  expect(names(below(tree, 'a1'))).toBe('a1 a11')
  expect(names(below(tree, 'b'))).toBe('b')
  expect(names(below(tree, 'nowhere'))).toBe('')
  const who = (role: string): { roles: string[]; unit: string; organ: string } => ({ roles: [role], unit: 'a', organ: 'o1' })
  expect([names(overseen(tree, who('unit_head'))), names(overseen(tree, who('organ_head'))), names(overseen(tree, who('supervisor')))]).toEqual(['a a1 a11', 'a a1 a11 b', 'a a1 a11 b z'])
})
