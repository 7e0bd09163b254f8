import { ref, shallowRef } from 'vue'

import type { Problem } from '@/api/problem'

/** What kept the session from being read when the page was opened. */
export const trouble = shallowRef<Problem | null>(null)

/** The session ended while the page was open: what is on it stays, and a way to sign in is offered. */
export const over = ref(false)
