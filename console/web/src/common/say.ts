/** Messages that pass: shown at the foot of the page and read out. */
import { reactive } from 'vue'

import { asProblem } from '@/api/problem'
import { i18n } from './i18n'

export interface Message {
  id: number
  text: string
  kind: 'good' | 'bad' | 'plain'
  action?: { label: string; run: () => void }
}

export const messages = reactive<Message[]>([])
let next = 1

export function unsay(id: number): void {
  const at = messages.findIndex((message) => message.id === id)
  if (at >= 0) messages.splice(at, 1)
}

/** Say `text`; with an action (undo) it stays longer, and what went wrong stays until closed. */
export function say(text: string, kind: Message['kind'] = 'good', action?: Message['action']): number {
  const id = next++
  messages.push({ id, text, kind, ...(action === undefined ? {} : { action }) })
  if (messages.length > 4) messages.shift()
  if (kind !== 'bad') setTimeout(() => unsay(id), action === undefined ? 5000 : 9000)
  return id
}

/** Say what went wrong, with the next step. */
export function sayProblem(error: unknown): void {
  const problem = asProblem(error)
  const t = i18n.global.t
  const title = problem.offline ? t('state.offline.title') : problem.message
  const step = problem.offline ? t('state.offline.next') : problem.next
  say(step === '' ? title : `${title} ${step}`, 'bad')
}
