import { expect, test } from 'vitest'

import { append, choose, EMPTY, failed, filed, focusOn, move, open, proposalOf, refusedCase, restored, selection, target, toggle, toggleConfident, under, type Pile, type Row } from './pile'

const row = (id: string, confident = false, cases: string[] = ['c1', 'c2']): Row =>
  ({ id, confident, attribution: null, proposals: cases.map((one, n) => ({ case: one, number: one, title: '', score: 900, confident: confident && n === 0, reasons: [] })) }) as unknown as Row
/** Recordings of one device, a minute apart: those of one case are a group. */
const timed = (id: string, minute: number, cases: string[] = ['c1', 'c2'], device = 'd1'): Row =>
  ({ ...row(id, true, cases), attribution: { device: { id: device }, person: { id: 'p' }, start: new Date(minute * 60_000).toISOString(), end: null, marks: [] } }) as unknown as Row

const pile = append(EMPTY, ['a', 'b', 'c', 'd'].map((id) => row(id)))
/** One single, a group of three, one single, a group of two. */
const mixed = append(EMPTY, [row('x'), timed('a', 0), timed('b', 1), timed('c', 2), row('y'), timed('k', 0, ['c9'], 'd2'), timed('l', 1, ['c9'], 'd2')])
const ids = (rows: readonly Row[]): string => rows.map((one) => one.id).join('')
const lines = (one: Pile): string => one.lines.map((line) => (line.group ? `(${ids(line.rows)})` : line.within ? `.${line.id}` : line.id)).join(' ')
const hand = (one: Pile): string | undefined => under(one)?.id

test('rows that are there already are not doubled', () => {
  expect(ids(append(pile, [row('d'), row('e')]).rows)).toBe('abcde')
})

test('the next row comes under the hand when one goes', () => {
  const after = filed(focusOn(pile, 'b'), ['b'])
  expect([ids(after.rows), hand(after), after.done]).toEqual(['acd', 'c', 1])
  expect(hand(filed(focusOn(pile, 'd'), ['d']))).toBe('c')
  const many = filed(focusOn(pile, 'c'), ['a', 'b', 'c'])
  expect([ids(many.rows), hand(many), many.done]).toEqual(['d', 'd', 3])
  expect(filed(many, ['d']).focus).toBe(0)
})

test('moving stays inside, and extends what is selected', () => {
  expect(move(pile, -5).focus).toBe(0)
  expect(move(pile, 99).focus).toBe(3)
  expect([...move(move(pile, 1, true), 1, true).selected].sort()).toEqual(['a', 'b', 'c'])
  expect([...move(mixed, 1, true).selected].sort()).toEqual(['a', 'b', 'c', 'x'])
})

test('a key works on what is selected, else on what is under the hand', () => {
  expect(ids(target(move(pile, 1)))).toBe('b')
  expect(ids(target(toggle(toggle(pile, [row('d')]), [row('a')])))).toBe('ad')
  expect(target(EMPTY)).toEqual([])
  expect(ids(target(move(mixed, 1)))).toBe('abc')
})

test('a group is one line until it is opened, and closes under the hand', () => {
  expect(lines(mixed)).toBe('x (abc) y (kl)')
  const opened = open(move(mixed, 1), true)
  expect([lines(opened), hand(opened)]).toEqual(['x (abc) .a .b .c y (kl)', 'ga'])
  const closed = open(focusOn(opened, 'b'), false)
  expect([lines(closed), hand(closed)]).toEqual(['x (abc) y (kl)', 'ga'])
  expect(open(mixed, true)).toBe(mixed)
})

test('single ones of a group are left out', () => {
  const all = toggle(open(move(mixed, 1), true), mixed.rows.slice(1, 4))
  const some = toggle(all, mixed.rows.slice(2, 3))
  expect([selection(some, mixed.rows.slice(1, 4)), ids(target(some))]).toEqual(['some', 'ac'])
  const after = filed(some, ['a', 'c'])
  expect([lines(after), hand(after)]).toEqual(['x b y (kl)', 'b'])
})

test('one key after another empties the pile, group by group', () => {
  let [rest, keys] = [mixed, 0]
  while (rest.lines.length > 0) {
    rest = filed(rest, target(rest).map((one) => one.id))
    keys += 1
  }
  expect([keys, rest.done]).toEqual([4, 7])
})

test('rows that come later join their group, and the hand stays', () => {
  const at = focusOn(open(move(mixed, 1), true), 'y')
  const after = append(at, [timed('d', 3)])
  expect([lines(after), hand(after)]).toEqual(['x (abcd) .a .b .c .d y (kl)', 'y'])
})

test('all that are sure are selected at once, and let go at once', () => {
  const some = append(EMPTY, [row('a', true), row('b'), row('c', true)])
  const all = toggleConfident(some)
  expect([...all.selected]).toEqual(['a', 'c'])
  expect([...toggleConfident(all).selected]).toEqual([])
})

test('another proposal is chosen, for one or for all of a group, and only one that is there', () => {
  const a = pile.rows.slice(0, 1)
  expect(proposalOf(choose(pile, a, 1), a[0]!)?.case).toBe('c2')
  expect(proposalOf(choose(pile, a, 2), a[0]!)?.case).toBe('c1')
  expect(proposalOf(pile, row('x', false, []))).toBe(undefined)
  const group = mixed.rows.slice(1, 4)
  const chosen = choose(mixed, group, 1)
  expect([lines(chosen), group.map((one) => proposalOf(chosen, one)?.case)]).toEqual(['x (abc) y (kl)', ['c2', 'c2', 'c2']])
})

test('what the server refused stays in sight, with what it said', () => {
  const after = failed(toggle(pile, pile.rows.slice(1, 2)), new Map([['b', 'not yours']]))
  expect([ids(after.rows), after.refused.get('b'), after.selected.size]).toEqual(['abcd', 'not yours', 0])
  expect(lines(failed(mixed, new Map([['b', 'not yours']])))).toBe('x (abc) .a .b .c y (kl)')
})

test('what is undone comes back under the hand', () => {
  const after = restored(filed(focusOn(pile, 'c'), ['c']), [row('c')])
  expect([ids(after.rows), hand(after), after.done]).toEqual(['abcd', 'c', 0])
  const group = restored(filed(move(mixed, 1), ['a', 'b', 'c']), mixed.rows.slice(1, 4))
  expect([lines(group), hand(group)]).toEqual(['x (abc) y (kl)', 'ga'])
  expect(ids(restored(filed(pile, ['a', 'b', 'c', 'd']), [row('b')]).rows)).toBe('b')
})

test('a refused proposal goes; the next one stands first', () => {
  const after = refusedCase(append(EMPTY, [row('a', true)]), new Set(['a']), 'c1')
  expect([after.rows[0]!.proposals.map((one) => one.case), after.rows[0]!.confident]).toEqual([['c2'], false])
  expect(refusedCase(after, new Set(['a']), 'c2').rows[0]!.confident).toBe(false)
  expect(lines(refusedCase(mixed, new Set(['a', 'b', 'c']), 'c1'))).toBe('x (abc) y (kl)')
})

test('two thousand recordings: a step of the hand is quick', () => {
  const many = append(EMPTY, Array.from({ length: 2000 }, (_, n) => timed(`r${n}`, n, [`c${Math.floor(n / 7)}`])))
  expect(many.lines.length).toBe(286)
  const begun = performance.now()
  let at = many
  for (let n = 0; n < 200; n += 1) at = move(at, 1)
  expect([at.focus, (performance.now() - begun) / 200 < 5]).toEqual([200, true])
})
