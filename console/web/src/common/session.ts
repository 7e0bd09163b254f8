/** Who looks, and what he may do somewhere.  Asked once, before anything is drawn. */
import { shallowRef } from 'vue'

import { api, ask, useToken, type Schemas } from '@/api/client'

export type Session = Schemas['Session']

const current = shallowRef<Session | null>(null)

export async function loadSession(): Promise<Session> {
  const found = await ask(api.GET('/api/session'))
  useToken(found.csrf)
  current.value = found
  return found
}

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
