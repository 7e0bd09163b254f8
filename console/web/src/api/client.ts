/**
 * The server's API, typed by `openapi.yaml` (`npm run types` writes schema.d.ts).
 *
 * `ask(api.GET(...))` gives the data or throws a Problem; nothing is retried here.
 */
import createClient from 'openapi-fetch'

import { asProblem, problemOf } from './problem'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

let csrf: string | null = null
let language = 'zh-CN'
const lost = new Set<() => void>()

/** The token of this session, for every call that changes something. */
export function useToken(token: string | null): void {
  csrf = token
}

/** In which language the server words its problems. */
export function useLanguage(tag: string): void {
  language = tag
}

/** Called when an answer says that the session is over. */
export function onSignedOut(listener: () => void): () => void {
  lost.add(listener)
  return () => lost.delete(listener)
}

let stale: (() => Promise<void>) | null = null
let renewing: Promise<void> | null = null

/** What to do when the session is another than this page's; one at a time. */
export function onStale(renew: () => Promise<void>): void {
  stale = renew
}
export function tellStale(): void {
  renewing ??= (stale?.() ?? Promise.resolve()).finally(() => (renewing = null))
}

/** The session is over, said by an answer to what is no call of ours (an upload). */
export function tellSignedOut(): void {
  for (const listener of lost) listener()
}

/** Headers that every call of ours carries; for uploads and media, which are not typed calls. */
export function headers(): Record<string, string> {
  return { 'Accept-Language': language, ...(csrf === null ? {} : { 'X-CSRF-Token': csrf }) }
}

export const api = createClient<paths>({
  baseUrl: '',
  credentials: 'same-origin',
  fetch: (request: Request) => fetch(request),
})

api.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(headers())) request.headers.set(name, value)
    return request
  },
  async onResponse({ response }) {
    if (response.status !== 401 && response.status !== 403) return
    // A wrong password in a form is a refusal of that form, not the end of the session.
    const body = (await response.clone().json().catch(() => null)) as { code?: unknown } | null
    if (body?.code === 'csrf') tellStale()
    else if (response.status === 401 && body?.code !== 'bad-credentials') tellSignedOut()
  },
})

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer, or a thrown Problem. */
export async function ask<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await asked
  } catch (error) {
    throw asProblem(error)
  }
  if (!answer.response.ok) throw problemOf(answer.response.status, answer.error)
  return answer.data as T
}

/** A fetch of what is no typed call (files, SVG), with our headers; throws a Problem. */
export async function fetched(address: string, init: RequestInit = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(address, {
      credentials: 'same-origin',
      ...init,
      headers: { ...headers(), ...(init.headers as Record<string, string> | undefined) },
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw asProblem(error)
  }
  if (response.status === 401) tellSignedOut()
  if (!response.ok) {
    const body: unknown = await response.json().catch(() => null)
    throw problemOf(response.status, body)
  }
  return response
}

export { Problem, asProblem } from './problem'
