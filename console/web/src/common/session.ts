/** Who looks, and what he may do somewhere.  Asked once, before anything is drawn. */
import { shallowRef } from 'vue'

import { api, ask, onStale, tellSignedOut, useToken, type Schemas } from '@/api/client'
import { signedIn } from './start'

export type Session = Schemas['Session']

const current = shallowRef<Session | null>(null)
/** Whose page this is: who was signed in when it was loaded. */
let owner: string | null = null

export async function loadSession(): Promise<Session> {
  const found = await ask(api.GET('/api/session'))
  useToken(found.csrf)
  current.value = found
  owner ??= found.actor
  return found
}

/** Whether the person for whom the page was loaded is the one who is signed in now. */
export const isOwner = (): boolean => current.value !== null && current.value.actor === owner

/** Another tab has made another session: the page goes on if it is the same person's. */
onStale(async () => {
  const there = await loadSession().catch(() => null)
  if (there !== null && isOwner()) signedIn()
  else tellSignedOut()
})

/** The session of this page; loaded before the first room is drawn. */
export function useSession(): Session {
  if (current.value === null) throw new Error('session: expected a loaded one, got none')
  return current.value
}

export const sessionOrNull = (): Session | null => current.value

/**
 * Whether he may do this to something (`console/matrix.toml`); the object decides at last.
 * A program's token has rights and no permissions: it is shown all and refused by the server.
 */
export const may = (permission: string): boolean =>
  current.value !== null && (current.value.person === null || current.value.permissions.includes(permission))

/** The sign-in page, which leads back to where we are. */
export function signInAddress(): string {
  const here = location.pathname + location.search
  return `/login?next=${encodeURIComponent(here)}`
}

/** For tests. */
export function pretend(session: Session | null): void {
  current.value = session
}
