/**
 * A list that the address filters: read page by page, anew when the address changes; `/` leads to
 * its field.  Promised: rows of two filters are never in one list; a short page is asked on.
 */
import { computed, onBeforeUnmount, onMounted, reactive, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import { useRoute, useRouter, type LocationQuery, type LocationQueryRaw } from 'vue-router'

import { useLoad, type Load } from '@/common/load'
import { sayProblem } from '@/common/say'

export interface Page<R> {
  rows: R[]
  next: string | null
  /** How many were looked at for it, where the server says so. */
  looked_at?: number
}

export interface Searched<F, R> {
  filter: F
  /** As the address says it: what the rows are of. */
  asked: ComputedRef<F>
  load: Load<R[]>
  rows: ComputedRef<R[]>
  cursor: Ref<string | null>
  lookedAt: Ref<number>
  loadingMore: Ref<boolean>
  showMore: () => Promise<void>
  apply: () => void
}

const TYPED_MS = 300
const ENOUGH = 50
const MOST_ASKS = 40

/** `typed`: the fields in which people write; the list waits for a pause there. */
export function useSearched<F extends object, R>(
  read: (query: LocationQuery) => F,
  write: (filter: F) => LocationQueryRaw,
  typed: readonly (keyof F)[],
  page: (filter: F, cursor: string | null, signal: AbortSignal) => Promise<Page<R>>,
  field: Readonly<Ref<HTMLInputElement | null>>,
): Searched<F, R> {
  const [route, router] = [useRoute(), useRouter()]
  const filter = reactive(read(route.query)) as F
  const asked = computed(() => read(route.query))
  const more = shallowRef<R[]>([])
  const cursor = ref<string | null>(null)
  const lookedAt = ref(0)
  const loadingMore = ref(false)
  let current = new AbortController().signal

  const load = useLoad(async (signal) => {
    current = signal
    const found = await page(asked.value, null, signal)
    if (signal.aborted) return found.rows
    more.value = []
    cursor.value = found.next
    lookedAt.value = found.looked_at ?? 0
    if (found.next !== null && found.rows.length < ENOUGH) setTimeout(() => void goOn(0, signal))
    return found.rows
  })
  const rows = computed(() => [...(load.data.value ?? []), ...more.value])

  async function showMore(): Promise<void> {
    if (cursor.value === null || loadingMore.value) return
    loadingMore.value = true
    const of = current
    try {
      const found = await page(asked.value, cursor.value, of)
      if (!of.aborted && of === current) {
        more.value = [...more.value, ...found.rows]
        cursor.value = found.next
        lookedAt.value += found.looked_at ?? 0
      }
    } catch (error) {
      if (!of.aborted) sayProblem(error)
    }
    loadingMore.value = false
  }

  /** The server ends a page that takes long: so it is asked on, until there is enough to look at. */
  async function goOn(before = rows.value.length, of = current): Promise<void> {
    for (let asks = 0; asks < MOST_ASKS; asks += 1) {
      if (of !== current || of.aborted || cursor.value === null || rows.value.length - before >= ENOUGH) return
      const at = cursor.value
      await showMore()
      if (cursor.value === at) return // refused, or somebody else asks
    }
  }

  const apply = (): void => void router.replace({ query: write(filter) })
  let waiting: ReturnType<typeof setTimeout> | undefined
  watch(() => typed.map((name) => filter[name]), () => {
    clearTimeout(waiting)
    waiting = setTimeout(apply, TYPED_MS)
  })
  const others = (Object.keys(filter) as (keyof F)[]).filter((name) => !typed.includes(name))
  watch(() => others.map((name) => filter[name]), apply)
  watch(() => route.query, () => {
    // What is being typed (a space at its end) stays where it says the same.
    if (JSON.stringify(write(filter)) !== JSON.stringify(write(asked.value))) Object.assign(filter, asked.value)
    void load.reload()
  })

  function onKey(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLElement && event.target.closest('input, textarea, select, dialog') !== null
    if (event.key !== '/' || typing) return
    event.preventDefault()
    field.value?.focus()
  }
  onMounted(() => document.addEventListener('keydown', onKey))
  onBeforeUnmount(() => {
    document.removeEventListener('keydown', onKey)
    clearTimeout(waiting)
  })
  return { filter, asked, load, rows, cursor, lookedAt, loadingMore, showMore: () => goOn(), apply }
}
