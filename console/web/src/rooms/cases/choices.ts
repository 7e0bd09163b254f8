/** What a list can be narrowed to: units below each other, officers, devices; asked for once a page. */
import { computed, type ComputedRef } from 'vue'

import { api, ask, type Schemas } from '@/api/client'
import { visible } from '@/common/format'
import { useLoad } from '@/common/load'
import { everyPage } from '@/common/pages'
import { may } from '@/common/session'
import { treeOf } from '@/rooms/admin/tree'

export interface Choice {
  id: string
  name: string
}

export interface Choices {
  units: ComputedRef<Choice[]>
  people: ComputedRef<Choice[]>
  devices: ComputedRef<Choice[]>
}

const named = (all: readonly Choice[] | null): Choice[] => (all ?? []).map((one) => ({ id: one.id, name: visible(one.name) }))

export function useChoices(): Choices {
  const units = useLoad(async () => ((await ask(api.GET('/api/units', { params: { query: {} as never } }))) as { units: Schemas['Unit'][] }).units)
  const people = useLoad(async () => (may('person.read') ? await everyPage(async (after) => { const found = await ask(api.GET('/api/people', { params: { query: { limit: 200, ...after } as never } })); return [found.people, found.next] }) : []))
  const devices = useLoad(async () => (may('device.read') ? await everyPage(async (after) => { const found = await ask(api.GET('/api/devices', { params: { query: { limit: 200, ...after } as never } })); return [found.devices, found.next] }) : []))
  return {
    // An ideographic space for each step down: an option takes no other indent.
    units: computed(() => treeOf(units.data.value ?? []).map(({ one, depth }) => ({ id: one.id, name: `${'\u3000'.repeat(depth)}${visible(one.name)}` }))),
    people: computed(() => named(people.data.value)),
    devices: computed(() => named(devices.data.value)),
  }
}
