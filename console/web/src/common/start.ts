import { ref, shallowRef } from 'vue'

import type { Problem } from '@/api/problem'

/** What kept the session from being read when the page was opened. */
export const trouble = shallowRef<Problem | null>(null)

/** The session ended while the page was open: what is on it stays, and a way to sign in is offered. */
export const over = ref(false)

const back = new Set<() => void>()

/** Called when the same person is signed in again, in this page or in another tab. */
export function onSignedIn(listener: () => void): () => void {
  back.add(listener)
  return () => back.delete(listener)
}

/** The session is there again: the page goes on as it is. */
export function signedIn(): void {
  over.value = false
  for (const listener of back) listener()
}
