import { expect, test } from 'vitest'

import { append, choose, EMPTY, failed, filed, focusOn, move, proposalOf, restored, target, toggle, toggleConfident, without, type Row } from './pile'

const row = (id: string, confident = false, cases: string[] = ['c1', 'c2']): Row =>
  ({ id, confident, proposals: cases.map((one) => ({ case: one, number: one, title: '', score: 900, confident, reasons: [] })) }) as unknown as Row
const pile = append(EMPTY, ['a', 'b', 'c', 'd'].map((id) => row(id)))
const ids = (rows: readonly Row[]): string => rows.map((one) => one.id).join('')

test('rows that are there already are not doubled', () => {
  expect(ids(append(pile, [row('d'), row('e')]).rows)).toBe('abcde')
})

test('the next row comes under the hand when one goes', () => {
  const at = focusOn(pile, 'b')
  const after = filed(at, ['b'])
  expect([ids(after.rows), after.rows[after.focus]?.id, after.done]).toEqual(['acd', 'c', 1])
  const last = filed(focusOn(pile, 'd'), ['d'])
  expect(last.rows[last.focus]?.id).toBe('c')
  const many = filed(focusOn(pile, 'c'), ['a', 'b', 'c'])
  expect([ids(many.rows), many.focus, many.done]).toEqual(['d', 0, 3])
  expect(filed(many, ['d']).focus).toBe(0)
})

test('moving stays inside, and extends what is selected', () => {
  expect(move(pile, -5).focus).toBe(0)
  expect(move(pile, 99).focus).toBe(3)
  expect([...move(move(pile, 1, true), 1, true).selected].sort()).toEqual(['a', 'b', 'c'])
})

test('a key works on what is selected, else on what is under the hand', () => {
  expect(ids(target(move(pile, 1)))).toBe('b')
  expect(ids(target(toggle(toggle(pile, 'd'), 'a')))).toBe('ad')
  expect(target(EMPTY)).toEqual([])
})

test('all that are sure are selected at once, and let go at once', () => {
  const some = append(EMPTY, [row('a', true), row('b'), row('c', true)])
  const all = toggleConfident(some)
  expect([...all.selected]).toEqual(['a', 'c'])
  expect([...toggleConfident(all).selected]).toEqual([])
})

test('another proposal is chosen, and only one that is there', () => {
  expect(proposalOf(choose(pile, 'a', 1), pile.rows[0]!)?.case).toBe('c2')
  expect(proposalOf(choose(pile, 'a', 2), pile.rows[0]!)?.case).toBe('c1')
  expect(proposalOf(pile, row('x', false, []))).toBe(undefined)
})

test('what the server refused stays, with what it said', () => {
  const after = failed(toggle(pile, 'b'), new Map([['b', 'not yours']]))
  expect([ids(after.rows), after.refused.get('b'), after.selected.size]).toEqual(['abcd', 'not yours', 0])
})

test('what is undone comes back under the hand', () => {
  const after = restored(filed(focusOn(pile, 'c'), ['c']), [row('c')])
  expect([ids(after.rows), after.rows[after.focus]?.id, after.done]).toEqual(['abcd', 'c', 0])
})

test('a refused proposal goes; the next one stands first', () => {
  const after = without(append(EMPTY, [row('a', true)]), 'a', 'c1')
  expect([after.rows[0]!.proposals.map((one) => one.case), after.rows[0]!.confident]).toEqual([['c2'], true])
  expect(without(after, 'a', 'c2').rows[0]!.confident).toBe(false)
})
