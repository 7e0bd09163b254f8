/** A verification as a page has it: its steps so far, what runs, and the report at the end. */
import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import { stepsOf, verify, type Report, type Source, type Wish } from './check'
import { compared, memory, type Known } from './key'
import { verdictOf, type Step, type StepCode } from '@/verify/receipt'


export function useVerify() {
  const steps = shallowRef<Step[]>([])
  const codes = shallowRef<StepCode[]>([])
  const running = ref<StepCode | null>(null)
  const read = ref(0)
  const known = shallowRef<{ origin: string; vkey: string; known: Known } | null>(null)
  const made = shallowRef<Report | null>(null)
  const busy = ref(false)
  let control: AbortController | null = null

  async function go(wish: Wish, source: (signal: AbortSignal) => Source): Promise<void> {
    control?.abort()
    const mine = new AbortController()
    control = mine
    busy.value = true
    made.value = known.value = running.value = null
    steps.value = []
    codes.value = stepsOf(wish)
    read.value = 0
    const now = new Date()
    const mineStill = (work: () => void): void => { if (control === mine && !mine.signal.aborted) work() }
    try {
      const report = await verify(source(mine.signal), memory(now), wish, {
        begins: (code) => mineStill(() => { running.value = code }),
        ended: (step) => mineStill(() => { steps.value = [...steps.value, step] }),
        read: (bytes) => mineStill(() => { read.value = bytes }),
        key: (origin, vkey, found) => mineStill(() => { known.value = { origin, vkey, known: found } }),
      }, now)
      mineStill(() => { made.value = report })
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'AbortError')) throw error
    } finally {
      if (control === mine) {
        running.value = null
        busy.value = false
      }
    }
  }

  function stop(): void {
    control?.abort()
    running.value = null
    busy.value = false
  }
  onScopeDispose(() => control?.abort())

  /** A person compared the key: the step that waited for it holds now. */
  function trust(): void {
    if (known.value === null || made.value === null) return
    const { origin, vkey } = known.value
    compared(origin, vkey, new Date())
    known.value = { origin, vkey, known: { seen: 'same', compared: true, since: known.value.known.since } }
    steps.value = steps.value.map((step) => (step.code === 'key' ? { code: 'key', outcome: 'good', detail: '' } : step))
    made.value = { ...made.value, steps: steps.value, verdict: verdictOf(steps.value) }
  }

  return { steps, codes, running, read, known, made, busy, go, stop, trust, verdict: computed(() => made.value?.verdict ?? null) }
}

export type Verification = ReturnType<typeof useVerify>
