/** Loading something for a page: one state, one problem, and the newest answer wins. */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import { asProblem, type Problem } from '@/api/problem'
import { onSignedIn } from './start'

export interface Load<T> {
  data: ShallowRef<T | null>
  problem: ShallowRef<Problem | null>
  loading: Ref<boolean>
  /** Ask again; what is shown stays until the answer. Never throws. */
  reload: () => Promise<void>
}

/** Run `load` now (unless `later`); an answer to an earlier asking is dropped. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, later = false): Load<T> {
  const data = shallowRef<T | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const loading = ref(false)
  let running: AbortController | null = null

  async function reload(): Promise<void> {
    running?.abort()
    const mine = new AbortController()
    running = mine
    loading.value = true
    try {
      const found = await load(mine.signal)
      if (running !== mine) return
      data.value = found
      problem.value = null
    } catch (error) {
      if (running !== mine) return
      problem.value = asProblem(error)
    }
    loading.value = false
  }

  const drop = onSignedIn(() => {
    if (problem.value?.signedOut === true) void reload()
  })
  onScopeDispose(() => {
    drop()
    running?.abort()
    running = null
  })
  if (!later) void reload()
  return { data, problem, loading, reload }
}
