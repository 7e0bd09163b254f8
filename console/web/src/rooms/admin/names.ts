/** Organs and units by name, for pages that only have their ids. */
import { computed, type ComputedRef } from 'vue'

import { api, ask, type Schemas } from '@/api/client'
import { visible } from '@/common/format'
import { useLoad, type Load } from '@/common/load'

export interface Places {
  organs: Schemas['Organ'][]
  units: Schemas['Unit'][]
}

export function usePlaces(): { load: Load<Places>; name: ComputedRef<(id: string | null | undefined) => string> } {
  const load = useLoad(async () => {
    const [organs, units] = await Promise.all([ask(api.GET('/api/organs')), ask(api.GET('/api/units', { params: { query: {} as never } }))])
    return { organs: organs.organs, units: (units as { units: Schemas['Unit'][] }).units }
  })
  const name = computed(() => {
    const all = new Map<string, string>()
    for (const one of load.data.value?.organs ?? []) all.set(one.id, visible(one.name))
    for (const one of load.data.value?.units ?? []) all.set(one.id, visible(one.name))
    return (id: string | null | undefined): string => (id === null || id === undefined ? '—' : (all.get(id) ?? id.slice(0, 8)))
  })
  return { load, name }
}
