/** What the registers say that helps to describe files: devices, their user codes, people, open cases. */
import { computed, shallowRef, type ComputedRef } from 'vue'

import { api, ask } from '@/api/client'
import { useLoad, type Load } from '@/common/load'
import { everyPage } from '@/common/pages'
import { may, useSession } from '@/common/session'
import { deviceOf, type Code, type Device, type Known, type Row } from './batch'

/** So many devices' codes are asked for; a batch comes from a few. */
const MOST_DEVICES = 20

export interface Person {
  id: string
  name: string
}

export interface Registers {
  devices: Load<{ mine: Device[]; others: Device[] }>
  people: Load<Person[]>
  known: ComputedRef<Known>
  /** Read the user codes of the devices that these rows name. */
  codesFor: (rows: readonly Row[]) => Promise<void>
}

export function useRegisters(): Registers {
  const session = useSession()
  const codes = shallowRef<readonly Code[]>([])
  const asked = new Set<string>()
  const devices = useLoad(async () => {
    const all: Device[] = (await everyPage(async (after) => { const found = await ask(api.GET('/api/devices', { params: { query: { limit: 200, ...after } } })); return [found.devices, found.next] })).filter((one) => one.ended === null)
    const mine = all.filter((one) => one.person?.id === session.person)
    return { mine, others: all.filter((one) => !mine.includes(one)) }
  })
  // What one may not read is not asked for: a refusal would be recorded.
  const people = useLoad(async () => (!may('person.read') ? [] : (await everyPage(async (after) => { const found = await ask(api.GET('/api/people', { params: { query: { limit: 200, ...after } } })); return [found.people, found.next] })).filter((one) => one.ended === null)))
  const cases = useLoad(async () => (!may('case.read') ? [] : (await ask(api.GET('/api/cases', { params: { query: { state: 'open', limit: 200 } } }))).cases.map((one) => one.number)))
  const known = computed<Known>(() => ({
    devices: [...(devices.data.value?.mine ?? []), ...(devices.data.value?.others ?? [])],
    codes: codes.value,
    cases: cases.data.value ?? [],
  }))

  async function codesFor(rows: readonly Row[]): Promise<void> {
    const ids = new Set(rows.filter((row) => row.read.user !== null).map((row) => deviceOf(row.read.device, known.value.devices)?.id))
    const fresh = [...ids].filter((id): id is string => id !== undefined && !asked.has(id)).slice(0, MOST_DEVICES - asked.size)
    for (const device of fresh) {
      asked.add(device)
      const found = await ask(api.GET('/api/devices/{device}', { params: { path: { device } } })).catch(() => null) // only a help
      if (found !== null) codes.value = [...codes.value, ...found.codes.map((one) => ({ device, code: one.code, person: one.person }))]
    }
  }
  return { devices, people, known, codesFor }
}
