/** What a person does about recordings that wait: confirm, choose another case, refuse, undo. */
import { shallowRef, type ShallowRef } from 'vue'

import { api, ask, asProblem, type Schemas } from '@/api/client'
import { i18n } from '@/common/i18n'
import { say, sayProblem } from '@/common/say'
import { may } from '@/common/session'
import * as piles from './pile'
import type { Pile, Row } from './pile'

/** Acts in one request: few enough that the list moves while many are filed. */
const AT_ONCE = 50

interface Link {
  item: string
  case: string
  proposal?: boolean
  reason?: string
}

interface Gone {
  case: string
  row: Row
}

export interface Refusing {
  rows: readonly Row[]
  proposal: Schemas['ProposedCase']
}

export interface Filing {
  /** The rows for which a case is being looked for. */
  picking: ShallowRef<readonly Row[] | null>
  refusing: ShallowRef<Refusing | null>
  /** Whether anything is on its way now. */
  confirm: (rows: readonly Row[]) => boolean
  pick: (rows: readonly Row[]) => void
  picked: (found: { id: string }, reason: string) => void
  askRefusal: (rows: readonly Row[]) => void
  refuse: (reason: string) => Promise<void>
}

/** `settled`: called whenever lines have gone or come back. */
export function useFiling(pile: ShallowRef<Pile>, settled: () => void): Filing {
  const t = i18n.global.t
  const picking = shallowRef<readonly Row[] | null>(null)
  const refusing = shallowRef<Refusing | null>(null)
  /** What was linked and taken back is no proposal any more: a person has decided about it. */
  const decided = new Set<string>()

  let last = Promise.resolve()

  const idle = (rows: readonly Row[]): Row[] => rows.filter((row) => !pile.value.busy.has(row.id))
  function allowed(): boolean {
    if (!may('item.link')) say(t('inbox.may_not'), 'plain')
    return may('item.link')
  }

  /** Link rows to cases, one call after another; false: none of them has one. */
  function link(rows: readonly Row[], to: (row: Row) => { case: string; proposal: boolean } | null, reason?: string): boolean {
    const links = rows.flatMap((row) => {
      const goal = to(row)
      return goal === null ? [] : [{ item: row.id, case: goal.case, ...(goal.proposal ? { proposal: true } : { reason: reason ?? t('inbox.by_hand') }) }]
    })
    if (links.length === 0) {
      say(t('inbox.no_proposal'), 'plain')
      return false
    }
    pile.value = piles.sending(pile.value, links.map((one) => one.item))
    last = last.then(() => send(rows, links))
    return true
  }

  /** Those that fail stay with what was said of them. */
  async function send(rows: readonly Row[], links: readonly Link[]): Promise<void> {
    const known = new Map(rows.map((row) => [row.id, row]))
    const gone: Gone[] = []
    let refused = 0
    for (let n = 0; n < links.length; n += AT_ONCE) {
      const some = links.slice(n, n + AT_ONCE)
      const [done, told] = [new Set<string>(), new Map<string, string>()]
      try {
        const answer = await ask(api.POST('/api/inbox/links', { body: { links: some } }))
        for (const result of answer.results) {
          const row = known.get(result.item)
          if (typeof result.index !== 'number' || row === undefined) told.set(result.item, result.text ?? t('inbox.refused'))
          else {
            gone.push({ case: result.case, row })
            done.add(result.item)
          }
        }
      } catch (error) {
        const problem = asProblem(error)
        for (const one of some) told.set(one.item, problem.offline ? t('state.offline.title') : problem.message)
      }
      refused += told.size
      pile.value = piles.failed(piles.filed(pile.value, done), told)
      settled()
    }
    if (gone.length > 0) say(t('inbox.filed', { n: gone.length }), 'good', { label: t('inbox.undo'), run: () => void undo(gone) })
    if (refused > 0) say(t('inbox.some_refused', { n: refused }), 'bad')
  }

  async function undo(gone: readonly Gone[]): Promise<void> {
    const back: Row[] = []
    const hand = piles.under(pile.value)?.id
    for (const { case: of, row } of gone) {
      try {
        await ask(api.POST('/api/cases/{case}/links/{item}/unlink', { params: { path: { case: of, item: row.id } }, body: { reason: t('inbox.undo.reason') } }))
        back.push(row)
        decided.add(row.id)
      } catch (error) {
        sayProblem(error)
        if (asProblem(error).offline) break // the rest would fail alike, each with its message
      }
    }
    pile.value = piles.restored(pile.value, back, piles.under(pile.value)?.id !== hand) // who has gone on stays there
    settled()
    if (back.length > 0) say(t('inbox.undone', { n: back.length }))
  }

  function confirm(asked: readonly Row[]): boolean {
    const rows = idle(asked)
    if (rows.length === 0 || !allowed()) return false
    const without = rows.filter((row) => piles.proposalOf(pile.value, row) === undefined).length
    if (without > 0 && without < rows.length) say(t('inbox.without', { n: without }), 'plain')
    return link(rows, (row) => {
      const proposal = piles.proposalOf(pile.value, row)
      return proposal === undefined ? null : { case: proposal.case, proposal: !decided.has(row.id) }
    })
  }

  function pick(asked: readonly Row[]): void {
    const rows = idle(asked)
    if (rows.length > 0 && allowed()) picking.value = rows
  }

  function picked(found: { id: string }, reason: string): void {
    const rows = picking.value ?? []
    picking.value = null
    link(rows, () => ({ case: found.id, proposal: false }), reason)
  }

  /** Refuse what the first of them is proposed for, of all that are proposed for the same. */
  function askRefusal(asked: readonly Row[]): void {
    const rows = idle(asked)
    const proposal = rows[0] && piles.proposalOf(pile.value, rows[0])
    if (proposal === undefined) say(t('inbox.no_proposal'), 'plain')
    else if (allowed()) refusing.value = { rows: rows.filter((row) => row.proposals.some((one) => one.case === proposal.case)), proposal }
  }

  async function refuse(reason: string): Promise<void> {
    if (refusing.value === null) return
    const { rows, proposal } = refusing.value
    for (let n = 0; n < rows.length; n += AT_ONCE) {
      const refusals = rows.slice(n, n + AT_ONCE).map((row) => ({ item: row.id, case: proposal.case }))
      const answer = await ask(api.POST('/api/inbox/refusals', { body: { reason, refusals } }))
      const told = new Map(answer.results.filter((one) => typeof one.index !== 'number').map((one) => [one.item, one.text ?? t('inbox.refused')]))
      const done = new Set(refusals.map((one) => one.item).filter((id) => !told.has(id)))
      pile.value = piles.failed(piles.refusedCase(pile.value, done, proposal.case), told)
    }
    settled()
  }

  return { picking, refusing, confirm, pick, picked, askRefusal, refuse }
}
