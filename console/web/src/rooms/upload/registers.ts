/**
 * What the registers say that helps to describe files: devices, their user codes, open cases.
 *
 * A register may have thousands: a first page is at hand, and the rest is asked for by what a person
 * types and by what the names of the files say.
 */
import { computed, shallowRef, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'

import { api, ask } from '@/api/client'
import { FEW, LEAST, people, type Choice, type Register } from '@/common/choices'
import { visible } from '@/common/format'
import { useLoad, type Load } from '@/common/load'
import { may, useSession } from '@/common/session'
import { bare, deviceOf, SERIAL_END, type Code, type Device, type Known, type Row } from './batch'

/** So many devices, codes and folders are asked for; a batch comes from a few. */
const MOST_ASKED = 20
const WAIT_MS = 250
const BRACKETS: Readonly<Record<string, string>> = { '[': '〔', '(': '〔', '【': '〔', ']': '〕', ')': '〕', '】': '〕' }

export interface Registers {
  mine: Load<Device[]>
  /** To choose from, by name: one's own first. */
  devices: Register
  people: Register
  known: ComputedRef<Known>
  /** Find what the names and folders of these rows mean. */
  namedBy: (rows: readonly Row[]) => Promise<void>
  /** Find cases by what is typed. */
  casesLike: (text: string) => void
}

/** `last`: the device that was handed over from last. */
export function useRegisters(last: string | null): Registers {
  const { t } = useI18n()
  const session = useSession()
  const codes = shallowRef<readonly Code[]>([])
  const devices = shallowRef<readonly Device[]>([])
  const cases = shallowRef<readonly string[]>([])
  const known = computed<Known>(() => ({ devices: devices.value, codes: codes.value, cases: cases.value }))
  const asked = new Set<string>()
  let waiting: ReturnType<typeof setTimeout> | undefined

  function meet(found: readonly Device[]): void {
    const there = new Set(devices.value.map((one) => one.id))
    const fresh = found.filter((one) => !there.has(one.id))
    if (fresh.length > 0) devices.value = [...devices.value, ...fresh]
  }
  async function devicesLike(text: string): Promise<{ found: Device[]; more: boolean }> {
    const { devices: found, next } = await ask(api.GET('/api/devices', { params: { query: { limit: FEW, current: 'true', ...(text === '' ? {} : { text }) } } }))
    meet(found)
    return { found, more: next !== null }
  }
  async function moreCases(text: string): Promise<void> {
    // What one may not read is not asked for: a refusal would be recorded.
    if (!may('case.read')) return
    const found = await ask(api.GET('/api/cases', { params: { query: { state: 'open', limit: text === '' ? 200 : FEW, ...(text === '' ? {} : { text }) } } })).catch(() => null) // only a help
    const fresh = (found?.cases ?? []).map((one) => one.number).filter((number) => !cases.value.includes(number))
    if (fresh.length > 0) cases.value = [...cases.value, ...fresh]
  }
  void moreCases('')

  const mine = useLoad(async () => {
    if (last !== null) await devicesLike(last)
    if (session.person === null) return []
    const found = (await ask(api.GET('/api/devices', { params: { query: { limit: 200, person: 'me', current: 'true' } } }))).devices
    meet(found)
    return found
  })
  const offered: Register = {
    async find(text) {
      const { found, more } = await devicesLike(text)
      const own = (await settled(mine)) ?? []
      const others = found.filter((one) => !own.some((other) => other.id === one.id))
      const as = (group: string) => (one: Device): Choice => ({ id: one.name, name: visible(one.name), ...(one.serial === null ? {} : { note: visible(one.serial) }), group })
      const first = own.filter((one) => text === '' || found.some((other) => other.id === one.id))
      return { choices: [...first.map(as(t('upload.source.mine'))), ...others.map(as(t('upload.source.others')))], more }
    },
    named: (name) => Promise.resolve({ id: name, name: visible(name) }),
  }

  /** Once each, and so many of all. */
  function fresh(kind: string, texts: Iterable<string>): string[] {
    const left = MOST_ASKED - [...asked].filter((one) => one.startsWith(`${kind} `)).length
    const found = [...new Set(texts)].filter((text) => !asked.has(`${kind} ${text}`)).slice(0, Math.max(0, left))
    for (const text of found) asked.add(`${kind} ${text}`)
    return found
  }
  async function namedBy(rows: readonly Row[]): Promise<void> {
    const strange = rows.flatMap((row) => (row.read.device === null || deviceOf(row.read.device, devices.value) !== null ? [] : [bare(row.read.device).slice(-SERIAL_END)]))
    for (const end of fresh('device', strange)) await devicesLike(end).catch(() => null) // only a help
    const folders = rows.flatMap((row) => (row.from.caseNumber === 'all' ? row.picked.path.split('/').slice(0, -1) : [])).map((name) => name.normalize('NFKC').replace(/[[\]()【】]/g, (one) => BRACKETS[one] ?? one).trim())
    for (const folder of fresh('case', folders.filter((name) => /\d/.test(name) && name.length >= 5 && !cases.value.includes(name)))) await moreCases(folder)
    const ids = rows.flatMap((row) => (row.read.user === null ? [] : [deviceOf(row.read.device, devices.value)?.id ?? '']))
    for (const device of fresh('codes', ids.filter((id) => id !== ''))) {
      const found = await ask(api.GET('/api/devices/{device}', { params: { path: { device } } })).catch(() => null) // only a help
      if (found !== null) codes.value = [...codes.value, ...found.codes.map((one) => ({ device, code: one.code, person: one.person }))]
    }
  }
  function casesLike(text: string): void {
    clearTimeout(waiting)
    if (text.trim().length >= LEAST && !cases.value.includes(text.trim())) waiting = setTimeout(() => void moreCases(text.trim()), WAIT_MS)
  }
  return { mine, devices: offered, people: people(), known, namedBy, casesLike }
}

/** What a load that runs comes to. */
async function settled<T>(load: Load<T>): Promise<T | null> {
  while (load.loading.value) await new Promise((resolve) => setTimeout(resolve, 20))
  return load.data.value
}
