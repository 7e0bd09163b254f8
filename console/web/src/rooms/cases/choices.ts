/** What a list can be narrowed to: units below each other, officers, devices; those of before, too. */
import { computed, type ComputedRef } from 'vue'

import { api, ask, type Schemas } from '@/api/client'
import { devices, people, type Register } from '@/common/choices'
import { visible } from '@/common/format'
import { useLoad } from '@/common/load'
import { treeOf } from '@/rooms/admin/tree'

export interface Choices {
  units: ComputedRef<{ id: string; name: string }[]>
  people: Register
  devices: Register
}

export function useChoices(): Choices {
  const units = useLoad(async () => ((await ask(api.GET('/api/units', { params: { query: {} as never } }))) as { units: Schemas['Unit'][] }).units)
  return {
    // An ideographic space for each step down: an option takes no other indent.
    units: computed(() => treeOf(units.data.value ?? []).map(({ one, depth }) => ({ id: one.id, name: `${'\u3000'.repeat(depth)}${visible(one.name)}` }))),
    people: people({ left: true }),
    devices: devices({ left: true }),
  }
}
